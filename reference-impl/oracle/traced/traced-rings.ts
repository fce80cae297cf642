import type { RingWriteObservation } from '../../observations/event.ts';
import {
  DESCRIPTOR_SIZE,
  VIRTQ_DESC_F_INDIRECT,
  VIRTQ_DESC_F_NEXT,
  VIRTQ_DESC_F_WRITE,
} from '../../virtqueue/descriptor.ts';
import type { RingLayout } from '../../virtqueue/ring.ts';
import { requirementOfInvariant } from '../invariants.ts';
import { breach, type Judgement, keptIf, type Tell } from '../observed/judgement.ts';

/** A descriptor as its bytes say, in the layout of its ring. */
interface TracedDescriptor {
  readonly length: number;
  readonly flags: number;
  /** Of packed rings. */
  readonly id: number;
}

/** What is known of one buffer id: chains that were added and not used, and the longest writable part of any. */
interface Lent {
  count: number;
  room: number;
}

/** Rings of one index in one trace. */
interface TracedRing {
  /** Descriptors of which it is not known yet in which layout they are. */
  pending: Uint8Array[];
  readonly lent: Map<number, Lent>;
}

/**
 * The used elements of a trace against the chains that it shows. A trace does not tell where one life of a ring ends and
 * the next begins, so what is outstanding stays so: what is judged broken is broken in each reading.
 */
export class TracedRings {
  readonly #tell: Tell;
  readonly #rings = new Map<number, TracedRing>();

  constructor(tell: Tell) {
    this.#tell = tell;
  }

  wrote({ what, index, bytes }: RingWriteObservation): void {
    const ring = this.#ring(index);
    switch (what) {
      case 'descriptor':
        if (bytes.length === DESCRIPTOR_SIZE) ring.pending.push(bytes);
        return;
      case 'available':
        lend(ring, viewOf(bytes).getUint16(0, true), ring.pending.map(splitDescriptor));
        ring.pending = [];
        return;
      case 'used-seen':
        if (bytes.length === DESCRIPTOR_SIZE) this.#usedPacked(ring, bytes);
        else this.#used('split', ring, viewOf(bytes).getUint32(0, true), viewOf(bytes).getUint32(4, true));
        return;
      case 'available-idx':
      case 'available-flags':
      case 'used-event':
    }
  }

  #usedPacked(ring: TracedRing, bytes: Uint8Array): void {
    let chain: TracedDescriptor[] = [];
    for (const descriptor of ring.pending.map(packedDescriptor)) {
      chain.push(descriptor);
      if ((descriptor.flags & VIRTQ_DESC_F_NEXT) !== 0) continue;
      lend(ring, descriptor.id, chain);
      chain = [];
    }
    ring.pending = [];
    const { id, length, flags } = packedDescriptor(bytes);
    this.#used('packed', ring, id, (flags & VIRTQ_DESC_F_WRITE) === 0 ? 0 : length);
  }

  #used(layout: RingLayout, ring: TracedRing, id: number, length: number): void {
    const lent = ring.lent.get(id);
    const tell = (invariant: 'usedId' | 'usedOnce' | 'usedLen', judgement: Judgement): void => {
      const requirement = requirementOfInvariant(invariant, layout);
      if (requirement !== undefined) this.#tell(requirement, judgement);
    };
    tell(
      'usedId',
      keptIf(lent !== undefined, () => breach('a used element', 'the id of a chain', `id ${id}`)),
    );
    if (lent === undefined) return;
    const isOutstanding = lent.count > 0;
    tell(
      'usedOnce',
      keptIf(isOutstanding, () => breach('a used element', 'each chain once', `id ${id} once more`)),
    );
    if (isOutstanding) lent.count--;
    const what = `the len of the used element of chain ${id}`;
    tell(
      'usedLen',
      keptIf(length <= lent.room, () => breach(what, `${lent.room} at most`, String(length))),
    );
  }

  #ring(index: number): TracedRing {
    const known = this.#rings.get(index);
    if (known !== undefined) return known;
    const ring: TracedRing = { pending: [], lent: new Map() };
    this.#rings.set(index, ring);
    return ring;
  }
}

function lend({ lent }: TracedRing, id: number, chain: readonly TracedDescriptor[]): void {
  // A table of indirect descriptors is in traces of some versions alone, and may be cut: no length is judged by it.
  const isWhole = chain.length > 0 && chain.every(({ flags }) => (flags & VIRTQ_DESC_F_INDIRECT) === 0);
  const writable = chain.filter(({ flags }) => (flags & VIRTQ_DESC_F_WRITE) !== 0);
  const room = isWhole ? writable.reduce((sum, { length }) => sum + length, 0) : Number.POSITIVE_INFINITY;
  const known = lent.get(id);
  if (known === undefined) lent.set(id, { count: 1, room });
  else {
    known.count++;
    known.room = Math.max(known.room, room);
  }
}

function splitDescriptor(bytes: Uint8Array): TracedDescriptor {
  const view = viewOf(bytes);
  return { length: view.getUint32(8, true), flags: view.getUint16(12, true), id: 0 };
}

function packedDescriptor(bytes: Uint8Array): TracedDescriptor {
  const view = viewOf(bytes);
  return { length: view.getUint32(8, true), id: view.getUint16(12, true), flags: view.getUint16(14, true) };
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
