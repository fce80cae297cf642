import type { Span } from '../../reference-impl/memory/span.ts';
import type { EventLog } from '../../reference-impl/observations/event-log.ts';
import { ringWriteNumber } from '../../reference-impl/observations/event-numbers.ts';
import { DESCRIPTOR_SIZE, VIRTQ_DESC_F_NEXT } from '../../reference-impl/virtqueue/descriptor.ts';
import type { RingArea } from '../../reference-impl/virtqueue/ring.ts';
import type { SplitDriver } from '../../reference-impl/virtqueue/split/driver-ring.ts';
import type { GuestSplitRing } from '../../reference-impl/virtqueue/split/guest-ring.ts';
import {
  AVAIL_FLAGS,
  AVAIL_IDX,
  AVAIL_RING,
  USED_ELEMENT_SIZE,
  usedElementOffset,
  usedEventUnit,
} from '../../reference-impl/virtqueue/split/layout.ts';
import { type RingTrace, StoresByHand } from './ring-trace.ts';
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
  readonly #usedEventAt: number;
  readonly #tables: TableTrace | undefined;
  readonly #byHand: StoresByHand;
  #isWhole = false;
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
    this.#usedEventAt = usedEventUnit(ring.size) * unit;
    this.#tables = tables;
    this.#byHand = new StoresByHand(log, index);
    ring.wrote = (area, at) => {
      if (!this.#isWhole) this.#stored(area, at);
    };
  }

  begins(): void {
    this.#isWhole = true;
  }

  ends(): void {
    this.#isWhole = false;
  }

  /** Its descriptors, and its head in the available ring. */
  chain(head: number): void {
    const { bytes } = this.#desc;
    const { size } = this.#ring;
    let index = head;
    for (let count = 0; count < size && index < size; count++) {
      const at = index * DESCRIPTOR_SIZE;
      this.#descriptor(at);
      if (((bytes[at + flagsOffset] ?? 0) & VIRTQ_DESC_F_NEXT) === 0) break;
      index = (bytes[at + nextOffset] ?? 0) | ((bytes[at + nextOffset + 1] ?? 0) << 8);
    }
    const slot = ((this.#driver.nextAvailIdx - 1) & 0xffff) % size;
    this.#write(ringWriteNumber.available, this.#avail, (AVAIL_RING + slot) * unit, unit);
  }

  published(): void {
    this.#write(ringWriteNumber['available-idx'], this.#avail, AVAIL_IDX * unit, unit);
  }

  used(): void {
    this.#byHand.begin();
    const slot = ((this.#driver.lastUsedIdx - 1) & 0xffff) % this.#ring.size;
    this.#write(ringWriteNumber['used-seen'], this.#used, usedElementOffset(slot), USED_ELEMENT_SIZE);
  }

  kicked(): void {
    this.#byHand.begin();
  }

  /** One store to an area, `at` bytes into it. */
  #stored(area: RingArea, at: number): void {
    if (area === 'device') return;
    if (area === 'descriptor') {
      if (this.#byHand.admits()) this.#descriptor(at);
      return;
    }
    const what = this.#fieldAt(at);
    if (what === 'available-flags' || what === 'used-event') {
      if (!this.#asksOtherwise(what)) return;
    }
    if (this.#byHand.admits()) this.#write(ringWriteNumber[what], this.#avail, at, unit);
  }

  #fieldAt(at: number): 'available-flags' | 'available-idx' | 'used-event' | 'available' {
    if (at === AVAIL_FLAGS * unit) return 'available-flags';
    if (at === AVAIL_IDX * unit) return 'available-idx';
    return at === this.#usedEventAt ? 'used-event' : 'available';
  }

  /** Drivers ask for calls again and again in the same words. */
  #asksOtherwise(what: 'available-flags' | 'used-event'): boolean {
    const [flags, usedEvent] = [this.#flags, this.#usedEvent];
    this.#flags = this.#ring.availFlags();
    this.#usedEvent = this.#ring.usedEvent();
    return what === 'available-flags' ? this.#flags !== flags : this.#usedEvent !== usedEvent;
  }

  #descriptor(at: number): void {
    const { bytes } = this.#desc;
    this.#tables?.descriptor(bytes[at + flagsOffset] ?? 0, bytes, at);
    this.#write(ringWriteNumber.descriptor, this.#desc, at, DESCRIPTOR_SIZE);
  }

  #write(what: number, { bytes, base }: Part, at: number, length: number): void {
    this.#log.ringWrite(what, this.#index, base, at, bytes, at, length);
  }
}
