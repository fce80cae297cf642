import {
  isTransmitQueue,
  NET_HEADER_SIZE,
  NUM_BUFFERS_OFFSET,
  netHeaderSize,
  roleOfQueue,
  VIRTIO_NET_F_CTRL_VQ,
  VIRTIO_NET_F_MRG_RXBUF,
} from '../../reference-impl/devices/net-layout.ts';
import type { Guest } from '../../reference-impl/memory/guest.ts';
import type { EventLog } from '../../reference-impl/observations/event-log.ts';
import type { Segment } from '../../reference-impl/virtqueue/segment.ts';
import { DriverUsageError } from '../errors.ts';
import type { WorkloadFacts } from '../port/target-facts.ts';
import type { DriverSideOfSession } from './ring-features.ts';

/** Bytes of a frame and its header that are kept. */
const keptBytes = 2048;

/** What came in the buffers of one frame so far. */
interface Incoming {
  readonly pieces: Uint8Array[];
  length: number;
  buffersLeft: number;
}

/**
 * Writes into the log the Ethernet frames of a ring of a network device: of a transmitq when a chain is added, of a
 * receiveq when its buffers were seen to be used. A chain that leads out of the guest's memory has no frame.
 */
export class FrameTrace {
  readonly #log: EventLog;
  readonly #index: number;
  readonly #guest: Guest;
  readonly #headerSize: number;
  readonly #isMergeable: boolean;
  /** Chains of a receiveq that are outstanding, by id. */
  readonly #buffers = new Map<number, readonly Segment[]>();
  #incoming: Incoming | undefined;

  /** Undefined for rings that carry no frames. */
  static of(
    workload: WorkloadFacts,
    index: number,
    { accepted, guest }: DriverSideOfSession,
    log: EventLog,
  ): FrameTrace | undefined {
    if (workload.kind !== 'net' || guest === undefined || !carriesFrames(index, pairsOf(workload), accepted))
      return undefined;
    return new FrameTrace(log, index, guest, accepted);
  }

  private constructor(log: EventLog, index: number, guest: Guest, accepted: bigint) {
    this.#log = log;
    this.#index = index;
    this.#guest = guest;
    this.#headerSize = netHeaderSize(accepted);
    this.#isMergeable = (accepted & VIRTIO_NET_F_MRG_RXBUF) !== 0n && this.#headerSize === NET_HEADER_SIZE;
  }

  added(id: number, chain: readonly Segment[]): void {
    if (!isTransmitQueue(this.#index)) {
      this.#buffers.set(id, chain);
      return;
    }
    const segments = chain.filter(({ writable }) => !writable);
    const length = segments.reduce((sum, segment) => sum + segment.length, 0);
    const bytes = this.#read(segments, length);
    if (bytes !== undefined) this.#observe('to-iut', bytes, length);
  }

  used(id: number, length: number): void {
    const chain = this.#buffers.get(id);
    this.#buffers.delete(id);
    if (chain === undefined || length === 0) return;
    const bytes = this.#read(
      chain.filter(({ writable }) => writable),
      length,
    );
    if (bytes === undefined) return;
    const incoming = this.#incoming ?? { pieces: [], length: 0, buffersLeft: this.#buffersOf(bytes) };
    incoming.pieces.push(bytes);
    incoming.length += length;
    incoming.buffersLeft--;
    this.#incoming = incoming.buffersLeft > 0 ? incoming : undefined;
    if (incoming.buffersLeft > 0) return;
    const whole = incoming.pieces.length === 1 ? bytes : joined(incoming.pieces);
    this.#observe('from-iut', whole, incoming.length);
  }

  /** num_buffers of the header at the start of a frame (virtio 5.1.6.3.1). */
  #buffersOf(bytes: Uint8Array): number {
    if (!this.#isMergeable || bytes.length < NET_HEADER_SIZE) return 1;
    return (bytes[NUM_BUFFERS_OFFSET] ?? 0) | ((bytes[NUM_BUFFERS_OFFSET + 1] ?? 0) << 8);
  }

  /** The first bytes of the segments; undefined where they do not lie in the memory of the guest. */
  #read(segments: readonly Segment[], length: number): Uint8Array | undefined {
    const bytes = new Uint8Array(Math.min(length, keptBytes));
    let at = 0;
    for (const segment of segments) {
      const size = Math.min(segment.length, bytes.length - at);
      if (size === 0) continue;
      try {
        bytes.set(this.#guest.spanAt(segment.guestAddress, size).load(), at);
      } catch (error) {
        if (error instanceof DriverUsageError) return undefined;
        throw error;
      }
      at += size;
    }
    return bytes.subarray(0, at);
  }

  #observe(direction: 'to-iut' | 'from-iut', bytes: Uint8Array, length: number): void {
    const size = this.#headerSize;
    // Shorter than the header: no frame is in it.
    if (bytes.length <= size) return;
    const header = bytes.subarray(0, size);
    const index = this.#index;
    this.#log.observe({ kind: 'frame', direction, index, header, length: length - size, bytes: bytes.subarray(size) });
  }
}

/** One where the target says nothing of pairs. */
const pairsOf = (workload: WorkloadFacts): number =>
  'pairs' in workload && typeof workload.pairs === 'number' ? workload.pairs : 1;

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = Buffer.concat(pieces);
  return new Uint8Array(whole.buffer, whole.byteOffset, Math.min(whole.length, keptBytes));
}

/** Behind the pairs that may be in use is the control queue. */
function carriesFrames(index: number, pairs: number, accepted: bigint): boolean {
  if ((accepted & VIRTIO_NET_F_CTRL_VQ) === 0n) return index < 2 * pairs;
  const role = roleOfQueue(index, pairs, accepted);
  return role === 'receive' || role === 'transmit';
}
