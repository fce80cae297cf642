import {
  decodeVsockHeader,
  encodeVsockPacket,
  VIRTIO_VSOCK_F_NO_IMPLIED_STREAM,
  VIRTIO_VSOCK_F_SEQPACKET,
  VIRTIO_VSOCK_F_STREAM,
  VSOCK_HEADER_SIZE,
  VSOCK_HOST_CID,
  type VsockHeader,
  type VsockOperation,
  vsockOps,
  vsockShutdown,
  vsockTypes,
} from './vsock-layout.ts';
import type { VsockRules } from './vsock-rules.ts';

/** The guest's CID, and the port of the host whose socket gives back what it receives. */
export const referenceGuestCid = 4n;
export const referenceEchoPort = 7;

/** Payload bytes that a socket of the host holds. */
const BUFFER_SIZE = 0x1_0000;
const MAX_CONNECTIONS = 64;
/** The most bytes of a packet that are read. */
export const MAX_PACKET = VSOCK_HEADER_SIZE + BUFFER_SIZE;

/** What came in one packet, as far as it was not given back. */
interface Piece {
  payload: Uint8Array;
  readonly flags: number;
}

interface Connection {
  /** The header that the guest's packets have, for addresses and type. */
  readonly flow: VsockHeader;
  readonly waiting: Piece[];
  bufAlloc: number;
  fwdCnt: number;
  sent: number;
  /** Bytes that the socket has taken out of its buffer, free-running. */
  forwarded: number;
  hints: number;
}

const waitingBytes = ({ waiting }: Connection): number =>
  waiting.reduce((total, { payload }) => total + payload.length, 0);

/** What the guest will not receive any more is taken out of the buffer, and goes nowhere. */
function dropUnwanted(connection: Connection): void {
  if ((connection.hints & vsockShutdown.receive) === 0) return;
  connection.forwarded = (connection.forwarded + waitingBytes(connection)) >>> 0;
  connection.waiting.length = 0;
}

/** Sockets of the host: one that listens and gives back what it receives; packets go in and come out. */
export class VsockHost {
  readonly #rules: VsockRules;
  readonly #guestCid: bigint;
  readonly #connections = new Map<string, Connection>();
  /** Packets without payload that wait for receive buffers. */
  #control: VsockHeader[] = [];
  /** Connections established since the last look. */
  #established = 0;

  constructor(guestCid: bigint, rules: VsockRules) {
    this.#guestCid = guestCid;
    this.#rules = rules;
  }

  clear(): void {
    this.#connections.clear();
    this.#control = [];
    this.#established = 0;
  }

  /** More is processed once packets have gone out. */
  get isFull(): boolean {
    return this.#control.length >= this.#rules.held;
  }

  /** Connections established since this was asked last. */
  takeEstablished(): number {
    const established = this.#established;
    this.#established = 0;
    return established;
  }

  /** A packet of the guest. */
  receive(bytes: Uint8Array, features: bigint): void {
    const header = bytes.length < VSOCK_HEADER_SIZE ? undefined : decodeVsockHeader(bytes);
    // The guest alone speaks through this device.
    if (header?.srcCid !== this.#guestCid) this.#rules.flawed();
    else this.#heard(header, bytes, features);
  }

  #heard(header: VsockHeader, bytes: Uint8Array, features: bigint): void {
    const key = this.#rules.flowOf(header);
    const connection = this.#connections.get(key);
    if (header.op === vsockOps.rst) {
      if (this.#rules.endsAtReset()) this.#connections.delete(key);
      return;
    }
    const given = bytes.length - VSOCK_HEADER_SIZE;
    const length = this.#rules.payloadLength(header.len, given);
    const isWhole = header.dstCid === VSOCK_HOST_CID && length <= given && bytes.length <= MAX_PACKET;
    if (!isWhole) this.#rules.flawed();
    if (!isWhole || !this.#rules.knowsType(header.type, isNegotiated(header.type, features), features)) {
      this.#reset(key, header);
    } else if (header.op === vsockOps.request) {
      this.#connect(key, header, connection);
    } else if (connection === undefined) {
      if (this.#rules.answersStranger()) this.#answer('rst', header);
    } else {
      connection.bufAlloc = header.bufAlloc;
      connection.fwdCnt = header.fwdCnt;
      this.#carryOut(key, header, connection, bytes.subarray(VSOCK_HEADER_SIZE, VSOCK_HEADER_SIZE + length));
    }
  }

  #connect(key: string, header: VsockHeader, existing: Connection | undefined): void {
    const isListening = this.#rules.listens(header.dstPort === referenceEchoPort);
    if (existing !== undefined || !isListening) {
      this.#reset(key, header);
      return;
    }
    if (this.#connections.size >= MAX_CONNECTIONS) {
      if (this.#rules.refusesWhenFull()) this.#answer('rst', header);
      return;
    }
    const { bufAlloc, fwdCnt } = header;
    const counters = { bufAlloc, fwdCnt, sent: 0, forwarded: 0, hints: 0 };
    const connection = { flow: header, waiting: [], ...counters };
    this.#connections.set(key, connection);
    this.#established++;
    this.#answer('response', header, connection);
  }

  #carryOut(key: string, header: VsockHeader, connection: Connection, payload: Uint8Array): void {
    switch (header.op) {
      case vsockOps.rw:
        if (waitingBytes(connection) + payload.length > BUFFER_SIZE) {
          this.#reset(key, header);
          break;
        }
        connection.waiting.push({ payload: this.#rules.carried(payload), flags: header.flags });
        dropUnwanted(connection);
        break;
      case vsockOps.shutdown:
        connection.hints = this.#rules.hints(connection.hints, header.flags);
        dropUnwanted(connection);
        if ((connection.hints & vsockShutdown.both) === vsockShutdown.both) this.#reset(key, header);
        break;
      case vsockOps.creditUpdate:
        break;
      case vsockOps.creditRequest:
        this.#answer('creditUpdate', header, connection);
        break;
      default:
        this.#rules.flawed();
        this.#reset(key, header);
    }
  }

  #reset(key: string, header: VsockHeader): void {
    this.#connections.delete(key);
    this.#answer('rst', header);
  }

  #answer(operation: VsockOperation, to: VsockHeader, connection?: Connection): void {
    const header = this.#rules.sent(this.#headerOf(vsockOps[operation], to, connection));
    if (header !== undefined) this.#control.push(header);
  }

  #headerOf(op: number, { srcPort, dstPort, dstCid, type }: VsockHeader, connection?: Connection): VsockHeader {
    return {
      srcCid: dstCid,
      dstCid: this.#guestCid,
      srcPort: dstPort,
      dstPort: srcPort,
      len: 0,
      type,
      op,
      flags: 0,
      bufAlloc: connection === undefined ? 0 : BUFFER_SIZE,
      fwdCnt: connection?.forwarded ?? 0,
    };
  }

  /** Whether a packet waits for a receive buffer. */
  get hasPacket(): boolean {
    return this.#control.length > 0 || this.#ready() !== undefined;
  }

  /** The next packet, with as much payload as there is room for behind its header; undefined where it has none at all. */
  next(room: number): Uint8Array | undefined {
    const control = this.#control.shift();
    if (control !== undefined) return encodeVsockPacket(control);
    const connection = room > 0 ? this.#ready() : undefined;
    return connection === undefined ? undefined : this.#data(connection, room);
  }

  /** The first connection that has something to send, and may. */
  #ready(): Connection | undefined {
    for (const connection of this.#connections.values()) {
      const [first] = connection.waiting;
      if (first !== undefined && (first.payload.length === 0 || this.#freeSpace(connection) > 0)) return connection;
    }
    return undefined;
  }

  #freeSpace({ bufAlloc, fwdCnt, sent }: Connection): number {
    return this.#rules.freeSpace({ bufAlloc, fwdCnt, sent });
  }

  #data(connection: Connection, room: number): Uint8Array | undefined {
    const [first] = connection.waiting;
    if (first === undefined) return undefined;
    const payload = first.payload.subarray(0, Math.min(room, this.#freeSpace(connection)));
    first.payload = first.payload.subarray(payload.length);
    const isEnd = first.payload.length === 0;
    if (isEnd) connection.waiting.shift();
    connection.sent = (connection.sent + payload.length) >>> 0;
    connection.forwarded = (connection.forwarded + payload.length) >>> 0;
    const { flow } = connection;
    const isMessage = flow.type === vsockTypes.seqpacket;
    const header = this.#rules.sent({
      ...this.#headerOf(vsockOps.rw, flow, connection),
      len: payload.length,
      flags: isMessage && isEnd ? this.#rules.endFlags(first.flags) : 0,
    });
    return header === undefined ? undefined : encodeVsockPacket(header, payload);
  }
}

/** Whether the negotiated features have a type of socket. A stream is implied unless the driver knows better. */
function isNegotiated(type: number, features: bigint): boolean {
  const has = (feature: bigint): boolean => (features & feature) !== 0n;
  if (type === vsockTypes.seqpacket) return has(VIRTIO_VSOCK_F_SEQPACKET);
  if (type !== vsockTypes.stream) return false;
  return has(VIRTIO_VSOCK_F_STREAM) || !has(VIRTIO_VSOCK_F_SEQPACKET) || !has(VIRTIO_VSOCK_F_NO_IMPLIED_STREAM);
}
