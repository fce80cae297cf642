import type { Span } from '../../reference-impl/memory/span.ts';
import type { EventLog } from '../../reference-impl/observations/event-log.ts';
import { ringWriteNumber } from '../../reference-impl/observations/event-numbers.ts';
import { DESCRIPTOR_SIZE } from '../../reference-impl/virtqueue/descriptor.ts';
import type { PackedDriver } from '../../reference-impl/virtqueue/packed/driver-ring.ts';
import type { GuestPackedRing } from '../../reference-impl/virtqueue/packed/guest-ring.ts';
import { descriptorOffset, eventFlags } from '../../reference-impl/virtqueue/packed/layout.ts';
import type { RingTrace } from './ring-trace.ts';
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
  #event: number;

  constructor(log: EventLog, ring: GuestPackedRing, driver: PackedDriver, index: number, tables?: TableTrace) {
    this.#log = log;
    this.#ring = ring;
    this.#driver = driver;
    this.#index = index;
    this.#tables = tables;
    this.#from = driver.nextSlot;
    this.#event = ring.driverEvent();
  }

  /** The flags of a first descriptor are written last, at the publication: descriptors are looked at then. */
  chain(): void {
    this.#isPending = true;
  }

  published(): void {
    if (!this.#isPending) return;
    this.#isPending = false;
    const { size, areas } = this.#ring;
    const end = this.#driver.nextSlot;
    // A batch that fills the ring ends where it began.
    const { view } = areas.descriptor;
    do {
      const at = descriptorOffset(this.#from);
      this.#tables?.descriptor(view[at + flagsOffset] ?? 0, view, at);
      this.#write(ringWriteNumber.descriptor, areas.descriptor, at, DESCRIPTOR_SIZE);
      this.#from = this.#from + 1 === size ? 0 : this.#from + 1;
    } while (this.#from !== end);
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
  }

  #write(what: number, { view: bytes, guestAddress }: Span, at: number, length: number): void {
    this.#log.ringWrite(what, this.#index, guestAddress, at, bytes, at, length);
  }
}
