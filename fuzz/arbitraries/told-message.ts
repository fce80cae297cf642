import fc from 'fast-check';
import { encodeStructure } from '../../reference-impl/wire/structure.ts';
import { vhostUserConfigFlags } from '../../reference-impl/wire/vhost-user-constants.ts';
import { requestId } from '../../reference-impl/wire/vhost-user-messages.ts';
import { memoryRegionsPayload } from '../../reference-impl/wire/vhost-user-payloads.ts';
import type { Address } from '../program/arguments.ts';
import type { DescriptorKind } from '../program/call-description.ts';
import { payloadOf } from '../program/message-payload.ts';
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
  crossEndian: 1n << 6n,
  config: 1n << 9n,
  backEndDescriptors: 1n << 10n,
  hostNotifiers: 1n << 11n,
  inflight: 1n << 12n,
  resetDevice: 1n << 13n,
  inband: 1n << 14n,
  memorySlots: 1n << 15n,
  status: 1n << 16n,
  sharedObject: 1n << 18n,
  deviceState: 1n << 19n,
  sharedMemory: 1n << 22n,
} as const;

export type Template = Partial<Omit<ToldMessage, 'request' | 'asksForReply'>> & { readonly request: number };

export const noDescriptor = 0x100n;

/** Of block: the field of configuration that a driver may write. */
export const writebackAt = 32;

/** Where no memory of a program lies: regions of one page that come and go. */
export const regionAt = (number: number) => ({
  guestAddress: 0x70_0000_0000n + BigInt(number) * 0x1000n,
  size: 0x1000n,
  userAddress: 0x6f00_0000_0000n + BigInt(number) * 0x1000n,
  mmapOffset: BigInt(number) * 0x1000n,
});

/** SET_MEM_TABLE with some of them. */
export function tableOf(numbers: readonly number[]): Uint8Array {
  const regions = numbers.map(regionAt);
  return encodeStructure(memoryRegionsPayload, { numRegions: regions.length, regions });
}

export const slot = { gate: protocolBits.memorySlots, descriptor: 'memory-file' } as const;

export const toldAs = (
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

export const toldOf = (templates: readonly Template[]): fc.Arbitrary<ToldMessage> =>
  fc
    .record({
      template: fc.constantFrom(...templates),
      asksForReply: fc.boolean(),
      times: fc.constantFrom(1, 2, 2, 3),
    })
    .map(({ template, asksForReply, times }) => toldAs(template, asksForReply, times));

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

const fieldsOf = (
  { fields, isBeside = false }: Pick<ToldMessage, 'fields' | 'isBeside'>,
  protocol: bigint,
): CallOf<'message'>['fields'] =>
  Object.entries(fields).map(([name, value]) => ({
    name,
    value:
      typeof value === 'object'
        ? value
        : { kind: 'literal' as const, value: BigInt(value) | (isBeside ? protocol : 0n) },
  }));

/** Its payload, with zeros in place of addresses. */
export const payloadOfTold = (message: ToldMessage): Uint8Array =>
  payloadOf(
    callOf('message', 1, { request: message.request, fields: fieldsOf(message, 0n), bytes: message.bytes }),
    (address) => (address.kind === 'literal' ? address.value : 0n),
  );

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
    fields: fieldsOf({ fields, isBeside }, protocol),
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

/** Of block: whether writes are kept back, as a driver says it, or as a migration brings it. */
export const writeback = (value: number, isMigrated: boolean): ToldMessage =>
  toldAs(
    {
      request: requestId.VHOST_USER_SET_CONFIG,
      gate: protocolBits.config,
      fields: { size: 1, offset: writebackAt, flags: isMigrated ? vhostUserConfigFlags.liveMigration : 0 },
      bytes: Uint8Array.of(value),
    },
    true,
    1,
  );

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

/** Which shared memory regions a device has. */
export const sharedMemoryAsked: ToldMessage = toldAs(
  { request: requestId.VHOST_USER_GET_SHMEM_CONFIG, gate: protocolBits.sharedMemory },
  false,
  1,
);

/** A shared object. @param uuid as UUIDs are written. */
export const objectAsked = (uuid: string): ToldMessage =>
  toldAs(
    {
      request: requestId.VHOST_USER_GET_SHARED_OBJECT,
      gate: protocolBits.sharedObject,
      bytes: Uint8Array.from(uuid.replaceAll('-', '').match(/../g) ?? [], (digits) => Number.parseInt(digits, 16)),
    },
    false,
    1,
  );
