import type { Span } from '../../reference-impl/memory/span.ts';
import type { EventLog } from '../../reference-impl/observations/event-log.ts';
import { ringWriteNumber } from '../../reference-impl/observations/event-numbers.ts';
import { DESCRIPTOR_SIZE } from '../../reference-impl/virtqueue/descriptor.ts';
import type { PackedDriver } from '../../reference-impl/virtqueue/packed/driver-ring.ts';
import type { GuestPackedRing } from '../../reference-impl/virtqueue/packed/guest-ring.ts';
import { descriptorOffset, eventFlags } from '../../reference-impl/virtqueue/packed/layout.ts';
import { type RingTrace, storedByHand } from './ring-trace.ts';
import type { TableTrace } from './table-trace.ts';

/** struct pvirtq_event_suppress: offset and wrap counter, then flags, each a u16. */
const eventFieldSize = 2;
const flagsOffset = 14;

/** The trace of a packed ring. Its event suppression structure stands for used_event and the available flags. */
export class PackedRingTrace implements RingTrace {
  readonly #log: EventLog;
  readonly #ring: GuestPackedRing;
  readonly #driver: PackedDriver;
  readonly #index: number;
  readonly #tables: TableTrace | undefined;
  /** The slot of the first descriptor that was added since the last publication. */
  #from: number;
  #isPending = false;
  /** Where the driver adds the next list, as the log tells. */
  #toldSlot: number;
  #event: number;

  constructor(log: EventLog, ring: GuestPackedRing, driver: PackedDriver, index: number, tables?: TableTrace) {
    this.#log = log;
    this.#ring = ring;
    this.#driver = driver;
    this.#index = index;
    this.#tables = tables;
    this.#from = driver.nextSlot;
    this.#toldSlot = driver.nextSlot;
    this.#event = ring.driverEvent();
  }

  /** The flags of a first descriptor are written last, at the publication: descriptors are looked at then. */
  chain(): void {
    this.#isPending = true;
  }

  published(): void {
    if (!this.#isPending) return;
    this.#isPending = false;
    // A batch that fills the ring ends where it began.
    this.#descriptors(this.#from, this.#driver.nextSlot);
    this.#from = this.#driver.nextSlot;
    this.#toldSlot = this.#from;
  }

  /** From one slot up to another; all where they are the same. */
  #descriptors(first: number, end: number): void {
    const { size } = this.#ring;
    let slot = first;
    do {
      this.#descriptor(descriptorOffset(slot));
      slot = slot + 1 === size ? 0 : slot + 1;
    } while (slot !== end);
  }

  #descriptor(at: number): void {
    const { descriptor } = this.#ring.areas;
    this.#tables?.descriptor(descriptor.view[at + flagsOffset] ?? 0, descriptor.view, at);
    this.#write(ringWriteNumber.descriptor, descriptor, at, DESCRIPTOR_SIZE);
  }

  used(): void {
    const at = descriptorOffset(this.#driver.usedSlot);
    this.#write(ringWriteNumber['used-seen'], this.#ring.areas.descriptor, at, DESCRIPTOR_SIZE);
  }

  suppression(): void {
    const event = this.#ring.driverEvent();
    const { driver: area } = this.#ring.areas;
    if (eventFlags(event) !== eventFlags(this.#event)) {
      this.#write(ringWriteNumber['available-flags'], area, eventFieldSize, eventFieldSize);
    }
    if ((event & 0xffff) !== (this.#event & 0xffff)) {
      this.#write(ringWriteNumber['used-event'], area, 0, eventFieldSize);
    }
    this.#event = event;
    this.#from = this.#driver.nextSlot;
    if (this.#from === this.#toldSlot) return;
    this.#log.note(storedByHand(this.#index));
    this.#descriptors(this.#toldSlot, this.#from);
    this.#toldSlot = this.#from;
  }

  #write(what: number, { view: bytes, guestAddress }: Span, at: number, length: number): void {
    this.#log.ringWrite(what, this.#index, guestAddress, at, bytes, at, length);
  }
}
