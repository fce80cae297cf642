import type { FeatureSet } from '../../reference-impl/catalogue/catalogue.ts';
import { arpFrameSize, arpReply, arpRequest } from '../../reference-impl/devices/arp.ts';
import { VIRTIO_NET_F_HASH_REPORT, VIRTIO_NET_F_MRG_RXBUF } from '../../reference-impl/devices/net-layout.ts';
import type { Span } from '../../reference-impl/memory/span.ts';
import { VIRTIO_F_VERSION_1 } from '../../reference-impl/virtqueue/feature-bits.ts';
import type { Guest, Queue } from '../port/port.ts';
import type { NetWorkload } from './net-workload.ts';
import {
  chainOf,
  cutSpan,
  difference,
  evenCuts,
  exactly,
  pattern,
  type Request,
  type RequestShape,
} from './request.ts';
import { unmet } from './request-needs.ts';

const numBuffersOffset = 10;
const withHash = 20;

/**
 * Bytes of struct virtio_net_hdr: num_buffers is in it with VERSION_1 or MRG_RXBUF, and the hash behind it with HASH_REPORT
 * (virtio 5.1.9).
 */
export function headerSizeOf({ device }: FeatureSet): number {
  if ((device & VIRTIO_NET_F_HASH_REPORT) !== 0n) return withHash;
  return (device & (VIRTIO_F_VERSION_1 | VIRTIO_NET_F_MRG_RXBUF)) === 0n ? numBuffersOffset : numBuffersOffset + 2;
}

export const shortestFrame = 60;
/** Room of a receive buffer beyond the frame that is expected. */
export const receiveSlack = 64;
const ownMac = [0x52, 0x54, 0x00, 0x12, 0x34, 0x56];
const otherMac = [0x52, 0x54, 0x00, 0x65, 0x43, 0x21];
/** Of no station; another one from its first byte on, as some devices compare no further than a byte of 0. */
const foreignMac = [0x0a, 0x67, 0x45, 0x23, 0x01, 0xfe];
/** An EtherType for local experiments, so that no bridge on the way takes the frame for something else. */
const experimental = [0x88, 0xb5];
/** Of a frame with an 802.1Q tag. */
const tagged = [0x81, 0x00];

/** A receive buffer that was made available, and what came into it. */
export interface ReceiveBuffer {
  readonly request: Request;
  /** All of its bytes, header included: a copy. */
  load(): Uint8Array;
}

/** A frame to transmit, and what must come in for it. */
export interface Exchange {
  readonly frame: Uint8Array;
  /** Whether a frame that came in is the answer, right or wrong. Others may come in by themselves. */
  isAnswer(frame: Uint8Array): boolean;
  /** Why the answer is not what it must be, or undefined. */
  problem(frame: Uint8Array): string | undefined;
}

/** Bytes of the Ethernet header that say of what kind a frame is. */
const typeOf = (frame: Uint8Array): string => frame.subarray(12, 14).join();
const arpOperation = 21;
const arpReplyOperation = 2;
const arpSenderMac = 22;
const macSize = 6;

/** Makes Ethernet frames with their virtio-net header in guest memory. */
export class NetFrames {
  readonly facts: NetWorkload;
  readonly #guest: Guest;
  readonly #headerSize: () => number;
  /** Buffers on receive rings, by their id: a frame that is lost leaves the buffer that was for it to the next one. */
  readonly #waiting = new WeakMap<Queue, Map<number, ReceiveBuffer>>();

  /** @param headerSize asked each time: it changes with what the session negotiates. */
  constructor(guest: Guest, facts: NetWorkload, headerSize: () => number) {
    this.#headerSize = headerSize;
    this.#guest = guest;
    this.facts = facts;
  }

  /** Bytes of struct virtio_net_hdr, as it was negotiated. */
  get headerSize(): number {
    return this.#headerSize();
  }

  sizes({ bytes = shortestFrame }: RequestShape): { readonly readable: number; readonly writable: number } {
    return { readable: this.headerSize + bytes, writable: 0 };
  }

  /** A frame of `bytes` (Ethernet header included, no checksum) whose payload depends on the seed. */
  frame(bytes: number = shortestFrame, seed = 0): Uint8Array {
    const frame = pattern(bytes, seed);
    frame.set([...otherMac, ...ownMac, ...experimental]);
    return frame;
  }

  /** A chain that transmits `frame(bytes, seed)`; the device writes nothing. */
  transmit(shape: RequestShape = {}): Request {
    return this.transmitFrame(this.frame(shape.bytes, shape.seed), shape);
  }

  /** The same to where no receive buffer is needed, as far as the device knows such a place: what is sent for its ring alone. */
  transmitAway(shape: RequestShape = {}): Request {
    const frame = this.frame(shape.bytes, shape.seed);
    if (this.facts.dropsForeign === true) frame.set(foreignMac);
    return this.transmitFrame(frame, shape);
  }

  /** `header` is struct virtio_net_hdr as it is sent; zeros, which asks for nothing, unless told. */
  transmitFrame(
    frame: Uint8Array,
    shape: RequestShape = {},
    header: Uint8Array = new Uint8Array(this.headerSize),
  ): Request {
    const span = this.#guest.allocate({ size: this.headerSize + frame.length, ...shape.readableWhere });
    span.store(header);
    span.store(frame, this.headerSize);
    const segments = chainOf(cutSpan(span, shape.readableCuts ?? this.#cuts(frame.length, shape)), []);
    return { segments, writes: exactly(0), problem: () => undefined };
  }

  /** In one descriptor, or with the header in one of its own. */
  #cuts(bytes: number, { descriptors = 1 }: RequestShape): readonly number[] {
    return descriptors > 1 ? [this.headerSize, ...evenCuts(bytes, descriptors - 1)] : [];
  }

  /** A buffer to receive a frame into that comes back. @throws RequestsUnknownError where none does. */
  receiveBuffer(bytes?: number, shape?: RequestShape): ReceiveBuffer {
    this.#needReturns();
    return this.bufferOf(bytes, shape);
  }

  /** A buffer on the receive ring, whatever comes in. */
  bufferOf(bytes = 2048, { writableCuts = [], writableWhere }: RequestShape = {}): ReceiveBuffer {
    const span: Span = this.#guest.allocate({ size: bytes, ...writableWhere });
    span.fill(0xee);
    const segments = chainOf([], cutSpan(span, writableCuts));
    return { request: { segments, writes: exactly(0), problem: () => undefined }, load: () => span.load() };
  }

  /** Bytes of the frame that is transmitted for an answer, unless told. */
  get exchangeBytes(): number {
    return this.facts.returns === 'arp-reply' ? arpFrameSize : shortestFrame;
  }

  /** A frame for which one comes in. @throws RequestsUnknownError where none does, or none of that many bytes. */
  exchange({ bytes = this.exchangeBytes, seed = 1 }: RequestShape = {}): Exchange {
    const { returns, address = '' } = this.facts;
    if (returns === 'arp-reply' && bytes === arpFrameSize) return arpExchange(address, seed);
    if (returns === 'none') throw unmet('answered-frames');
    this.#needReturns();
    const frame = this.frame(bytes, seed);
    return { frame, isAnswer: () => true, problem: (came) => difference(came, this.returned(frame)) };
  }

  /**
   * A frame for which one comes in that goes to a MAC address, six bytes, on a VLAN where it is told; it is known by its
   * seed, below 250. @throws RequestsUnknownError where none comes in for what is sent.
   */
  exchangeTo(mac: readonly number[], seed: number, vlan?: number): Exchange {
    const { returns, reflects, address = '' } = this.facts;
    if (returns === 'none') throw unmet('answered-frames');
    if (returns === 'arp-reply' && vlan === undefined) return arpExchange(address, seed, mac);
    const frame = this.frame(shortestFrame, seed);
    if (vlan !== undefined) frame.set([...tagged, vlan >> 8, vlan & 0xff, ...experimental], 2 * macSize);
    frame.set(mac, reflects === 'macs-swapped' ? macSize : 0);
    const expected = this.returned(frame);
    const problem = (came: Uint8Array): string | undefined => difference(came, expected);
    return { frame, isAnswer: (came) => problem(came) === undefined, problem };
  }

  #needReturns(): void {
    if (this.facts.returns !== 'same-port') throw unmet('returned-frames');
  }

  /** What a transmitted frame must look like when it comes back. @throws RequestsUnknownError where none does. */
  returned(frame: Uint8Array): Uint8Array {
    this.#needReturns();
    const copy = frame.slice();
    if (this.facts.reflects === 'macs-swapped') {
      copy.set(frame.subarray(6, 12), 0);
      copy.set(frame.subarray(0, 6), 6);
    }
    return copy;
  }

  /**
   * Transmits a frame and waits for it on the receive ring, which must have a buffer for it: the received bytes after
   * the header, as many as the used element says. Frame and buffer are cut as `shape` says. @throws as `waitForUsed`.
   */
  roundTrip(
    transmit: Queue,
    receive: Queue,
    frame: Uint8Array,
    shape: RequestShape = {},
    header?: Uint8Array,
  ): { header: Uint8Array; frame: Uint8Array; len: number } {
    this.#needReturns();
    const buffer = this.bufferOf(this.headerSize + frame.length + receiveSlack, shape);
    const waiting = this.#waiting.get(receive) ?? new Map<number, ReceiveBuffer>();
    this.#waiting.set(receive, waiting);
    for (const id of receive.makeAvailable([buffer.request.segments])) waiting.set(id, buffer);
    receive.kick();
    transmit.makeAvailable([this.transmitFrame(frame, shape, header).segments]);
    transmit.kick();
    // First: its buffer is used also where the frame is lost.
    transmit.waitForUsed(1);
    const { id = -1, len = 0 } = receive.waitForUsed(1)[0] ?? {};
    const bytes = (waiting.get(id) ?? buffer).load();
    waiting.delete(id);
    return { header: bytes.slice(0, this.headerSize), frame: bytes.slice(this.headerSize, len), len };
  }
}

/** Asks for a station: the answer has our addresses in it, of which some depend on the seed. */
function arpExchange(address: string, seed: number, asking: readonly number[] = ownMac): Exchange {
  const ip = address.split('.').map(Number);
  const us = { mac: asking, ip: [...ip.slice(0, 3), 2 + (seed % 250)] };
  const frame = arpRequest(us, ip);
  const kind = typeOf(frame);
  return {
    frame,
    // A station may ask by itself.
    isAnswer: (came) => typeOf(came) === kind && came[arpOperation] === arpReplyOperation,
    problem: (came) => {
      const mac = [...came.subarray(arpSenderMac, arpSenderMac + macSize)];
      return difference(came.subarray(0, arpFrameSize), arpReply({ mac, ip }, us));
    },
  };
}
