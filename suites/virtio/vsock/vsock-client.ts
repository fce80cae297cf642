import type { DeviceDriver } from '../../../drivers/devices/device-driver.ts';
import { cutSpan, pattern } from '../../../drivers/devices/request.ts';
import {
  DeadlineError,
  type Guest,
  PeerProtocolError,
  type Queue,
  type Session,
  type UsedElement,
} from '../../../drivers/port/port.ts';
import {
  decodeVsockHeader,
  encodeVsockPacket,
  VSOCK_CONFIG_SIZE,
  VSOCK_HEADER_SIZE,
  VSOCK_HOST_CID,
  type VsockHeader,
  type VsockOperation,
  vsockOps,
  vsockQueues,
  vsockTypes,
} from '../../../reference-impl/devices/vsock-layout.ts';
import type { Span } from '../../../reference-impl/memory/span.ts';
import { readable, type Segment, writable } from '../../../reference-impl/virtqueue/segment.ts';
import type { Check } from '../../check.ts';
import { configFrom } from '../device-parts.ts';

/** The driver's side of sockets: packets on the transmit queue, and buffers for those of the device (virtio 5.10.6). */

/** What a driver has for a packet: the header, and a page of payload. */
export const receiveSize = VSOCK_HEADER_SIZE + 4096;
const receiveBuffers = 16;
/** What the socket of the driver takes unless told. */
const bufferSize = 0x1_0000;
/** The most payload that goes into one packet. */
const mostPayload = 4096;
/** Buffers that are looked over while one packet is waited for. */
const mostOthers = 256;

/** Ports of this process: what a device still sends to one that a case has left is no answer to another. */
let lastPort = 0x8000;

/** One direction of a connection, and what both sides know of their buffers. */
export interface Flow {
  readonly port: number;
  readonly to: number;
  readonly type: number;
  /** The buffer of the driver's socket: its size, and the bytes taken out of it, as the device was told last. */
  bufAlloc: number;
  fwdCnt: number;
  /** Payload bytes sent and received. */
  sent: number;
  received: number;
  /** What the device told of its own. */
  peerBufAlloc: number;
  peerFwdCnt: number;
}

export interface ReceivedPacket extends VsockHeader {
  readonly payload: Uint8Array;
  /** Of the used element. */
  readonly usedLen: number;
}

interface Sent {
  readonly payload?: Uint8Array;
  readonly flags?: number;
  /** In place of what the flow has. */
  readonly header?: Partial<VsockHeader>;
  /** Readable bytes behind those of the packet. */
  readonly behind?: number;
  /** Lengths of its descriptors, the last one left out; the header apart unless told. */
  readonly cuts?: readonly number[];
}

interface Parts {
  readonly session: Session;
  readonly driver: DeviceDriver;
  readonly guest: Guest;
  /** The transmit queue, attached; the receive queue runs beside it. */
  readonly tx: Queue;
}

const operationNames = new Map<number, string>(Object.entries(vsockOps).map(([name, op]) => [op, name]));

/** What a packet does, as checks show it. */
export const operationOf = (packet: VsockHeader | undefined): string =>
  packet === undefined ? 'no packet' : (operationNames.get(packet.op) ?? `operation ${packet.op}`);

/** Data of a flow. */
export const contents = (bytes: number, seed: number): Uint8Array => pattern(bytes, 0x51 + seed);

export class VsockClient {
  readonly guestCid: bigint;
  readonly rx: Queue;
  readonly tx: Queue;
  readonly #guest: Guest;
  readonly #buffers = new Map<number, Span>();
  /** Received packets that nobody has asked for yet. */
  readonly #pending: ReceivedPacket[] = [];
  readonly #flows: Flow[] = [];
  #reaped = 0;
  #receiveCuts: readonly number[] = [];

  /** @throws CaseEnded where the device does not tell the CID of its guest. */
  constructor({ session, driver, guest, tx }: Parts, check: Check) {
    const config = configFrom(session, check, VSOCK_CONFIG_SIZE);
    this.guestCid = new DataView(config.buffer, config.byteOffset).getBigUint64(0, true);
    this.#guest = guest;
    this.tx = tx;
    this.rx = driver.companion(vsockQueues.rx);
  }

  /** Gives the device buffers for packets. */
  giveBuffers(count = receiveBuffers, size = receiveSize, cuts: readonly number[] = []): void {
    this.#receiveCuts = cuts;
    for (let n = 0; n < count; n++) this.#give(this.#guest.allocate({ size }));
    this.rx.kick();
  }

  #give(span: Span): void {
    // What a device leaves as it was is no packet.
    span.fill(0);
    for (const id of this.rx.makeAvailable([cutSpan(span, this.#receiveCuts).map(writable)]))
      this.#buffers.set(id, span);
  }

  /** A flow that nothing was sent on yet. */
  flow(to: number, type: number = vsockTypes.stream): Flow {
    const counters = { bufAlloc: bufferSize, fwdCnt: 0, sent: 0, received: 0, peerBufAlloc: 0, peerFwdCnt: 0 };
    const flow = { port: ++lastPort, to, type, ...counters };
    this.#flows.push(flow);
    return flow;
  }

  /** Sends a packet. @throws as `waitForUsed` where it is not taken. */
  send(flow: Flow, operation: VsockOperation, sent: Sent = {}): void {
    this.tx.makeAvailable([this.packet(flow, operation, sent)]);
    this.tx.kickAndWaitForUsed(1);
    if (operation === 'rw') flow.sent = (flow.sent + (sent.payload?.length ?? 0)) >>> 0;
    this.#reapWhatCame();
  }

  /** A packet in memory: its header, and the payload in another descriptor. */
  packet(
    flow: Flow,
    operation: VsockOperation,
    { payload, flags = 0, header, behind = 0, cuts }: Sent = {},
  ): Segment[] {
    const data = payload ?? new Uint8Array();
    const bytes = encodeVsockPacket(
      {
        srcCid: this.guestCid,
        dstCid: VSOCK_HOST_CID,
        srcPort: flow.port,
        dstPort: flow.to,
        len: data.length,
        type: flow.type,
        op: vsockOps[operation],
        flags,
        bufAlloc: flow.bufAlloc,
        fwdCnt: flow.fwdCnt,
        ...header,
      },
      data,
    );
    const span = this.#guest.allocate({ size: bytes.length + behind });
    span.fill(0x7a);
    span.store(bytes);
    const isLonger = bytes.length + behind > VSOCK_HEADER_SIZE;
    return cutSpan(span, cuts ?? (isLonger ? [VSOCK_HEADER_SIZE] : [])).map(readable);
  }

  /**
   * The next packet of a flow; those of others are kept for them, and CREDIT_REQUEST is answered. @throws as `waitForUsed`
   * where none comes, PeerProtocolError where the device uses buffers without end for others, or for none.
   */
  next(flow: Flow): ReceivedPacket {
    for (let n = 0; n < mostOthers; n++) {
      const found = this.received(flow);
      if (found === undefined) this.awaitPacket();
      else if (found.op === vsockOps.creditRequest) this.tellCredit(flow);
      else return found;
    }
    throw new PeerProtocolError(`${mostOthers} receive buffers are used, none of them for the packet that is owed`);
  }

  /** The next packet of a flow, where one has come already. */
  received(flow: Flow): ReceivedPacket | undefined {
    const at = this.#pending.findIndex((packet) => packet.dstPort === flow.port);
    return at === -1 ? undefined : this.#pending.splice(at, 1)[0];
  }

  /**
   * The answer that is owed on a flow; undefined where none comes within a deadline, although the device answers on a
   * connection of its own behind that. @throws as `waitForUsed` where it does not.
   */
  owed(flow: Flow, connection: Flow): ReceivedPacket | undefined {
    this.#roundTrip(connection);
    try {
      return this.answer(flow);
    } catch (error) {
      if (!(error instanceof DeadlineError)) throw error;
      this.#roundTrip(connection);
      return this.received(flow);
    }
  }

  /** Credit is asked for and told. */
  #roundTrip(connection: Flow): void {
    this.send(connection, 'creditRequest');
    this.next(connection);
  }

  /** The next packet of a flow that is more than credit told unasked. @throws as `waitForUsed` where none comes. */
  answer(flow: Flow): ReceivedPacket {
    for (;;) {
      const packet = this.next(flow);
      if (packet.op !== vsockOps.creditUpdate) return packet;
    }
  }

  #reapWhatCame(): void {
    const came = this.rx.usedCount() - this.#reaped;
    if (came > 0) for (const used of this.rx.waitForUsed(came)) this.#take(used);
  }

  #take({ id, len }: UsedElement): void {
    this.#reaped++;
    const span = this.#buffers.get(id);
    this.#buffers.delete(id);
    if (span === undefined) return;
    const bytes = span.load();
    if (len >= VSOCK_HEADER_SIZE && bytes.length >= VSOCK_HEADER_SIZE) this.#note(bytes, len);
    // Buffers that are smaller than any packet are given once.
    if (bytes.length < receiveSize) return;
    this.#give(span);
    this.rx.kick();
  }

  #note(bytes: Uint8Array, usedLen: number): void {
    const header = decodeVsockHeader(bytes);
    // Nothing is said of what it means.
    if (header.op === vsockOps.invalid) return;
    const payload = bytes.slice(VSOCK_HEADER_SIZE, VSOCK_HEADER_SIZE + header.len);
    this.#pending.push({ ...header, payload, usedLen });
    const flow = this.#flows.find(({ port }) => port === header.dstPort);
    if (flow === undefined || header.op === vsockOps.rst) return;
    flow.peerBufAlloc = header.bufAlloc;
    flow.peerFwdCnt = header.fwdCnt;
    if (header.op === vsockOps.rw) flow.received = (flow.received + header.len) >>> 0;
  }

  /** Connects to a port at which a socket listens, in a case that presupposes it. @throws CaseEnded, or as `waitForUsed` */
  connected(check: Check, to: number, type: number = vsockTypes.stream, bufAlloc: number = bufferSize): Flow {
    const flow = this.flow(to, type);
    flow.bufAlloc = bufAlloc;
    this.send(flow, 'request');
    const operation = operationOf(this.next(flow));
    check.presumes(operation === 'response', `a connection to port ${to} is answered by RESPONSE (${operation})`);
    return flow;
  }

  /** Sends data as the buffer of the device has room for them. @throws as `waitForUsed` */
  sendData(flow: Flow, data: Uint8Array): void {
    for (let at = 0; at < data.length; ) {
      const free = flow.peerBufAlloc - ((flow.sent - flow.peerFwdCnt) >>> 0);
      if (free <= 0) {
        this.awaitPacket();
        continue;
      }
      const payload = data.subarray(at, at + Math.min(free, mostPayload));
      this.send(flow, 'rw', { payload });
      at += payload.length;
    }
  }

  /** @throws as `waitForUsed` */
  awaitPacket(): void {
    for (const used of this.rx.waitForUsed(1)) this.#take(used);
  }

  /** So many bytes of a flow, each packet shown to `look`. What was taken is told with the next packet. */
  receiveData(flow: Flow, bytes: number, look: (packet: ReceivedPacket) => void = () => {}): Uint8Array {
    const parts: Uint8Array[] = [];
    for (let left = bytes; left > 0; ) {
      const packet = this.answer(flow);
      look(packet);
      if (packet.op !== vsockOps.rw) break;
      parts.push(packet.payload);
      flow.fwdCnt = (flow.fwdCnt + packet.payload.length) >>> 0;
      left -= packet.payload.length;
      if (packet.payload.length === 0) break;
    }
    return Buffer.concat(parts);
  }

  /** Tells what was taken out of the driver's buffer. */
  tellCredit(flow: Flow): void {
    this.send(flow, 'creditUpdate');
  }

  /** Sends data and receives as much, credit told now and then. @throws as `waitForUsed` */
  exchanged(flow: Flow, data: Uint8Array, look?: (packet: ReceivedPacket) => void): Uint8Array {
    const back: Uint8Array[] = [];
    for (let at = 0; at < data.length; ) {
      const part = data.subarray(at, at + mostPayload * 4);
      this.sendData(flow, part);
      back.push(this.receiveData(flow, part.length, look));
      this.tellCredit(flow);
      at += part.length;
    }
    return Buffer.concat(back);
  }

  /** Ends the connections: a device that runs on keeps nothing of them. */
  end(): void {
    for (const flow of this.#flows) this.send(flow, 'rst');
  }
}
