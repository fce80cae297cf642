import type { Span } from '../../reference-impl/memory/span.ts';
import type { EventLog } from '../../reference-impl/observations/event-log.ts';
import { ringWriteNumber } from '../../reference-impl/observations/event-numbers.ts';
import { DESCRIPTOR_SIZE, VIRTQ_DESC_F_NEXT } from '../../reference-impl/virtqueue/descriptor.ts';
import type { GuestSplitRing } from '../../reference-impl/virtqueue/split/guest-ring.ts';
import {
  AVAIL_IDX,
  AVAIL_RING,
  USED_ELEMENT_SIZE,
  usedElementOffset,
} from '../../reference-impl/virtqueue/split/layout.ts';

const unit = 2;
const flagsOffset = 12;
const nextOffset = 14;

/** One part of a ring: its bytes, and where they lie for the guest. */
interface Part {
  readonly bytes: Uint8Array;
  readonly base: bigint;
}

const part = (span: Span): Part => ({ bytes: span.bytes, base: span.guestAddress });

/** Writes into the log what our side puts into a ring and what it finds used there, as the bytes are. */
export class RingTrace {
  readonly #log: EventLog;
  readonly #index: number;
  readonly #size: number;
  readonly #desc: Part;
  readonly #avail: Part;
  readonly #used: Part;

  constructor(log: EventLog, ring: GuestSplitRing, index: number) {
    this.#log = log;
    this.#index = index;
    this.#size = ring.size;
    this.#desc = part(ring.desc);
    this.#avail = part(ring.avail);
    this.#used = part(ring.used);
  }

  /** The descriptors of a chain, and its head in the available ring at `availIdx`. */
  chain(head: number, availIdx: number): void {
    const { bytes } = this.#desc;
    let index = head;
    for (let count = 0; count < this.#size && index < this.#size; count++) {
      const at = index * DESCRIPTOR_SIZE;
      this.#write(ringWriteNumber.descriptor, this.#desc, at, DESCRIPTOR_SIZE);
      if (((bytes[at + flagsOffset] ?? 0) & VIRTQ_DESC_F_NEXT) === 0) break;
      index = (bytes[at + nextOffset] ?? 0) | ((bytes[at + nextOffset + 1] ?? 0) << 8);
    }
    this.#write(ringWriteNumber.available, this.#avail, (AVAIL_RING + (availIdx % this.#size)) * unit, unit);
  }

  availableIdx(): void {
    this.#write(ringWriteNumber['available-idx'], this.#avail, AVAIL_IDX * unit, unit);
  }

  /** The used element at `usedIdx`. */
  used(usedIdx: number): void {
    const at = usedElementOffset(usedIdx % this.#size);
    this.#write(ringWriteNumber['used-seen'], this.#used, at, USED_ELEMENT_SIZE);
  }

  #write(what: number, { bytes, base }: Part, at: number, length: number): void {
    this.#log.ringWrite(what, this.#index, base, at, bytes, at, length);
  }
}
