import { DriverUsageError } from '../../errors.ts';
import { DESCRIPTOR_SIZE } from '../descriptor.ts';
import type { UsedElement } from '../driver-ring.ts';
import { type AreaViews, type RingWrite, requireAreas } from '../ring-memory.ts';
import {
  AVAIL_FLAGS,
  AVAIL_IDX,
  AVAIL_RING,
  availEventOffset,
  availEventUnit,
  splitAlignment,
  splitSizes,
  USED_ELEMENT_SIZE,
  USED_FLAGS,
  USED_IDX,
  USED_IDX_OFFSET,
  usedElementOffset,
  usedElementUnit,
  usedEventUnit,
} from './layout.ts';

/** Bytes of an index, of flags and of event fields. */
const UNIT = 2;

/** struct virtq_desc; `addr` in whichever address space the transport uses. */
export interface Descriptor {
  readonly addr: bigint;
  readonly len: number;
  readonly flags: number;
  readonly next: number;
}

/**
 * Raw access to the memory of a split ring: any field, any value, at any moment, for either side. Indices and flags
 * go through Atomics, which are sequentially consistent: an idx stored is never seen before what was stored ahead of
 * it, and a load of flags after it is not moved before it. `slot` is a place in a ring (0 to size - 1), not a running
 * index; what lies beyond reads as 0 and is not written.
 */
export class SplitRing {
  readonly size: number;
  /** Fields are little-endian; in the ring of a legacy driver they may not be. */
  readonly isBigEndian: boolean = false;
  /** Told of each store that is made through this object. */
  wrote: RingWrite | undefined;
  readonly #desc: DataView;
  /** The descriptor table again, as its addresses lie. */
  readonly #addresses: BigUint64Array;
  readonly #avail: Uint16Array;
  readonly #used: Uint16Array;
  readonly #elements: Uint32Array;
  readonly #usedEvent: number;
  readonly #availEvent: number;

  /** Throws DriverUsageError where a view is too short, or not aligned in this process as virtio 2.7.1 wants. */
  constructor(size: number, areas: AreaViews) {
    const sizes = splitSizes(size);
    requireAreas(areas, sizes, splitAlignment);
    const { descriptor: desc, driver: avail, device: used } = areas;
    this.size = size;
    this.#desc = new DataView(desc.buffer, desc.byteOffset, sizes.descriptor);
    this.#addresses = new BigUint64Array(desc.buffer, desc.byteOffset, sizes.descriptor / 8);
    this.#avail = new Uint16Array(avail.buffer, avail.byteOffset, sizes.driver / 2);
    this.#used = new Uint16Array(used.buffer, used.byteOffset, sizes.device / 2);
    this.#elements = new Uint32Array(used.buffer, used.byteOffset, 1 + 2 * size);
    this.#usedEvent = usedEventUnit(size);
    this.#availEvent = availEventUnit(size);
  }

  /** Writes the given fields of one descriptor. Throws DriverUsageError where the table has no such index. */
  writeDescriptor(index: number, fields: Partial<Descriptor>): void {
    if (!(index >= 0 && index < this.size)) throw new DriverUsageError(`no descriptor ${index} of ${this.size}`);
    const at = index * DESCRIPTOR_SIZE;
    if (fields.addr !== undefined) this.#desc.setBigUint64(at, fields.addr, true);
    if (fields.len !== undefined) this.#desc.setUint32(at + 8, fields.len, true);
    if (fields.flags !== undefined) this.#desc.setUint16(at + 12, fields.flags, true);
    if (fields.next !== undefined) this.#desc.setUint16(at + 14, fields.next, true);
    this.wrote?.('descriptor', at, DESCRIPTOR_SIZE);
  }

  /** Writes a whole descriptor; `index` must be below size. */
  setDescriptor(index: number, addr: bigint, len: number, flags: number, next: number): void {
    const at = index * DESCRIPTOR_SIZE;
    this.#addresses[2 * index] = addr;
    this.#desc.setUint32(at + 8, len, true);
    this.#desc.setUint16(at + 12, flags, true);
    this.#desc.setUint16(at + 14, next, true);
    this.wrote?.('descriptor', at, DESCRIPTOR_SIZE);
  }

  readDescriptor(index: number): Descriptor {
    if (!(index >= 0 && index < this.size)) throw new DriverUsageError(`no descriptor ${index} of ${this.size}`);
    const at = index * DESCRIPTOR_SIZE;
    return {
      addr: this.#desc.getBigUint64(at, true),
      len: this.#desc.getUint32(at + 8, true),
      flags: this.#desc.getUint16(at + 12, true),
      next: this.#desc.getUint16(at + 14, true),
    };
  }

  /** The descriptor table as bytes lie, for walks that must not allocate. */
  get table(): DataView {
    return this.#desc;
  }

  availFlags(): number {
    return Atomics.load(this.#avail, AVAIL_FLAGS);
  }
  setAvailFlags(value: number): void {
    Atomics.store(this.#avail, AVAIL_FLAGS, value);
    this.wrote?.('driver', AVAIL_FLAGS * UNIT, UNIT);
  }
  availIdx(): number {
    return Atomics.load(this.#avail, AVAIL_IDX);
  }
  setAvailIdx(value: number): void {
    Atomics.store(this.#avail, AVAIL_IDX, value);
    this.wrote?.('driver', AVAIL_IDX * UNIT, UNIT);
  }
  availHead(slot: number): number {
    return this.#avail[AVAIL_RING + slot] ?? 0;
  }
  setAvailHead(slot: number, head: number): void {
    this.#avail[AVAIL_RING + slot] = head;
    this.wrote?.('driver', (AVAIL_RING + slot) * UNIT, UNIT);
  }
  usedEvent(): number {
    return Atomics.load(this.#avail, this.#usedEvent);
  }
  setUsedEvent(value: number): void {
    Atomics.store(this.#avail, this.#usedEvent, value);
    this.wrote?.('driver', this.#usedEvent * UNIT, UNIT);
  }

  usedFlags(): number {
    return Atomics.load(this.#used, USED_FLAGS);
  }
  setUsedFlags(value: number): void {
    Atomics.store(this.#used, USED_FLAGS, value);
    this.wrote?.('device', USED_FLAGS * UNIT, UNIT);
  }
  usedIdx(): number {
    return Atomics.load(this.#used, USED_IDX);
  }
  setUsedIdx(value: number): void {
    Atomics.store(this.#used, USED_IDX, value);
    this.wrote?.('device', USED_IDX_OFFSET, UNIT);
  }
  usedId(slot: number): number {
    return this.#elements[usedElementUnit(slot)] ?? 0;
  }
  usedLen(slot: number): number {
    return this.#elements[usedElementUnit(slot) + 1] ?? 0;
  }
  usedElement(slot: number): UsedElement {
    return { id: this.usedId(slot), len: this.usedLen(slot) };
  }
  setUsedElement(slot: number, id: number, len: number): void {
    const unit = usedElementUnit(slot);
    this.#elements[unit] = id;
    this.#elements[unit + 1] = len;
    this.wrote?.('device', usedElementOffset(slot), USED_ELEMENT_SIZE);
  }
  availEvent(): number {
    return Atomics.load(this.#used, this.#availEvent);
  }
  setAvailEvent(value: number): void {
    Atomics.store(this.#used, this.#availEvent, value);
    this.wrote?.('device', availEventOffset(this.size), UNIT);
  }
}
