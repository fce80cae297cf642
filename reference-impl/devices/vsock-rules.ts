import { gather, type Piece } from '../memory/pieces.ts';
import type { VsockHeader } from './vsock-layout.ts';

/** What a sender knows of the buffer of its peer (virtio 5.10.6.3). */
export interface PeerCredit {
  readonly bufAlloc: number;
  readonly fwdCnt: number;
  /** Payload bytes sent, free-running. */
  readonly sent: number;
}

/** What the socket device does by choice; a fault replaces one entry. */
export interface VsockRules {
  /** The bytes of a packet, given the pieces of memory that hold them. */
  readonly gathered: (pieces: readonly Piece[], most: number) => Uint8Array;
  /** What it offers, given all that it has. */
  readonly offered: (features: bigint) => bigint;
  /** `guest_cid` of configuration. */
  readonly toldCid: (cid: bigint) => bigint;
  /** Whether a type of socket is known, given whether the negotiated features have it. */
  readonly knowsType: (type: number, isNegotiated: boolean, features: bigint) => boolean;
  /** Whether a socket listens at a port, given whether one does. */
  readonly listens: (isListening: boolean) => boolean;
  /** Whether it tells that it has no room for another connection. */
  readonly refusesWhenFull: () => boolean;
  /** What tells a connection from others. */
  readonly flowOf: (header: VsockHeader) => string;
  /** The header of a packet that it sends; undefined where it sends none. */
  readonly sent: (header: VsockHeader) => VsockHeader | undefined;
  /** Of so many payload bytes of a packet those that it sends on. */
  readonly carried: (payload: Uint8Array) => Uint8Array;
  /** The payload bytes of a packet, given what its header says and what stands behind the header. */
  readonly payloadLength: (len: number, given: number) => number;
  /** Free bytes in the buffer of the peer. */
  readonly freeSpace: (credit: PeerCredit) => number;
  /** Hints of SHUTDOWN that hold, given those before and those of the packet. */
  readonly hints: (before: number, now: number) => number;
  /** Whether RST ends a connection. */
  readonly endsAtReset: () => boolean;
  /** Whether a packet for a connection that there is not is answered, given that it is. */
  readonly answersStranger: () => boolean;
  /** Flags of a packet with the end of what came in one packet, given the flags of that. */
  readonly endFlags: (flags: number) => number;
  /** Packets that it holds until there are receive buffers; with as many it processes the transmit queue no further. */
  readonly held: number;
  /** The identifier of an event that it tells when a connection is established; undefined where it tells none. */
  readonly eventOnConnect: number | undefined;
  /** What becomes of a packet whose header or lengths do not fit. */
  readonly flawed: () => void;
  /** What becomes of a receive buffer that has no room for a packet. */
  readonly tooSmall: () => void;
}

/** The free-running counters are of 32 bits. */
const counted = (value: number): number => value >>> 0;

export const vsockRules: VsockRules = {
  gathered: (pieces, most) => gather(pieces, 0, most),
  offered: (features) => features,
  toldCid: (cid) => cid,
  knowsType: (_, isNegotiated) => isNegotiated,
  listens: (isListening) => isListening,
  refusesWhenFull: () => true,
  flowOf: ({ type, srcPort, dstPort }) => `${type} ${srcPort} ${dstPort}`,
  sent: (header) => header,
  carried: (payload) => payload,
  payloadLength: (len) => len,
  freeSpace: ({ bufAlloc, fwdCnt, sent }) => Math.max(0, bufAlloc - counted(sent - fwdCnt)),
  hints: (before, now) => before | now,
  endsAtReset: () => true,
  answersStranger: () => true,
  endFlags: (flags) => flags,
  held: 64,
  eventOnConnect: undefined,
  flawed: () => {},
  tooSmall: () => {},
};
