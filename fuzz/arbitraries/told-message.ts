import fc from 'fast-check';
import { encodeStructure } from '../../reference-impl/wire/structure.ts';
import { requestId } from '../../reference-impl/wire/vhost-user-messages.ts';
import { memoryRegionsPayload } from '../../reference-impl/wire/vhost-user-payloads.ts';
import type { Address, Space } from '../program/arguments.ts';
import type { DescriptorKind } from '../program/call-table.ts';
import { type CallOf, callOf } from '../program/program.ts';

/** A message by hand, before it has a place in a program. */
export interface ToldMessage {
  readonly request: number;
  /** Protocol features without which it may not be sent. */
  readonly gate: bigint;
  readonly fields: Readonly<Record<string, number | bigint | Address>>;
  readonly bytes: Uint8Array;
  readonly descriptor: DescriptorKind | undefined;
  /** How many of them; 1 unless told. */
  readonly descriptors?: number;
  /** Bytes of a file that is passed, where they are told. */
  readonly size?: number;
  /** Of a word of features: the bits stand beside those that the session has. */
  readonly isBeside?: boolean;
  readonly asksForReply: boolean;
  /** How often it is sent. */
  readonly times: number;
}

export const protocolBits = {
  mq: 1n << 0n,
  logShmfd: 1n << 1n,
  rarp: 1n << 2n,
  replyAck: 1n << 3n,
  mtu: 1n << 4n,
  backEndRequests: 1n << 5n,
  config: 1n << 9n,
  inflight: 1n << 12n,
  resetDevice: 1n << 13n,
  inband: 1n << 14n,
  memorySlots: 1n << 15n,
  status: 1n << 16n,
  sharedObject: 1n << 18n,
  deviceState: 1n << 19n,
  sharedMemory: 1n << 22n,
} as const;

type Template = Partial<Omit<ToldMessage, 'request' | 'asksForReply'>> & { readonly request: number };

const noDescriptor = 0x100n;
/** Of block: the field of configuration that a driver may write. */
const writebackAt = 32;
const logBytes = 0x1_0000;
const inflightBytes = 0x1_0000;
/** Where no memory of a program lies: regions of one page that come and go. */
const regionAt = (number: number) => ({
  guestAddress: 0x70_0000_0000n + BigInt(number) * 0x1000n,
  size: 0x1000n,
  userAddress: 0x6f00_0000_0000n + BigInt(number) * 0x1000n,
  mmapOffset: BigInt(number) * 0x1000n,
});
/** SET_MEM_TABLE with some of them. */
function tableOf(numbers: readonly number[]): Uint8Array {
  const regions = numbers.map(regionAt);
  return encodeStructure(memoryRegionsPayload, { numRegions: regions.length, regions });
}

/** SET_MEM_TABLE with one region of so many bytes: none, or more than there are addresses. */
const emptyTable = (size: bigint): Uint8Array =>
  encodeStructure(memoryRegionsPayload, { numRegions: 1, regions: [{ ...regionAt(0), size }] });

const slot = { gate: protocolBits.memorySlots, descriptor: 'memory-file' } as const;

/** What a front-end may send while no ring runs at index 0 or while one does: it changes nothing that a program follows. */
const plain: readonly Template[] = [
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
const ofStoppedRing: readonly Template[] = [
  { request: requestId.VHOST_USER_SET_VRING_NUM, fields: { num: 16 } },
  { request: requestId.VHOST_USER_SET_VRING_BASE, fields: { num: 3 } },
  { request: requestId.VHOST_USER_GET_VRING_BASE },
  { request: requestId.VHOST_USER_SET_VRING_CALL, descriptor: 'eventfd' },
  { request: requestId.VHOST_USER_SET_VRING_CALL, fields: { u64: noDescriptor } },
];

/** What a program does not follow: it comes last. */
const last: readonly Template[] = [
  { request: requestId.VHOST_USER_RESET_OWNER },
  { request: requestId.VHOST_USER_RESET_DEVICE, gate: protocolBits.resetDevice },
  { request: requestId.VHOST_USER_SET_STATUS, gate: protocolBits.status, fields: { u64: 0xfn } },
  { request: requestId.VHOST_USER_SET_VRING_KICK, descriptor: 'eventfd' },
  { request: requestId.VHOST_USER_SET_VRING_CALL, descriptor: 'eventfd' },
  { request: requestId.VHOST_USER_SET_VRING_ENABLE, fields: { num: 1 } },
  { request: requestId.VHOST_USER_SET_VRING_ENABLE },
  { request: requestId.VHOST_USER_VRING_KICK, gate: protocolBits.inband },
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

const toldAs = (
  {
    request,
    gate = 0n,
    fields = {},
    bytes = new Uint8Array(0),
    descriptor,
    descriptors = 1,
    isBeside = false,
    times: own,
  }: Template,
  asksForReply: boolean,
  times: number,
): ToldMessage => ({
  request,
  gate,
  fields,
  bytes,
  descriptor,
  descriptors,
  isBeside,
  asksForReply,
  times: own ?? times,
});

const toldOf = (templates: readonly Template[]): fc.Arbitrary<ToldMessage> =>
  fc
    .record({
      template: fc.constantFrom(...templates),
      asksForReply: fc.boolean(),
      times: fc.constantFrom(1, 2, 2, 3),
    })
    .map(({ template, asksForReply, times }) => toldAs(template, asksForReply, times));

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

/** Words of features, which are cut alone. */
const words: readonly Template[] = [
  { request: requestId.VHOST_USER_SET_FEATURES },
  { request: requestId.VHOST_USER_SET_PROTOCOL_FEATURES },
  { request: requestId.VHOST_USER_SET_VRING_ADDR },
  { request: requestId.VHOST_USER_IOTLB_MSG },
  { request: requestId.VHOST_USER_SET_VRING_ERR, descriptor: 'eventfd' },
];

/** A message whose payload is cut, which the back-end refuses. */
export const shortMessage: fc.Arbitrary<ToldMessage> = fc
  .record({ told: toldOf([...last, ...ofStoppedRing, ...plain, ...words, ...words]), left: fc.constantFrom(1, 4, 7) })
  .map(({ told, left }) => ({ ...told, times: 1, asksForReply: true, fields: {}, bytes: new Uint8Array(left) }));

/** The regions that a session has beside its memory: a message that adds one again, or removes none, does not fit. */
export class ToldSlots {
  readonly #there = new Set<unknown>();

  clear(): void {
    this.#there.clear();
  }

  fits({ request, fields }: ToldMessage): boolean {
    const { guestAddress } = fields;
    switch (request) {
      case requestId.VHOST_USER_ADD_MEM_REG:
        if (this.#there.has(guestAddress)) return false;
        this.#there.add(guestAddress);
        return true;
      case requestId.VHOST_USER_REM_MEM_REG:
        return this.#there.delete(guestAddress);
      case requestId.VHOST_USER_SET_MEM_TABLE:
        this.clear();
    }
    return true;
  }
}

const replyFlags = 9;
const bytesOfFile = 0x2_0000;

/** The message as a call; undefined where a feature is missing. */
export function toldCall(
  {
    request,
    gate,
    fields,
    bytes,
    descriptor,
    descriptors = 1,
    size = bytesOfFile,
    isBeside = false,
    asksForReply,
  }: ToldMessage,
  session: number,
  protocol: bigint,
  id: number,
): CallOf<'message'> | undefined {
  if ((protocol & gate) !== gate) return undefined;
  return callOf('message', id, {
    session,
    request,
    flags: asksForReply && (protocol & protocolBits.replyAck) !== 0n ? replyFlags : 1,
    fields: Object.entries(fields).map(([name, value]) => ({
      name,
      value:
        typeof value === 'object'
          ? value
          : { kind: 'literal' as const, value: BigInt(value) | (isBeside ? protocol : 0n) },
    })),
    bytes,
    descriptors:
      descriptor === undefined
        ? []
        : Array.from({ length: descriptors }, () => ({ kind: descriptor, memory: 0, region: 0, size })),
  });
}

/** Room for the pages of all memory that a program has but the highest. */
const bytesOfLog = 0x4_0000;

/** A log of dirty pages, so many bytes behind the start of its file. */
export const logBase = (logOffset: number): ToldMessage => ({
  request: requestId.VHOST_USER_SET_LOG_BASE,
  gate: protocolBits.logShmfd,
  fields: { logSize: bytesOfLog, logOffset },
  bytes: new Uint8Array(0),
  descriptor: 'memory-file',
  size: bytesOfLog + logOffset,
  asksForReply: false,
  times: 1,
});

/** A ring is disabled. */
export const disabling = (index: number): ToldMessage =>
  toldAs({ request: requestId.VHOST_USER_SET_VRING_ENABLE, fields: { index, num: 0 } }, true, 1);

/** Where calls of a ring go. */
export const callDescriptor = (index: number): ToldMessage => ({
  request: requestId.VHOST_USER_SET_VRING_CALL,
  gate: 0n,
  fields: { u64: BigInt(index) },
  bytes: new Uint8Array(0),
  descriptor: 'eventfd',
  asksForReply: true,
  times: 1,
});

/** A buffer that has room for the records of so many rings. */
export const inflightBuffer = (queues: number, size: number): ToldMessage => ({
  request: requestId.VHOST_USER_SET_INFLIGHT_FD,
  gate: protocolBits.inflight,
  fields: { mmapSize: bytesOfFile, numQueues: queues, queueSize: size },
  bytes: new Uint8Array(0),
  descriptor: 'memory-file',
  asksForReply: true,
  times: 1,
});

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

/** So many regions one after another, or one more. */
export const addedRegions = (count: number): fc.Arbitrary<readonly ToldMessage[]> =>
  fc
    .tuple(fc.constantFrom(count, count + 1), fc.boolean())
    .map(([regions, asksForReply]) =>
      Array.from({ length: regions }, (_, number) => toldAs({ ...addedRegion(number), times: 1 }, asksForReply, 1)),
    );

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

export const unfitMessage = toldOf(unfit.map((template) => ({ ...template, times: 1 })));

/** Questions that belong to a protocol feature, for a session that does not have it. */
export const gatedMessage = toldOf(
  plain
    .filter(({ gate, request }) => gate !== undefined && request !== requestId.VHOST_USER_GET_QUEUE_NUM)
    .map((template) => ({ ...template, gate: 0n, times: 1 })),
);
