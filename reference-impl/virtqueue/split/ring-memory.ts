import { DriverUsageError } from '../../errors.ts';
import type { UsedElement } from '../driver-ring.ts';
import {
  AVAIL_FLAGS,
  AVAIL_IDX,
  AVAIL_RING,
  availEventUnit,
  type SplitRingPart,
  splitAlignment,
  splitSizes,
  USED_FLAGS,
  USED_IDX,
  usedElementUnit,
  usedEventUnit,
} from './layout.ts';

/** struct virtq_desc; `addr` in whichever address space the transport uses. */
export interface Descriptor {
  readonly addr: bigint;
  readonly len: number;
  readonly flags: number;
  readonly next: number;
}

/**
 * The raw door to the memory of a split ring: any field, any value, at any moment, for either side. Indices and flags
 * go through Atomics, which are sequentially consistent: an idx stored is never seen before what was stored ahead of
 * it, and a load of flags after it is not moved before it. `slot` is a place in a ring (0 to size - 1), not an index
 * that counts on; what lies beyond reads as 0 and is not written.
 */
export class SplitRing {
  readonly size: number;
  readonly #desc: DataView;
  readonly #avail: Uint16Array;
  readonly #used: Uint16Array;
  readonly #elements: Uint32Array;
  readonly #usedEvent: number;
  readonly #availEvent: number;

  /** Throws DriverUsageError where a view is too short, or not aligned in this process as virtio 2.7.1 wants. */
  constructor(size: number, parts: Readonly<Record<SplitRingPart, Uint8Array>>) {
    const sizes = splitSizes(size);
    for (const part of ['desc', 'avail', 'used'] as const) {
      const { byteOffset, length } = parts[part];
      if (length < sizes[part]) throw new DriverUsageError(`${part} needs ${sizes[part]} bytes and has ${length}`);
      if (byteOffset % splitAlignment[part] !== 0) throw new DriverUsageError(`${part} is at ${byteOffset}`);
    }
    const { desc, avail, used } = parts;
    this.size = size;
    this.#desc = new DataView(desc.buffer, desc.byteOffset, sizes.desc);
    this.#avail = new Uint16Array(avail.buffer, avail.byteOffset, sizes.avail / 2);
    this.#used = new Uint16Array(used.buffer, used.byteOffset, sizes.used / 2);
    this.#elements = new Uint32Array(used.buffer, used.byteOffset, 1 + 2 * size);
    this.#usedEvent = usedEventUnit(size);
    this.#availEvent = availEventUnit(size);
  }

  /** Writes the given fields of one descriptor. Throws DriverUsageError where the table has no such index. */
  writeDescriptor(index: number, fields: Partial<Descriptor>): void {
    if (!(index >= 0 && index < this.size)) throw new DriverUsageError(`no descriptor ${index} of ${this.size}`);
    const at = index * 16;
    if (fields.addr !== undefined) this.#desc.setBigUint64(at, fields.addr, true);
    if (fields.len !== undefined) this.#desc.setUint32(at + 8, fields.len, true);
    if (fields.flags !== undefined) this.#desc.setUint16(at + 12, fields.flags, true);
    if (fields.next !== undefined) this.#desc.setUint16(at + 14, fields.next, true);
  }

  /** Writes a whole descriptor; `index` must be below size. */
  setDescriptor(index: number, addr: bigint, len: number, flags: number, next: number): void {
    const at = index * 16;
    this.#desc.setBigUint64(at, addr, true);
    this.#desc.setUint32(at + 8, len, true);
    this.#desc.setUint16(at + 12, flags, true);
    this.#desc.setUint16(at + 14, next, true);
  }

  readDescriptor(index: number): Descriptor {
    if (!(index >= 0 && index < this.size)) throw new DriverUsageError(`no descriptor ${index} of ${this.size}`);
    const at = index * 16;
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
  }
  availIdx(): number {
    return Atomics.load(this.#avail, AVAIL_IDX);
  }
  setAvailIdx(value: number): void {
    Atomics.store(this.#avail, AVAIL_IDX, value);
  }
  availHead(slot: number): number {
    return this.#avail[AVAIL_RING + slot] ?? 0;
  }
  setAvailHead(slot: number, head: number): void {
    this.#avail[AVAIL_RING + slot] = head;
  }
  usedEvent(): number {
    return Atomics.load(this.#avail, this.#usedEvent);
  }
  setUsedEvent(value: number): void {
    Atomics.store(this.#avail, this.#usedEvent, value);
  }

  usedFlags(): number {
    return Atomics.load(this.#used, USED_FLAGS);
  }
  setUsedFlags(value: number): void {
    Atomics.store(this.#used, USED_FLAGS, value);
  }
  usedIdx(): number {
    return Atomics.load(this.#used, USED_IDX);
  }
  setUsedIdx(value: number): void {
    Atomics.store(this.#used, USED_IDX, value);
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
  }
  availEvent(): number {
    return Atomics.load(this.#used, this.#availEvent);
  }
  setAvailEvent(value: number): void {
    Atomics.store(this.#used, this.#availEvent, value);
  }
}
