import fc from 'fast-check';
import { requestId } from '../../reference-impl/wire/vhost-user-messages.ts';
import type { DescriptorKind } from '../program/call-table.ts';
import { type CallOf, callOf } from '../program/program.ts';

/** A message by hand, before it has a place in a program. */
export interface ToldMessage {
  readonly request: number;
  /** Protocol features without which it may not be sent. */
  readonly gate: bigint;
  readonly fields: Readonly<Record<string, number | bigint>>;
  readonly bytes: Uint8Array;
  readonly descriptor: DescriptorKind | undefined;
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
} as const;

type Template = Partial<Omit<ToldMessage, 'request' | 'asksForReply' | 'times'>> & { readonly request: number };

const noDescriptor = 0x100n;
const logBytes = 0x1_0000;
const inflightBytes = 0x1_0000;

/** What a front-end may send while no ring runs at index 0 or while one does: it changes nothing that a program follows. */
const plain: readonly Template[] = [
  { request: requestId.VHOST_USER_GET_FEATURES },
  { request: requestId.VHOST_USER_GET_PROTOCOL_FEATURES },
  { request: requestId.VHOST_USER_SET_OWNER },
  { request: requestId.VHOST_USER_GET_QUEUE_NUM, gate: protocolBits.mq },
  { request: requestId.VHOST_USER_GET_MAX_MEM_SLOTS, gate: protocolBits.memorySlots },
  { request: requestId.VHOST_USER_GET_STATUS, gate: protocolBits.status },
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
];

const toldOf = (templates: readonly Template[]): fc.Arbitrary<ToldMessage> =>
  fc
    .record({
      template: fc.constantFrom(...templates),
      asksForReply: fc.boolean(),
      times: fc.constantFrom(1, 2, 2, 3),
    })
    .map(
      ({
        template: { request, gate = 0n, fields = {}, bytes = new Uint8Array(0), descriptor },
        asksForReply,
        times,
      }) => ({
        request,
        gate,
        fields,
        bytes,
        descriptor,
        asksForReply,
        times,
      }),
    );

export const plainMessage = toldOf(plain);
export const stoppedRingMessage = toldOf([...plain, ...ofStoppedRing]);
export const lastMessage = toldOf([...last, ...ofStoppedRing]);

/** A message whose payload is cut, which the back-end refuses. */
export const shortMessage: fc.Arbitrary<ToldMessage> = fc
  .record({ told: toldOf([...last, ...ofStoppedRing, ...plain]), left: fc.constantFrom(1, 4, 7) })
  .map(({ told, left }) => ({ ...told, times: 1, asksForReply: true, fields: {}, bytes: new Uint8Array(left) }));

const replyFlags = 9;
const bytesOfFile = 0x2_0000;

/** The message as a call; undefined where a feature is missing. */
export function toldCall(
  { request, gate, fields, bytes, descriptor, asksForReply }: ToldMessage,
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
      value: { kind: 'literal' as const, value: BigInt(value) },
    })),
    bytes,
    descriptors: descriptor === undefined ? [] : [{ kind: descriptor, memory: 0, region: 0, size: bytesOfFile }],
  });
}
