import fc from 'fast-check';
import { requestId } from '../../reference-impl/wire/vhost-user-messages.ts';
import type { Address, Space } from '../program/arguments.ts';
import {
  noDescriptor,
  protocolBits,
  regionAt,
  slot,
  type Template,
  type ToldMessage,
  tableOf,
  toldAs,
  toldOf,
  writebackAt,
} from './told-message.ts';

const logBytes = 0x1_0000;

const inflightBytes = 0x1_0000;

/** What a front-end may send while no ring runs at index 0 or while one does: it changes nothing that a program follows. */
export const plain: readonly Template[] = [
  { request: requestId.VHOST_USER_GET_FEATURES },
  { request: requestId.VHOST_USER_GET_PROTOCOL_FEATURES },
  { request: requestId.VHOST_USER_SET_OWNER },
  { request: requestId.VHOST_USER_GET_QUEUE_NUM, gate: protocolBits.mq },
  { request: requestId.VHOST_USER_GET_MAX_MEM_SLOTS, gate: protocolBits.memorySlots },
  { request: requestId.VHOST_USER_GET_STATUS, gate: protocolBits.status },
  { request: requestId.VHOST_USER_GET_SHMEM_CONFIG, gate: protocolBits.sharedMemory },
  {
    request: requestId.VHOST_USER_GET_CONFIG,
    gate: protocolBits.config,
    fields: { size: 8 },
    bytes: new Uint8Array(8),
  },
  {
    request: requestId.VHOST_USER_GET_INFLIGHT_FD,
    gate: protocolBits.inflight,
    fields: { numQueues: 2, queueSize: 16 },
  },
  { request: requestId.VHOST_USER_SET_VRING_ERR, descriptor: 'eventfd' },
  { request: requestId.VHOST_USER_SET_VRING_ERR, fields: { u64: noDescriptor } },
  { request: requestId.VHOST_USER_SET_LOG_FD, descriptor: 'eventfd' },
  {
    request: requestId.VHOST_USER_SET_LOG_BASE,
    gate: protocolBits.logShmfd,
    fields: { logSize: logBytes },
    descriptor: 'memory-file',
  },
  { request: requestId.VHOST_USER_SEND_RARP, gate: protocolBits.rarp, fields: { u64: 0x5452n } },
  { request: requestId.VHOST_USER_NET_SET_MTU, gate: protocolBits.mtu, fields: { u64: 1500n } },
  { request: requestId.VHOST_USER_SET_BACKEND_REQ_FD, gate: protocolBits.backEndRequests, descriptor: 'socket' },
  { request: requestId.VHOST_USER_ADD_MEM_REG, ...slot, fields: regionAt(0), times: 1 },
  { request: requestId.VHOST_USER_ADD_MEM_REG, ...slot, fields: regionAt(1), times: 1 },
  { request: requestId.VHOST_USER_REM_MEM_REG, gate: protocolBits.memorySlots, fields: regionAt(0), times: 1 },
  {
    request: requestId.VHOST_USER_REM_MEM_REG,
    gate: protocolBits.memorySlots,
    fields: { ...regionAt(1), mmapOffset: 0n },
    times: 1,
  },
];

/** What a front-end may send while ring 0 runs. */
const ofRunningRing: readonly Template[] = [
  { request: requestId.VHOST_USER_VRING_KICK, gate: protocolBits.inband },
  { request: requestId.VHOST_USER_SET_VRING_CALL, descriptor: 'eventfd' },
  { request: requestId.VHOST_USER_SET_VRING_ENABLE, fields: { num: 1 } },
  ...[0, 1].map((value) => ({
    request: requestId.VHOST_USER_SET_CONFIG,
    gate: protocolBits.config,
    fields: { size: 1, offset: writebackAt },
    bytes: Uint8Array.of(value),
  })),
];

/** What belongs in front of the start of a ring. */
export const ofStoppedRing: readonly Template[] = [
  { request: requestId.VHOST_USER_SET_VRING_NUM, fields: { num: 16 } },
  { request: requestId.VHOST_USER_SET_VRING_BASE, fields: { num: 3 } },
  { request: requestId.VHOST_USER_GET_VRING_BASE },
  { request: requestId.VHOST_USER_SET_VRING_CALL, descriptor: 'eventfd' },
  { request: requestId.VHOST_USER_SET_VRING_CALL, fields: { u64: noDescriptor } },
  // Little-endian, as each ring of a program is.
  { request: requestId.VHOST_USER_SET_VRING_ENDIAN, gate: protocolBits.crossEndian, fields: { num: 0 } },
];

/** What a program does not follow: it comes last. */
export const last: readonly Template[] = [
  { request: requestId.VHOST_USER_RESET_OWNER },
  { request: requestId.VHOST_USER_RESET_DEVICE, gate: protocolBits.resetDevice },
  { request: requestId.VHOST_USER_SET_STATUS, gate: protocolBits.status, fields: { u64: 0xfn } },
  { request: requestId.VHOST_USER_SET_VRING_KICK, descriptor: 'eventfd' },
  { request: requestId.VHOST_USER_SET_VRING_CALL, descriptor: 'eventfd' },
  { request: requestId.VHOST_USER_SET_VRING_ENABLE, fields: { num: 1 } },
  { request: requestId.VHOST_USER_SET_VRING_ENABLE },
  { request: requestId.VHOST_USER_VRING_KICK, gate: protocolBits.inband },
  { request: requestId.VHOST_USER_SET_VRING_ENDIAN, gate: protocolBits.crossEndian, fields: { num: 1 } },
  {
    request: requestId.VHOST_USER_SET_CONFIG,
    gate: protocolBits.config,
    fields: { size: 1, offset: 32 },
    bytes: Uint8Array.of(1),
  },
  {
    request: requestId.VHOST_USER_SET_INFLIGHT_FD,
    gate: protocolBits.inflight,
    fields: { mmapSize: inflightBytes, numQueues: 2, queueSize: 16 },
    descriptor: 'memory-file',
  },
  { request: requestId.VHOST_USER_SET_MEM_TABLE, bytes: tableOf([0, 1]), descriptor: 'memory-file', descriptors: 2 },
  { request: requestId.VHOST_USER_SET_MEM_TABLE, bytes: tableOf([0]), descriptor: 'memory-file' },
  { request: requestId.VHOST_USER_SET_MEM_TABLE, bytes: tableOf([1, 0]), descriptor: 'memory-file', descriptors: 2 },
  { request: requestId.VHOST_USER_SET_MEM_TABLE, bytes: tableOf([2, 0, 1]), descriptor: 'memory-file', descriptors: 3 },
  { request: requestId.VHOST_USER_SET_VRING_KICK, fields: { u64: noDescriptor } },
  { request: requestId.VHOST_USER_SET_STATUS, gate: protocolBits.status, fields: { u64: 0n } },
  { request: requestId.VHOST_USER_GET_VRING_BASE, fields: { index: 1 } },
  {
    request: requestId.VHOST_USER_GET_SHARED_OBJECT,
    gate: protocolBits.sharedObject,
    bytes: new Uint8Array(16).fill(7),
  },
  {
    request: requestId.VHOST_USER_SET_DEVICE_STATE_FD,
    gate: protocolBits.deviceState,
    fields: { direction: 1, phase: 0 },
    descriptor: 'pipe',
  },
  { request: requestId.VHOST_USER_CHECK_DEVICE_STATE, gate: protocolBits.deviceState },
];

export const plainMessage = toldOf([...plain, ...ofRunningRing]);

export const stoppedRingMessage = toldOf([...plain, ...ofStoppedRing]);

/** Where the nearest ring lies, by its addresses of one kind. */
const ringAt = (space: Space): Readonly<Record<'descriptor' | 'available' | 'used', Address>> => ({
  descriptor: { kind: 'ring', ring: 0, area: 'descriptor', offset: 0, space },
  available: { kind: 'ring', ring: 0, area: 'driver', offset: 0, space },
  used: { kind: 'ring', ring: 0, area: 'device', offset: 0, space },
});

const ringOfGuestAddresses: Template = { request: requestId.VHOST_USER_SET_VRING_ADDR, fields: ringAt('guest') };

const lastMessage = toldOf([...last, ...ofStoppedRing]);

/** Behind the last ring: messages of any kind, or a ring that starts where nothing lies. */
export const lastMessages: fc.Arbitrary<readonly ToldMessage[]> = fc.oneof(
  { weight: 7, arbitrary: fc.array(lastMessage, { maxLength: 3 }) },
  {
    weight: 1,
    arbitrary: fc.constant([
      toldAs(ringOfGuestAddresses, true, 1),
      toldAs({ request: requestId.VHOST_USER_SET_VRING_KICK, descriptor: 'eventfd' }, true, 1),
    ]),
  },
);

/** Messages alone, many of them, on a session that has every protocol feature: their answers are what is of interest. */
export const manyMessages: fc.Arbitrary<readonly ToldMessage[]> = fc.array(
  fc.oneof({ weight: 2, arbitrary: toldOf(plain) }, { weight: 3, arbitrary: toldOf([...last, ...ofStoppedRing]) }),
  { minLength: 8, maxLength: 30 },
);

const addedRegion = (number: number): Template => ({
  request: requestId.VHOST_USER_ADD_MEM_REG,
  ...slot,
  fields: regionAt(number),
  times: 1,
});

const removedRegion = (number: number, mmapOffset?: bigint): Template => ({
  request: requestId.VHOST_USER_REM_MEM_REG,
  gate: protocolBits.memorySlots,
  fields: { ...regionAt(number), ...(mmapOffset === undefined ? {} : { mmapOffset }) },
  times: 1,
});

const statusOf = (u64: bigint): Template => ({
  request: requestId.VHOST_USER_SET_STATUS,
  gate: protocolBits.status,
  fields: { u64 },
  times: 1,
});

const statusRead: Template = { request: requestId.VHOST_USER_GET_STATUS, gate: protocolBits.status, times: 1 };

/** Messages of which the later ones show what the earlier ones did. */
const stories: readonly (readonly Template[])[] = [
  [addedRegion(1), removedRegion(1, 0n), addedRegion(1)],
  [addedRegion(0), addedRegion(1), removedRegion(0), removedRegion(1)],
  [addedRegion(1), removedRegion(1), addedRegion(1), removedRegion(1, 0x7000n)],
  // Protocol features stay in use where bit 30 is not acknowledged.
  [
    { request: requestId.VHOST_USER_SET_FEATURES, fields: { u64: 1n << 32n }, times: 1 },
    { request: requestId.VHOST_USER_GET_QUEUE_NUM, gate: protocolBits.mq, times: 1 },
    { request: requestId.VHOST_USER_GET_MAX_MEM_SLOTS, gate: protocolBits.memorySlots, times: 1 },
  ],
  [statusOf(1n), statusRead, statusOf(3n), statusRead, statusOf(0n), statusRead],
];

export const messageStory: fc.Arbitrary<readonly ToldMessage[]> = fc
  .constantFrom(...stories)
  .chain((story) => fc.tuple(...story.map((template) => toldOf([template]))));

/** A table takes the place of a region that was added: it cannot be removed any more. */
export const forgottenRegion: fc.Arbitrary<readonly (ToldMessage | 'share')[]> = fc
  .tuple(fc.nat({ max: 3 }), fc.boolean())
  .map(([number, asksForReply]) => [
    'share',
    toldAs(addedRegion(number), asksForReply, 1),
    'share',
    toldAs(removedRegion(number), true, 1),
  ]);

/** So many regions one after another, or one more. */
export const addedRegions = (count: number): fc.Arbitrary<readonly ToldMessage[]> =>
  fc
    .tuple(fc.constantFrom(count, count + 1), fc.boolean())
    .map(([regions, asksForReply]) =>
      Array.from({ length: regions }, (_, number) => toldAs({ ...addedRegion(number), times: 1 }, asksForReply, 1)),
    );
