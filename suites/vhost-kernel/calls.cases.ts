import type { TargetFacts } from '../../drivers/port/port.ts';
import { encodeStructure } from '../../reference-impl/wire/structure.ts';
import { type VdpaRequest, vdpaRequests } from '../../reference-impl/wire/vdpa-structures.ts';
import {
  type VhostCoreRequest,
  type VhostNetRequest,
  vhostNetRequests,
} from '../../reference-impl/wire/vhost-requests.ts';
import { u64Payload } from '../../reference-impl/wire/vhost-user-payloads.ts';
import { defineCase } from '../case.ts';
import { chosen, type NumberedCall, ofNet, ringCallsOf, type VhostSession } from './calls-of.ts';
import { refusesCall } from './refusal.ts';

/** What holds for every call: the owner, pointers, and what is no call. */

const transports = ['vhost-vdpa', 'vhost-kernel'] as const;

/** An argument in which every field is 0: ring 0, size 0, no event. */
const zeroes = (bytes: number): Uint8Array => new Uint8Array(bytes);

const call = ({ calls }: VhostSession, request: number, argument: Uint8Array): number =>
  calls.file.ioctl(request, argument);

/** Positions may be set, whatever they are and before there are features. */
const takesPositions = ({ capabilities }: TargetFacts): boolean => capabilities.includes('initial-base');
const ofPositions = 'SET_VRING_BASE';

/** Calls of the owner that are on no ring, and change nothing either. A backend is asked for a ring that is set up alone. */
const ofOwner: Readonly<Record<string, NumberedCall>> = {
  SET_MEM_TABLE: ofNet((calls) => calls.setMemory([])),
  SET_LOG_BASE: ofNet((calls) => calls.setLogBase(0n)),
  SET_LOG_FD: ofNet((calls) => calls.setLogEvent(-1)),
};

export const ownerFirst = defineCase({
  id: 'vhost-kernel/owner/calls-on-rings-wait-for-an-owner',
  title: 'calls on rings and memory fail with EPERM before SET_OWNER, and are taken behind it',
  proves: { 'vk-owner/calls-before-set-owner-denied': ['vdpa-needs-no-owner', 'vhost-net-needs-no-owner'] },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const check = context.requirement('vk-owner/calls-before-set-owner-denied');
    const { port } = context;
    const points = Object.entries(chosen(port, ringCallsOf(port), {}, ofOwner))
      .filter(([key]) => key !== ofPositions || takesPositions(port.facts))
      .map(([key, act]) => ({ key, act }));
    context.points(points, ({ key, act }) =>
      refusesCall(context, check, {
        what: `${key} before SET_OWNER`,
        start: 'connected',
        flawed: (session) => act(session, 0),
        control: (session) => {
          session.calls.setOwner();
          return act(session, 0);
        },
        controlName: `${key} behind SET_OWNER`,
        errors: ['EPERM'],
      }),
    );
  },
});

export const oneOwner = defineCase({
  id: 'vhost-kernel/owner/second-owner-is-refused',
  title: 'SET_OWNER is taken once; a second one fails with EBUSY',
  proves: { 'vk-owner/second-set-owner-is-busy': ['vdpa-second-owner-is-taken', 'vhost-net-second-owner-is-taken'] },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const check = context.requirement('vk-owner/second-set-owner-is-busy');
    refusesCall(context, check, {
      what: 'a second SET_OWNER',
      start: 'connected',
      flawed: ({ calls }) => {
        calls.setOwner();
        return calls.setOwner();
      },
      control: ({ calls }) => calls.setOwner(),
      controlName: 'the first SET_OWNER',
      errors: ['EBUSY'],
    });
  },
});

const number = (value: number, bytes: 4 | 8): Uint8Array => {
  const argument = new Uint8Array(bytes);
  new DataView(argument.buffer).setUint32(bytes - 4, value, true);
  return argument;
};

const word = (value: bigint | number): Uint8Array => encodeStructure(u64Payload, { u64: BigInt(value) });
/** Ring 0, and -1 for a descriptor. */
const noEvent = number(0xffff_ffff, 8);
const firstByte = new Uint8Array([0, 0, 0, 0, 1, 0, 0, 0, 0]);

type WholeArgument = (session: VhostSession) => Uint8Array;

/** Calls with whole arguments that are taken of a session that has no features yet. */
const wholeArguments: Readonly<Partial<Record<VhostCoreRequest, WholeArgument>>> = {
  VHOST_GET_FEATURES: () => zeroes(8),
  VHOST_SET_FEATURES: ({ calls }) => word(calls.features()),
  VHOST_GET_BACKEND_FEATURES: () => zeroes(8),
  VHOST_SET_BACKEND_FEATURES: () => zeroes(8),
  VHOST_SET_VRING_NUM: () => number(16, 8),
  VHOST_SET_VRING_ADDR: () => zeroes(40),
  VHOST_SET_VRING_BASE: () => zeroes(8),
  VHOST_SET_VRING_KICK: () => noEvent.slice(),
  VHOST_SET_VRING_CALL: () => noEvent.slice(),
  VHOST_SET_VRING_ERR: () => noEvent.slice(),
};

const wholeOfVdpa: Readonly<Partial<Record<VdpaRequest, WholeArgument>>> = {
  VHOST_VDPA_GET_DEVICE_ID: () => zeroes(4),
  VHOST_VDPA_GET_STATUS: () => zeroes(1),
  VHOST_VDPA_SET_STATUS: () => zeroes(1),
  VHOST_VDPA_GET_CONFIG: () => firstByte.slice(),
  // As it is: a device may keep what is written for all that follow.
  VHOST_VDPA_SET_CONFIG: ({ calls }) => {
    const read = 'readConfig' in calls ? calls.readConfig(0, 1) : 0;
    return firstByte.with(firstByte.length - 1, typeof read === 'number' ? 0 : (read[0] ?? 0));
  },
  VHOST_VDPA_GET_VRING_NUM: () => zeroes(2),
  VHOST_VDPA_SET_CONFIG_CALL: () => number(0xffff_ffff, 4),
  VHOST_VDPA_GET_IOVA_RANGE: () => zeroes(16),
  VHOST_VDPA_GET_CONFIG_SIZE: () => zeroes(4),
  VHOST_VDPA_GET_VQS_COUNT: () => zeroes(4),
  VHOST_VDPA_GET_GROUP_NUM: () => zeroes(4),
  VHOST_VDPA_GET_AS_NUM: () => zeroes(4),
  VHOST_VDPA_SET_VRING_ENABLE: () => zeroes(8),
};

/** Without VHOST_NET_SET_BACKEND, which no ring is ready for. */
const wholeOfNet: Readonly<Partial<Record<VhostNetRequest, WholeArgument>>> = {
  VHOST_SET_MEM_TABLE: () => zeroes(8),
  VHOST_SET_LOG_BASE: () => zeroes(8),
  VHOST_SET_LOG_FD: () => number(0xffff_ffff, 4),
};

const numbers: Readonly<Record<string, number>> = { ...vdpaRequests, ...vhostNetRequests };

const isOfConfig = (request: string): boolean => request.endsWith('_CONFIG');

export const badPointers = defineCase({
  id: 'vhost-kernel/calls/bad-pointers-are-refused',
  title: 'a call whose argument ends in memory that is not there fails with EFAULT, and the device goes on',
  proves: { 'vk-call/bad-pointers-refused': ['vdpa-bad-pointers-are-taken', 'vhost-net-bad-pointers-are-taken'] },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const check = context.requirement('vk-call/bad-pointers-refused');
    const all = Object.entries(chosen(context.port, wholeArguments, wholeOfVdpa, wholeOfNet))
      .filter(([request]) => context.port.facts.device !== 'entropy' || !isOfConfig(request))
      .filter(([request]) => request !== `VHOST_${ofPositions}` || takesPositions(context.port.facts))
      .flatMap(([request, whole]) =>
        (['none of it', 'all but a byte'] as const).map((left) => ({
          key: `${request}, ${left}`,
          request: numbers[request] as number,
          name: request,
          whole,
          left,
        })),
      );
    context.points(all, ({ key, request, name, whole, left }) =>
      refusesCall(context, check, {
        what: key,
        start: 'prepared',
        flawed: (session) => {
          const argument = whole(session);
          return call(session, request, argument.slice(0, left === 'none of it' ? 0 : argument.length - 1));
        },
        control: (session) => call(session, request, whole(session)),
        controlName: `${name} with all of it`,
        errors: ['EFAULT'],
      }),
    );
  },
});

/** The same argument with a number that is a call. */
const known = (session: VhostSession): number => call(session, vdpaRequests.VHOST_GET_FEATURES, zeroes(8));
const knownName = 'VHOST_GET_FEATURES with the same argument';

/** Numbers of the type of vhost that no call of Linux has, and one of another type. */
const strangers = [0xaf6e, 0x4008_af6f, 0xc008_afff, 0x1234];

export const unknownCalls = defineCase({
  id: 'vhost-kernel/calls/unknown-calls-are-refused',
  title: 'a number that is no call is refused, with ENOTTY where its argument is the number of a ring',
  proves: { 'vk-unknown/unknown-ioctl-refused': ['vdpa-unknown-calls-are-taken', 'vhost-net-unknown-calls-are-taken'] },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const check = context.requirement('vk-unknown/unknown-ioctl-refused');
    const points = strangers.flatMap((request) =>
      [8, 0].map((bytes) => ({ key: `0x${request.toString(16)}, ${bytes} bytes`, request, bytes })),
    );
    context.points(points, ({ key, request, bytes }) =>
      refusesCall(context, check, {
        what: key,
        start: 'prepared',
        flawed: (session) => call(session, request, zeroes(bytes)),
        control: known,
        controlName: knownName,
        errors: bytes === 0 ? ['ENOTTY', 'EFAULT'] : ['ENOTTY'],
      }),
    );
  },
});
