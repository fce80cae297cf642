import type { Span } from '../../reference-impl/memory/span.ts';
import type { EventLog } from '../../reference-impl/observations/event-log.ts';
import { ringWriteNumber } from '../../reference-impl/observations/event-numbers.ts';
import { DESCRIPTOR_SIZE, VIRTQ_DESC_F_NEXT } from '../../reference-impl/virtqueue/descriptor.ts';
import type { SplitDriver } from '../../reference-impl/virtqueue/split/driver-ring.ts';
import type { GuestSplitRing } from '../../reference-impl/virtqueue/split/guest-ring.ts';
import {
  AVAIL_FLAGS,
  AVAIL_IDX,
  AVAIL_RING,
  USED_ELEMENT_SIZE,
  usedElementOffset,
} from '../../reference-impl/virtqueue/split/layout.ts';
import { mostByHand, type RingTrace, storedByHand } from './ring-trace.ts';
import type { TableTrace } from './table-trace.ts';

const unit = 2;
const flagsOffset = 12;
const nextOffset = 14;

/** One part of a ring: its bytes, and where they lie for the guest. */
interface Part {
  readonly bytes: Uint8Array;
  readonly base: bigint;
}

const part = (span: Span): Part => ({ bytes: span.view, base: span.guestAddress });

/** The trace of a split ring. */
export class SplitRingTrace implements RingTrace {
  readonly #log: EventLog;
  readonly #index: number;
  readonly #ring: GuestSplitRing;
  readonly #driver: SplitDriver;
  readonly #desc: Part;
  readonly #avail: Part;
  readonly #used: Part;
  readonly #tables: TableTrace | undefined;
  /** Where the driver adds the next chain, and the idx that it showed, as the log tells. */
  #toldNext: number;
  #toldIdx: number;
  #flags = 0;
  #usedEvent = 0;

  constructor(log: EventLog, ring: GuestSplitRing, driver: SplitDriver, index: number, tables?: TableTrace) {
    this.#log = log;
    this.#index = index;
    this.#ring = ring;
    this.#driver = driver;
    this.#desc = part(ring.desc);
    this.#avail = part(ring.avail);
    this.#used = part(ring.used);
    this.#tables = tables;
    this.#toldNext = driver.nextAvailIdx;
    this.#toldIdx = ring.availIdx();
  }

  /** Its descriptors, and its head in the available ring. */
  chain(head: number): void {
    this.#descriptors(head, this.#ring.size);
    this.#toldNext = this.#driver.nextAvailIdx;
    this.#head(this.#toldNext - 1);
  }

  /** Those of a chain, at most so many. Returns how many there are. */
  #descriptors(head: number, most: number): number {
    const { bytes } = this.#desc;
    const { size } = this.#ring;
    let index = head;
    let count = 0;
    while (count < most && index < size) {
      count++;
      const at = index * DESCRIPTOR_SIZE;
      const flags = bytes[at + flagsOffset] ?? 0;
      this.#tables?.descriptor(flags, bytes, at);
      this.#write(ringWriteNumber.descriptor, this.#desc, at, DESCRIPTOR_SIZE);
      if ((flags & VIRTQ_DESC_F_NEXT) === 0) break;
      index = (bytes[at + nextOffset] ?? 0) | ((bytes[at + nextOffset + 1] ?? 0) << 8);
    }
    return count;
  }

  /** The entry of the available ring for an index. */
  #head(index: number): void {
    const slot = (index & 0xffff) % this.#ring.size;
    this.#write(ringWriteNumber.available, this.#avail, (AVAIL_RING + slot) * unit, unit);
  }

  published(): void {
    this.#toldIdx = this.#ring.availIdx();
    this.#write(ringWriteNumber['available-idx'], this.#avail, AVAIL_IDX * unit, unit);
  }

  used(): void {
    const slot = ((this.#driver.lastUsedIdx - 1) & 0xffff) % this.#ring.size;
    this.#write(ringWriteNumber['used-seen'], this.#used, usedElementOffset(slot), USED_ELEMENT_SIZE);
  }

  suppression(): void {
    const flags = this.#ring.availFlags();
    const usedEvent = this.#ring.usedEvent();
    if (flags !== this.#flags) this.#write(ringWriteNumber['available-flags'], this.#avail, AVAIL_FLAGS * unit, unit);
    if (usedEvent !== this.#usedEvent) {
      this.#write(ringWriteNumber['used-event'], this.#avail, (AVAIL_RING + this.#ring.size) * unit, unit);
    }
    this.#flags = flags;
    this.#usedEvent = usedEvent;
    if (this.#driver.nextAvailIdx !== this.#toldNext || this.#ring.availIdx() !== this.#toldIdx) this.#byHand();
  }

  /** The chains that the ring shows, and its idx, where the driver side was not asked to write them into the log. */
  #byHand(): void {
    this.#log.note(storedByHand(this.#index));
    const { size } = this.#ring;
    const { bytes } = this.#avail;
    const idx = this.#ring.availIdx();
    let left = mostByHand;
    for (let back = Math.min((idx - this.#toldIdx) & 0xffff, size); back > 0 && left > 0; back--) {
      const at = (AVAIL_RING + (((idx - back) & 0xffff) % size)) * unit;
      left -= 1 + this.#descriptors((bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8), Math.min(left, size));
      this.#head(idx - back);
    }
    this.#toldNext = this.#driver.nextAvailIdx;
    this.published();
  }

  #write(what: number, { bytes, base }: Part, at: number, length: number): void {
    this.#log.ringWrite(what, this.#index, base, at, bytes, at, length);
  }
}
