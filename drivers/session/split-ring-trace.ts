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
import type { RingTrace } from './ring-trace.ts';
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
  }

  /** Its descriptors, and its head in the available ring. */
  chain(head: number): void {
    const { bytes } = this.#desc;
    const { size } = this.#ring;
    let index = head;
    for (let count = 0; count < size && index < size; count++) {
      const at = index * DESCRIPTOR_SIZE;
      const flags = bytes[at + flagsOffset] ?? 0;
      this.#tables?.descriptor(flags, bytes, at);
      this.#write(ringWriteNumber.descriptor, this.#desc, at, DESCRIPTOR_SIZE);
      if ((flags & VIRTQ_DESC_F_NEXT) === 0) break;
      index = (bytes[at + nextOffset] ?? 0) | ((bytes[at + nextOffset + 1] ?? 0) << 8);
    }
    const slot = ((this.#driver.nextAvailIdx - 1) & 0xffff) % size;
    this.#write(ringWriteNumber.available, this.#avail, (AVAIL_RING + slot) * unit, unit);
  }

  published(): void {
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
  }

  #write(what: number, { bytes, base }: Part, at: number, length: number): void {
    this.#log.ringWrite(what, this.#index, base, at, bytes, at, length);
  }
}
