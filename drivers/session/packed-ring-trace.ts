import type { Span } from '../../reference-impl/memory/span.ts';
import type { EventLog } from '../../reference-impl/observations/event-log.ts';
import { ringWriteNumber } from '../../reference-impl/observations/event-numbers.ts';
import { DESCRIPTOR_SIZE } from '../../reference-impl/virtqueue/descriptor.ts';
import type { PackedDriver } from '../../reference-impl/virtqueue/packed/driver-ring.ts';
import type { GuestPackedRing } from '../../reference-impl/virtqueue/packed/guest-ring.ts';
import { descriptorOffset, eventFlags, FLAGS_OFFSET } from '../../reference-impl/virtqueue/packed/layout.ts';
import type { RingArea } from '../../reference-impl/virtqueue/ring.ts';
import { type RingTrace, StoresByHand } from './ring-trace.ts';
import type { TableTrace } from './table-trace.ts';

/** struct pvirtq_event_suppress: offset and wrap counter, then flags, each a u16. */
const eventFieldSize = 2;

/** The trace of a packed ring. Its event suppression structure stands for used_event and the available flags. */
export class PackedRingTrace implements RingTrace {
  readonly #log: EventLog;
  readonly #ring: GuestPackedRing;
  readonly #driver: PackedDriver;
  readonly #index: number;
  readonly #tables: TableTrace | undefined;
  readonly #byHand: StoresByHand;
  #isWhole = false;
  /** The slot of the first descriptor that was added since the last publication. */
  #from: number;
  #isPending = false;
  /** Where a descriptor was stored by hand of which the flags are still to come. */
  #unflagged: number | undefined;
  #event: number;

  constructor(log: EventLog, ring: GuestPackedRing, driver: PackedDriver, index: number, tables?: TableTrace) {
    this.#log = log;
    this.#ring = ring;
    this.#driver = driver;
    this.#index = index;
    this.#tables = tables;
    this.#byHand = new StoresByHand(log, index);
    this.#from = driver.nextSlot;
    this.#event = ring.driverEvent();
    ring.wrote = (area, at, length) => {
      if (!this.#isWhole) this.#stored(area, at, length);
    };
  }

  begins(): void {
    this.#tellUnflagged();
    const { position, nextSlot } = this.#driver;
    // What a case added by itself is published with the rest.
    this.#from = position.avail;
    this.#isPending = position.avail !== nextSlot;
    this.#isWhole = true;
  }

  ends(): void {
    this.#isWhole = false;
  }

  /** The flags of a first descriptor are written last, at the publication: descriptors are looked at then. */
  chain(): void {
    this.#isPending = true;
  }

  published(): void {
    if (!this.#isPending) return;
    this.#isPending = false;
    const end = this.#driver.nextSlot;
    const { size } = this.#ring;
    let slot = this.#from;
    // A batch that fills the ring ends where it began.
    do {
      this.#descriptor(descriptorOffset(slot));
      slot = slot + 1 === size ? 0 : slot + 1;
    } while (slot !== end);
    this.#from = end;
  }

  used(): void {
    this.kicked();
    const at = descriptorOffset(this.#driver.usedSlot);
    this.#write(ringWriteNumber['used-seen'], this.#ring.areas.descriptor, at, DESCRIPTOR_SIZE);
  }

  kicked(): void {
    this.#tellUnflagged();
    this.#byHand.begin();
  }

  /** One store to an area: `length` bytes, `at` bytes into it. */
  #stored(area: RingArea, at: number, length: number): void {
    if (area === 'device') return;
    if (area === 'driver') {
      this.#suppression();
      return;
    }
    const within = at % DESCRIPTOR_SIZE;
    const start = at - within;
    if (this.#unflagged !== start) this.#tellUnflagged();
    // Flags come last, in a store of their own or with the rest.
    if (within + length <= FLAGS_OFFSET) this.#unflagged = start;
    else {
      this.#unflagged = undefined;
      if (this.#byHand.admits()) this.#descriptor(start);
    }
  }

  #tellUnflagged(): void {
    const at = this.#unflagged;
    this.#unflagged = undefined;
    if (at !== undefined && this.#byHand.admits()) this.#descriptor(at);
  }

  #suppression(): void {
    const event = this.#ring.driverEvent();
    const before = this.#event;
    this.#event = event;
    const { driver: area } = this.#ring.areas;
    if (eventFlags(event) !== eventFlags(before) && this.#byHand.admits()) {
      this.#write(ringWriteNumber['available-flags'], area, eventFieldSize, eventFieldSize);
    }
    if ((event & 0xffff) !== (before & 0xffff) && this.#byHand.admits()) {
      this.#write(ringWriteNumber['used-event'], area, 0, eventFieldSize);
    }
  }

  #descriptor(at: number): void {
    const { descriptor } = this.#ring.areas;
    this.#tables?.descriptor(descriptor.view[at + FLAGS_OFFSET] ?? 0, descriptor.view, at);
    this.#write(ringWriteNumber.descriptor, descriptor, at, DESCRIPTOR_SIZE);
  }

  #write(what: number, { view: bytes, guestAddress }: Span, at: number, length: number): void {
    this.#log.ringWrite(what, this.#index, guestAddress, at, bytes, at, length);
  }
}
