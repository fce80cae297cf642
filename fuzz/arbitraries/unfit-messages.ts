import fc from 'fast-check';
import { encodeStructure } from '../../reference-impl/wire/structure.ts';
import { requestId } from '../../reference-impl/wire/vhost-user-messages.ts';
import { memoryRegionsPayload } from '../../reference-impl/wire/vhost-user-payloads.ts';
import type { CallOf } from '../program/program.ts';
import { last, ofStoppedRing, plain } from './lawful-messages.ts';
import {
  noDescriptor,
  payloadOfTold,
  protocolBits,
  regionAt,
  slot,
  type Template,
  type ToldMessage,
  tableOf,
  toldAs,
  toldOf,
} from './told-message.ts';

/** SET_MEM_TABLE with one region of so many bytes: none, or more than there are addresses. */
const emptyTable = (size: bigint): Uint8Array =>
  encodeStructure(memoryRegionsPayload, { numRegions: 1, regions: [{ ...regionAt(0), size }] });

/** SET_MEM_TABLE with a number of regions that is not that of those behind it. */
const countedTable = (count: number, regions: number): Uint8Array => {
  const table = tableOf(Array.from({ length: regions }, (_, number) => number));
  new DataView(table.buffer, table.byteOffset).setUint32(0, count, true);
  return table;
};

/** Words of features, which are cut alone. */
const words: readonly Template[] = [
  { request: requestId.VHOST_USER_SET_FEATURES },
  { request: requestId.VHOST_USER_SET_PROTOCOL_FEATURES },
  { request: requestId.VHOST_USER_SET_VRING_ADDR },
  { request: requestId.VHOST_USER_IOTLB_MSG },
  { request: requestId.VHOST_USER_SET_VRING_ERR, descriptor: 'eventfd' },
];

/** How much of a payload is left: so many zeros, or what stands ahead of its last bytes. */
const cut = fc.oneof(
  fc.constantFrom(1, 4, 7).map((left) => () => new Uint8Array(left)),
  fc.constantFrom(1, 4, 8).map((less) => (whole: Uint8Array) => whole.subarray(0, Math.max(1, whole.length - less))),
);

/** A message whose payload is cut, which the back-end refuses. */
export const shortMessage: fc.Arbitrary<ToldMessage> = fc
  .record({ told: toldOf([...last, ...ofStoppedRing, ...plain, ...words, ...words]), cut })
  .map(({ told, cut }) => ({ ...told, times: 1, asksForReply: true, fields: {}, bytes: cut(payloadOfTold(told)) }));

/** A message as a call of a program, for a session with these features. */
type Flaw = (call: CallOf<'message'>) => Partial<CallOf<'message'>>;

/** What a back-end refuses, or answers as though nothing were wrong. */
const flaws: readonly Flaw[] = [
  ({ flags }) => ({ flags: (flags & ~3) | 2 }),
  ({ flags }) => ({ flags: flags & ~3 }),
  ({ flags }) => ({ flags: flags | 0x10 }),
  ({ flags }) => ({ flags: flags | 0x4000_0000 }),
  () => ({ descriptors: [] }),
  ({ descriptors }) => ({ descriptors: [...descriptors, eventDescriptor] }),
  ({ descriptors }) => ({ descriptors: [...descriptors, ...Array.from({ length: 9 }, () => eventDescriptor)] }),
  () => ({ truncate: 6 }),
  () => ({ truncate: 15 }),
  () => ({ piece: 5 }),
  () => ({ piece: 12 }),
  () => ({ declared: 0x1000 }),
];

const eventDescriptor = { kind: 'eventfd' as const, memory: 0, region: 0, size: 0 };

/** Changes a call into one that is refused, or is as good in another form. */
export const flaw: fc.Arbitrary<Flaw> = fc.constantFrom(...flaws);

/** Messages with values that no device has, or that were not offered. */
const unfit: readonly Template[] = [
  { request: requestId.VHOST_USER_SET_FEATURES, fields: { u64: (1n << 32n) | (1n << 30n) | (1n << 60n) } },
  ...[1n << 40n, 1n << 63n].map((bit) => ({
    request: requestId.VHOST_USER_SET_PROTOCOL_FEATURES,
    fields: { u64: bit },
    isBeside: true,
  })),
  ...[
    { logSize: 0n },
    { logSize: 1n << 62n },
    { logSize: 0x1000n, logOffset: (1n << 64n) - 0x1000n },
    { logSize: 0x1000n, logOffset: 1n << 40n },
  ].map((fields) => ({
    request: requestId.VHOST_USER_SET_LOG_BASE,
    gate: protocolBits.logShmfd,
    fields,
    descriptor: 'memory-file' as const,
  })),
  ...([requestId.VHOST_USER_SET_VRING_KICK, requestId.VHOST_USER_SET_VRING_CALL] as const).map((request) => ({
    request,
    fields: { u64: 0x8n },
    descriptor: 'eventfd' as const,
  })),
  { request: requestId.VHOST_USER_SET_LOG_FD, descriptor: 'memory-file' },
  { request: requestId.VHOST_USER_SET_VRING_ERR, descriptor: 'pipe' },
  { request: requestId.VHOST_USER_SET_VRING_ADDR, fields: { descriptor: 8n, used: 0n, available: 3n } },
  { request: requestId.VHOST_USER_SET_STATUS, gate: protocolBits.status, fields: { u64: 0x100n } },
  { request: requestId.VHOST_USER_SET_VRING_NUM, fields: { num: 0 } },
  { request: requestId.VHOST_USER_SET_VRING_NUM, fields: { num: 0x1_0000 } },
  { request: requestId.VHOST_USER_SET_VRING_NUM, fields: { index: 0x8000, num: 16 } },
  { request: requestId.VHOST_USER_SET_VRING_BASE, fields: { index: 0xffff_ffff, num: 0 } },
  { request: requestId.VHOST_USER_GET_VRING_BASE, fields: { index: 0x8001 } },
  { request: requestId.VHOST_USER_SET_VRING_ENABLE, fields: { index: 0, num: 2 } },
  { request: requestId.VHOST_USER_SET_VRING_ENDIAN, gate: protocolBits.crossEndian, fields: { index: 0, num: 2 } },
  { request: requestId.VHOST_USER_SET_VRING_ENABLE, fields: { index: 0x8000, num: 1 } },
  { request: requestId.VHOST_USER_NET_SET_MTU, gate: protocolBits.mtu, fields: { u64: 20n } },
  { request: requestId.VHOST_USER_REM_MEM_REG, gate: protocolBits.memorySlots, fields: regionAt(7) },
  { request: requestId.VHOST_USER_REM_MEM_REG, ...slot, fields: regionAt(0) },
  { request: requestId.VHOST_USER_ADD_MEM_REG, ...slot, fields: { ...regionAt(3), size: 0n } },
  { request: requestId.VHOST_USER_ADD_MEM_REG, ...slot, fields: { ...regionAt(3), mmapOffset: 0x100_0000n } },
  { request: requestId.VHOST_USER_SET_MEM_TABLE, bytes: tableOf([0, 1, 2]), descriptor: 'memory-file', descriptors: 2 },
  { request: requestId.VHOST_USER_SET_MEM_TABLE, bytes: tableOf([0, 0]), descriptor: 'memory-file', descriptors: 2 },
  {
    request: requestId.VHOST_USER_SET_MEM_TABLE,
    bytes: tableOf([0, 0x7f000]),
    descriptor: 'memory-file',
    descriptors: 2,
  },
  {
    request: requestId.VHOST_USER_SET_INFLIGHT_FD,
    gate: protocolBits.inflight,
    fields: { mmapSize: 0x100n, numQueues: 0, queueSize: 0 },
    descriptor: 'memory-file',
  },
  ...[
    { numQueues: 0, queueSize: 16 },
    { numQueues: 2, queueSize: 0 },
    { numQueues: 0xffff, queueSize: 16 },
  ].map((fields) => ({ request: requestId.VHOST_USER_GET_INFLIGHT_FD, gate: protocolBits.inflight, fields })),
  ...(
    [
      [0, 1, 1],
      [9, 8, 8],
      [9, 8, 9],
      [0x20, 8, 8],
      [0xffff_ffff, 8, 8],
    ] as const
  ).map(([count, regions, descriptors]) => ({
    request: requestId.VHOST_USER_SET_MEM_TABLE,
    bytes: countedTable(count, regions),
    descriptor: 'memory-file' as const,
    descriptors,
  })),
  {
    request: requestId.VHOST_USER_SET_CONFIG,
    gate: protocolBits.config,
    fields: { size: 8, offset: 0x1000 },
    bytes: new Uint8Array(8),
  },
  {
    request: requestId.VHOST_USER_SET_CONFIG,
    gate: protocolBits.config,
    fields: { size: 1, offset: 32, flags: 8 },
    bytes: Uint8Array.of(0),
  },
  {
    request: requestId.VHOST_USER_GET_CONFIG,
    gate: protocolBits.config,
    fields: { size: 16, offset: 0x1000 },
    bytes: new Uint8Array(16),
  },
  { request: requestId.VHOST_USER_SET_MEM_TABLE, bytes: emptyTable(0n), descriptor: 'memory-file' },
  { request: requestId.VHOST_USER_SET_MEM_TABLE, bytes: emptyTable((1n << 64n) - 0x1000n), descriptor: 'memory-file' },
  { request: requestId.VHOST_USER_SET_VRING_KICK, fields: { u64: noDescriptor }, descriptor: 'eventfd' },
  { request: requestId.VHOST_USER_SET_VRING_CALL, fields: { u64: noDescriptor }, descriptor: 'eventfd' },
  { request: 200 },
  { request: requestId.VHOST_USER_IOTLB_MSG, bytes: new Uint8Array(32) },
];

/** Features that were not offered, and what the device makes of FEATURES_OK behind them. */
export const unfitFeatures: fc.Arbitrary<readonly ToldMessage[]> = fc
  .record({
    bit: fc.constantFrom(60n, 49n, 63n),
    asksForReply: fc.boolean(),
  })
  .map(({ bit, asksForReply }) =>
    [
      { request: requestId.VHOST_USER_SET_STATUS, gate: protocolBits.status, fields: { u64: 3n } },
      { request: requestId.VHOST_USER_SET_FEATURES, fields: { u64: (1n << 32n) | (1n << 30n) | (1n << bit) } },
      { request: requestId.VHOST_USER_SET_STATUS, gate: protocolBits.status, fields: { u64: 0xbn } },
      { request: requestId.VHOST_USER_GET_STATUS, gate: protocolBits.status },
    ].map((template) => toldAs(template, asksForReply, 1)),
  );

export const unfitMessage = toldOf(unfit.map((template) => ({ ...template, times: 1 })));

/** Questions that belong to a protocol feature, for a session that does not have it. */
export const gatedMessage = toldOf(
  plain
    .filter(({ gate, request }) => gate !== undefined && request !== requestId.VHOST_USER_GET_QUEUE_NUM)
    .map((template) => ({ ...template, gate: 0n, times: 1 })),
);
