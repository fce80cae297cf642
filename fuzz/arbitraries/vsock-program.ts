import fc from 'fast-check';
import {
  encodeVsockPacket,
  VIRTIO_VSOCK_F_NO_IMPLIED_STREAM,
  VIRTIO_VSOCK_F_SEQPACKET,
  VIRTIO_VSOCK_F_STREAM,
  VSOCK_CONFIG_SIZE,
  VSOCK_HEADER_SIZE,
  VSOCK_HOST_CID,
  vsockOps,
  vsockQueues,
  vsockSeq,
  vsockShutdown,
  vsockTypes,
} from '../../reference-impl/devices/vsock-layout.ts';
import type { KnownSockets } from '../program/known-state.ts';
import type { Program } from '../program/program.ts';
import { readableSegment, writableSegment } from './chain-segments.ts';
import { PlainSession, type PlainShape } from './plain-session.ts';

/** Programs that use a socket device as drivers do, and as some do by mistake. */

interface Packet {
  readonly flow: number;
  readonly op: number;
  readonly length: number;
  readonly flags: number;
  /** In place of what its flow has. */
  readonly bufAlloc: number | undefined;
  /** It tells that all that was sent came back and was taken out of the buffer. */
  readonly tellsTaken: boolean;
  /** Readable bytes behind those of the packet. */
  readonly behind: number;
  /** Where the header is cut; 44 for not at all. */
  readonly cut: number;
}

/** What one flow is of: its type, and whether the port of the host is the one that listens. */
interface FlowKind {
  readonly type: number;
  readonly isEcho: boolean;
  /** The buffer of the driver's socket, in bytes. */
  readonly bufAlloc: number;
}

const typeBits = [VIRTIO_VSOCK_F_STREAM, VIRTIO_VSOCK_F_SEQPACKET, VIRTIO_VSOCK_F_NO_IMPLIED_STREAM];
const allTypes = VIRTIO_VSOCK_F_STREAM | VIRTIO_VSOCK_F_SEQPACKET;
const largeBuffer = 0x1_0000;
const ringSize = 128;
/** The ports of the driver begin here. */
const firstPort = 0x4000;
const { request, response, rst, shutdown, rw, creditUpdate, creditRequest } = vsockOps;

const flowKind: fc.Arbitrary<FlowKind> = fc.record({
  type: fc.constantFrom(
    ...[
      vsockTypes.stream,
      vsockTypes.stream,
      vsockTypes.stream,
      vsockTypes.seqpacket,
      vsockTypes.seqpacket,
      0,
      3,
      0xffff,
    ],
  ),
  isEcho: fc.nat({ max: 5 }).map((n) => n > 0),
  bufAlloc: fc.constantFrom(largeBuffer, largeBuffer, 100),
});

const length = fc.constantFrom(1, 7, 60, 100, 1000, 4096, 4500, 9000);
const flags = fc.constantFrom(0, 1, 1, 2, 3, 3);

const packetOf = (flows: number, op: number): fc.Arbitrary<Packet> =>
  fc.record({
    flow: fc.nat({ max: flows - 1 }),
    op: fc.constant(op),
    length: op === rw ? length : fc.constant(0),
    flags: op === rw || op === shutdown ? flags : fc.constant(0),
    bufAlloc: fc.oneof(
      { weight: 9, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: fc.constantFrom(largeBuffer, 100, 10, 0) },
    ),
    tellsTaken: fc.nat({ max: 3 }).map((n) => n === 3),
    behind: fc.nat({ max: 5 }).map((n) => (n === 5 ? 9 : 0)),
    cut: fc.constantFrom(VSOCK_HEADER_SIZE, VSOCK_HEADER_SIZE, VSOCK_HEADER_SIZE, 20, 1),
  });

const packets = (flows: number): fc.Arbitrary<Packet> =>
  fc.oneof(
    { weight: 2, arbitrary: packetOf(flows, request) },
    { weight: 12, arbitrary: packetOf(flows, rw) },
    { weight: 3, arbitrary: packetOf(flows, creditRequest) },
    { weight: 3, arbitrary: packetOf(flows, shutdown) },
    { weight: 1, arbitrary: packetOf(flows, creditUpdate) },
    { weight: 1, arbitrary: packetOf(flows, rst) },
    { weight: 1, arbitrary: packetOf(flows, response) },
  );

interface Parts {
  readonly features: bigint;
  readonly flows: readonly FlowKind[];
  /** How each flow begins, ahead of the packets: with REQUEST, or as it comes. */
  readonly opened: readonly boolean[];
  readonly packets: readonly Packet[];
  /** Room of the receive buffers, in turn. */
  readonly rooms: readonly number[];
  /** Receive buffers at first. */
  readonly buffers: number;
  /** So many connections are asked for at once. */
  readonly crowd: number;
  /** The packet ahead of which the session ends and another one begins. */
  readonly anewAt: number;
  /** A packet at the end whose fields do not fit. */
  readonly odd: OddPacket | undefined;
}

interface OddPacket {
  readonly what: 'length' | 'source' | 'destination' | 'operation' | 'short';
  readonly value: number;
}

const odd: fc.Arbitrary<OddPacket> = fc.record({
  what: fc.constantFrom('length', 'source', 'destination', 'operation', 'short'),
  value: fc.constantFrom(0, 1, 3, 9, 43, 0xffff, 0xffff_ffff),
});

export function vsockProgram(shape: PlainShape, sockets: KnownSockets): fc.Arbitrary<Program> {
  return fc
    .record({
      features: fc.oneof(
        fc.constant(allTypes),
        fc.subarray(typeBits).map((words) => words.reduce((all, word) => all | word, 0n)),
      ),
      flows: fc.array(flowKind, { minLength: 3, maxLength: 3 }),
      opened: fc.array(
        fc.nat({ max: 5 }).map((n) => n > 0),
        { minLength: 3, maxLength: 3 },
      ),
      packets: fc.array(packets(3), { minLength: 1, maxLength: 14 }),
      rooms: fc.array(fc.constantFrom(9100, 9100, 9100, 4140, 200, 45, 44, 10), { minLength: 1, maxLength: 4 }),
      buffers: fc.constantFrom(0, 4, 8, 16, 16, 24),
      crowd: fc.nat({ max: 15 }).map((n) => (n === 15 ? 70 : 0)),
      anewAt: fc.constantFrom(-1, -1, -1, -1, 4),
      odd: fc.nat({ max: 9 }).chain((n) => (n === 9 ? odd : fc.constant(undefined))),
    })
    .map((parts) => new LaidSockets(shape, parts, sockets).program());
}

/** Data of a stream has no flags, and a record ends with its message. */
function flagsOf({ op, flags: wanted }: Packet, { type }: FlowKind): number {
  if (op !== rw) return op === shutdown || type === vsockTypes.seqpacket ? wanted : 0;
  if (type !== vsockTypes.seqpacket) return 0;
  return wanted === vsockSeq.endOfRecord ? vsockSeq.endOfRecord | vsockSeq.endOfMessage : wanted;
}

/** Lays the calls of one program. */
class LaidSockets {
  readonly #parts: Parts;
  readonly #sockets: KnownSockets;
  readonly #laid: PlainSession;
  /** Payload bytes that were sent, by flow. */
  readonly #sent = new Map<number, number>();
  /** Halves of connections that were shut down, by flow. */
  readonly #hints = new Map<number, number>();
  #lent = 0;

  constructor(shape: PlainShape, parts: Parts, sockets: KnownSockets) {
    this.#parts = parts;
    this.#sockets = sockets;
    this.#laid = new PlainSession(shape, parts.features, [ringSize, ringSize, 16]);
  }

  program(): Program {
    const { opened, packets: sent, buffers, crowd, anewAt } = this.#parts;
    this.#laid.readConfig(VSOCK_CONFIG_SIZE);
    this.#lendAll(buffers);
    if (crowd > 0) this.#crowd(crowd);
    for (const [flow, isOpened] of opened.entries()) {
      if (isOpened) this.#send({ ...plainPacket, flow, op: request });
    }
    for (const [at, packet] of sent.entries()) {
      if (at === anewAt) this.#anew();
      this.#send(packet);
    }
    // What still waits for buffers comes now.
    this.#lendAll(buffers + 4);
    this.#look();
    const { odd: wrong } = this.#parts;
    if (wrong !== undefined) this.#sendOdd(wrong);
    for (const queue of [vsockQueues.tx, vsockQueues.rx]) this.#laid.stop(queue);
    return this.#laid.program();
  }

  #anew(): void {
    for (const queue of [vsockQueues.tx, vsockQueues.rx]) this.#laid.stop(queue);
    this.#laid.anew();
    this.#sent.clear();
    this.#hints.clear();
    this.#lendAll(this.#parts.buffers);
  }

  #lendAll(count: number): void {
    const { rooms } = this.#parts;
    for (let n = 0; n < count; n++) {
      this.#laid.chain(vsockQueues.rx, [writableSegment(rooms[this.#lent++ % rooms.length] ?? 0)]);
    }
    if (count === 0) return;
    this.#laid.kick(vsockQueues.rx);
    this.#laid.chain(vsockQueues.event, [writableSegment(8)]);
    this.#laid.kick(vsockQueues.event);
  }

  /** Takes what has come. */
  #look(): void {
    this.#laid.fence();
    this.#laid.wait(vsockQueues.rx, 0);
    this.#laid.wait(vsockQueues.event, 0);
  }

  /** More connections than a device may have room for, asked for at once. Each answer has a buffer: it may hold few. */
  #crowd(count: number): void {
    for (let n = 0; n < count; n++) this.#laid.chain(vsockQueues.rx, [writableSegment(VSOCK_HEADER_SIZE)]);
    this.#laid.kick(vsockQueues.rx);
    for (let n = 0; n < count; n++) {
      const header = this.#headerOf({ ...plainPacket, op: request }, 0x100 + n, plainFlow);
      this.#laid.chain(vsockQueues.tx, [readableSegment(encodeVsockPacket(header))]);
    }
    this.#laid.kick(vsockQueues.tx);
    this.#look();
  }

  #headerOf(packet: Packet, flow: number, { type, isEcho, bufAlloc }: FlowKind) {
    const { guestCid, echoPort } = this.#sockets;
    return {
      srcCid: guestCid,
      dstCid: VSOCK_HOST_CID,
      srcPort: firstPort + flow,
      dstPort: isEcho ? echoPort : echoPort + 1,
      len: packet.length,
      type,
      op: packet.op,
      flags: packet.flags,
      bufAlloc: packet.bufAlloc ?? bufAlloc,
      fwdCnt: packet.tellsTaken ? (this.#sent.get(flow) ?? 0) : 0,
    };
  }

  /** Behind a SHUTDOWN of one half there is nothing to send but that of the other. */
  #send(wanted: Packet): void {
    const before = this.#hints.get(wanted.flow) ?? 0;
    const isOver = before !== 0 && wanted.op === rw;
    const packet = isOver ? { ...wanted, op: shutdown, length: 0, flags: before ^ vsockShutdown.both } : wanted;
    const { flow, op, behind, cut } = packet;
    if (op === request) this.#hints.delete(flow);
    if (op === shutdown) this.#hints.set(flow, before | (packet.flags & vsockShutdown.both));
    const kind = this.#parts.flows[flow] ?? plainFlow;
    if (op === request) this.#sent.set(flow, 0);
    const header = this.#headerOf({ ...packet, flags: flagsOf(packet, kind) }, flow, kind);
    const sent = this.#sent.get(flow) ?? 0;
    const payload = Uint8Array.from({ length: packet.length }, (_, at) => (sent + at) * 7 + ((sent + at) >> 8) + flow);
    const bytes = encodeVsockPacket(header, payload);
    this.#laid.chain(vsockQueues.tx, [
      readableSegment(bytes.slice(0, cut)),
      ...(bytes.length > cut ? [readableSegment(bytes.slice(cut))] : []),
      ...(behind > 0 ? [readableSegment(new Uint8Array(behind).fill(0xee))] : []),
    ]);
    this.#laid.kick(vsockQueues.tx);
    this.#laid.wait(vsockQueues.tx, 1);
    if (op === rw) this.#sent.set(flow, sent + packet.length);
    this.#look();
  }

  #sendOdd({ what, value }: OddPacket): void {
    const header = this.#headerOf({ ...plainPacket, op: rw }, 0, plainFlow);
    const wrong = {
      ...header,
      ...(what === 'length' ? { len: Math.max(value, 1) } : {}),
      ...(what === 'source' ? { srcCid: BigInt(value) } : {}),
      ...(what === 'destination' ? { dstCid: BigInt(value) } : {}),
      ...(what === 'operation' ? { op: value % 0x1_0000 } : {}),
    };
    const bytes = encodeVsockPacket(wrong);
    this.#laid.chain(vsockQueues.tx, [readableSegment(what === 'short' ? bytes.slice(0, value % 44) : bytes)]);
    this.#laid.kick(vsockQueues.tx);
    this.#look();
  }
}

const plainFlow: FlowKind = { type: vsockTypes.stream, isEcho: true, bufAlloc: largeBuffer };

const plainPacket: Omit<Packet, 'op'> = {
  flow: 0,
  length: 0,
  flags: 0,
  bufAlloc: undefined,
  tellsTaken: false,
  behind: 0,
  cut: VSOCK_HEADER_SIZE,
};
