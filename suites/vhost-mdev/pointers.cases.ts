import type { Guest, VhostMdevSession } from '../../drivers/port/port.ts';
import type { Codec } from '../../reference-impl/wire/compile-layout.ts';
import { encodeMdevMessage, MDEV_HEADER_SIZE } from '../../reference-impl/wire/mdev-messages.ts';
import { encodeStructure } from '../../reference-impl/wire/structure.ts';
import {
  VFIO_DMA_MAP_FLAG_READ,
  vfioDeviceInfo,
  vfioDmaMap,
  vfioDmaUnmap,
  vfioIrqInfo,
  vfioIrqSet,
  vfioRegionInfo,
  vfioRequests,
} from '../../reference-impl/wire/vfio-structures.ts';
import { defineCase } from '../case.ts';
import { answerLength, sent, u64 } from './channel-door.ts';
import { configRegion } from './config-space.ts';
import { refusesCall } from './refusal.ts';
import { type Answer, answerOf } from './ring-messages.ts';
import { descriptorData, triggerByEvents } from './vectors.ts';

/** Calls, reads and writes whose argument or buffer ends in memory that is not there. */

const whole = <V extends { readonly argsz: number }>(codec: Codec<V>, value: Omit<V, 'argsz'>): Uint8Array =>
  encodeStructure(codec, { ...value, argsz: codec.size } as V);

/** The arguments of sound calls, with data behind those of SET_IRQS. */
const argumentsOf = ({ places }: VhostMdevSession) => {
  const set = { argsz: vfioIrqSet.size + 4, flags: triggerByEvents, index: places.interrupts, start: 0, count: 1 };
  return {
    VFIO_DEVICE_GET_INFO: whole(vfioDeviceInfo, { flags: 0, numRegions: 0, numIrqs: 0 }),
    VFIO_DEVICE_GET_REGION_INFO: whole(vfioRegionInfo, { flags: 0, index: 0, capOffset: 0, size: 0n, offset: 0n }),
    VFIO_DEVICE_GET_IRQ_INFO: whole(vfioIrqInfo, { flags: 0, index: places.interrupts, count: 0 }),
    VFIO_DEVICE_SET_IRQS: Uint8Array.of(...encodeStructure(vfioIrqSet, set), ...descriptorData(-1)),
  };
};

type Request = keyof ReturnType<typeof argumentsOf>;
const requests: readonly Request[] = [
  'VFIO_DEVICE_GET_INFO',
  'VFIO_DEVICE_GET_REGION_INFO',
  'VFIO_DEVICE_GET_IRQ_INFO',
  'VFIO_DEVICE_SET_IRQS',
];

/** The call with all but so many bytes of its argument. */
function call(session: VhostMdevSession, request: Request, missing: number): Answer {
  const argument = argumentsOf(session)[request];
  const part = argument.slice(0, Math.max(0, argument.length - missing));
  return answerOf(session.vfio.file.ioctl(vfioRequests[request], part));
}

export const ofDevice = defineCase({
  id: 'vhost-mdev/pointers/bad-pointers-are-refused',
  title: 'a call whose argument ends in memory that is not there fails with EFAULT',
  proves: { 'vm-identity/bad-pointers-refused': 'mdev-bad-pointers-are-taken' },
  applies: { start: 'closed', transports: ['vhost-mdev'], ring: 'none' },
  run(context) {
    const check = context.requirement('vm-identity/bad-pointers-refused');
    for (const request of requests) {
      for (const [left, missing] of [
        ['none', 64],
        ['all but a byte', 1],
      ] as const) {
        refusesCall(context, check, {
          what: `${request} with ${left} of its argument`,
          open: () => context.connect('connected'),
          flawed: (session) => call(session, request, missing),
          control: (session) => call(session, request, 0),
          controlName: `${request} with all of it`,
          errors: ['EFAULT'],
        });
      }
    }
  },
});

/** Sound calls on the container of layout L2, where nothing is mapped. */
const ofContainer = ({ regions: [region] }: Guest) => {
  const { ioVirtualAddress, userAddress, size } = region ?? { ioVirtualAddress: 0n, userAddress: 0n, size: 0 };
  const range = { ioVirtualAddress: ioVirtualAddress + 16n * BigInt(size), size: BigInt(size) };
  return {
    VFIO_IOMMU_MAP_DMA: whole(vfioDmaMap, { flags: VFIO_DMA_MAP_FLAG_READ, userAddress, ...range }),
    VFIO_IOMMU_UNMAP_DMA: whole(vfioDmaUnmap, { flags: 0, ...range }),
  };
};

export const ofItsContainer = defineCase({
  id: 'vhost-mdev/pointers/bad-pointers-on-the-container-are-refused',
  title: 'a mapping or unmapping whose argument ends in memory that is not there fails with EFAULT',
  proves: { 'vm-identity/bad-pointers-refused': 'mdev-container-takes-bad-pointers' },
  applies: { start: 'closed', transports: ['vhost-mdev'], needs: ['layout-l2'], ring: 'none' },
  run(context) {
    const check = context.requirement('vm-identity/bad-pointers-refused');
    for (const request of ['VFIO_IOMMU_MAP_DMA', 'VFIO_IOMMU_UNMAP_DMA'] as const) {
      const argument = ofContainer(context.guest)[request];
      const called = (session: VhostMdevSession, length: number): Answer =>
        answerOf(session.vfio.file.containerIoctl(vfioRequests[request], argument.slice(0, length)));
      for (const length of [0, argument.length - 1]) {
        refusesCall(context, check, {
          what: `${request} with ${length} bytes of its argument`,
          open: () => context.connect('negotiated'),
          flawed: (session) => called(session, length),
          control: (session) => called(session, argument.length),
          controlName: `${request} with all of it`,
          errors: ['EFAULT'],
        });
      }
    }
  },
});

/** Accesses to regions, each with its whole buffer: how many bytes it has, and what is transferred of them. */
const accesses: Readonly<Record<string, Access>> = {
  'the write of a message': {
    bytes: encodeMdevMessage('VHOST_SET_LOG_BASE', u64(0x1000)),
    transfer: ({ vfio, places }, part, count) => vfio.write(places.messages, 0, part, count),
  },
  'the write of a message without a payload': {
    bytes: encodeMdevMessage('VHOST_SET_OWNER', new Uint8Array()),
    transfer: ({ vfio, places }, part, count) => vfio.write(places.messages, 0, part, count),
  },
  'the read of an answer': {
    bytes: new Uint8Array(answerLength),
    transfer(session, part, count) {
      sent(session, 'VHOST_GET_FEATURES');
      return session.vfio.read(session.places.messages, 0, part, count);
    },
  },
  'the write of a doorbell': {
    bytes: new Uint8Array(4),
    transfer: ({ vfio, places }, part, count) => vfio.write(places.doorbells, 0, part, count),
  },
};

/** Of layout L1: configuration space, whose accesses have any length. */
const accessesOfConfigSpace: Readonly<Record<string, Access>> = {
  'the read of configuration space': {
    bytes: new Uint8Array(4),
    transfer: ({ vfio }, part, count) => vfio.read(configRegion, 0, part, count),
  },
  'the write of configuration space': {
    bytes: new Uint8Array(4),
    transfer: ({ vfio }, part, count) => vfio.write(configRegion, 0x3c, part, count),
  },
};

interface Access {
  readonly bytes: Uint8Array;
  /** Makes it with the first bytes of the buffer, `count` in all. */
  transfer(session: VhostMdevSession, part: Uint8Array, count: number): number;
}

export const ofRegions = defineCase({
  id: 'vhost-mdev/pointers/bad-buffers-are-refused',
  title:
    'a message, the read of an answer, a doorbell and an access to configuration space fail whose buffer ends in memory that is not there',
  proves: { 'vm-regions/bad-buffers-refused': 'mdev-bad-buffers-are-taken' },
  applies: { start: 'closed', transports: ['vhost-mdev'], ring: 'none' },
  run(context) {
    const check = context.requirement('vm-regions/bad-buffers-refused');
    const hasConfigSpace = context.port.facts.capabilities.includes('layout-l1');
    const all = { ...accesses, ...(hasConfigSpace ? accessesOfConfigSpace : {}) };
    for (const [what, { bytes, transfer }] of Object.entries(all)) {
      const made = (session: VhostMdevSession, there: number): Answer =>
        answerOf(transfer(session, bytes.slice(0, there), bytes.length));
      for (const there of new Set([0, 1, Math.min(MDEV_HEADER_SIZE, bytes.length - 1), bytes.length - 1])) {
        refusesCall(context, check, {
          what: `${what} with ${there} bytes of its buffer`,
          open: () => context.connect('negotiated'),
          flawed: (session) => made(session, there),
          control: (session) => made(session, bytes.length),
          controlName: `${what} with all of it`,
          errors: 'any',
        });
      }
    }
  },
});
