import { DriverUsageError } from '../../errors.ts';
import { DESCRIPTOR_SIZE } from '../descriptor.ts';
import { type AreaViews, type RingWrite, requireAreas } from '../ring-memory.ts';
import {
  ADDR_OFFSET,
  EVENT_SIZE,
  FLAGS_OFFSET,
  ID_OFFSET,
  ID_WORD,
  LEN_OFFSET,
  LEN_WORD,
  packedAlignment,
  packedSizes,
  WORDS,
} from './layout.ts';

/** struct pvirtq_desc; `addr` in whichever address space the transport uses. */
export interface PackedDescriptor {
  readonly addr: bigint;
  readonly len: number;
  readonly id: number;
  readonly flags: number;
}

const UNITS = DESCRIPTOR_SIZE / 2;
const ID_UNIT = ID_OFFSET / 2;
const FLAGS_UNIT = FLAGS_OFFSET / 2;

/**
 * Raw access to the memory of a packed ring: any field, any value, at any moment, for either side. Flags and event
 * suppression structures go through Atomics, which are sequentially consistent: flags stored are never seen before
 * what was stored ahead of them. A slot beyond the ring reads as 0 and is not written.
 */
export class PackedRing {
  readonly size: number;
  /** Told of each store that is made through this object. */
  wrote: RingWrite | undefined;
  readonly #ring: DataView;
  /** The descriptor ring again, as its flags and addresses lie. */
  readonly #units: Uint16Array;
  readonly #addresses: BigUint64Array;
  /** And again in words, for walks that must not allocate: address low and high, length, id below flags. */
  readonly words: Uint32Array;
  readonly #driver: Uint32Array;
  readonly #device: Uint32Array;

  /** Throws DriverUsageError where a view is too short, or not aligned in this process as virtio 2.8.10.1 requires. */
  constructor(size: number, views: AreaViews) {
    const sizes = packedSizes(size);
    requireAreas(views, sizes, packedAlignment);
    const { descriptor, driver, device } = views;
    this.size = size;
    this.#ring = new DataView(descriptor.buffer, descriptor.byteOffset, sizes.descriptor);
    this.#units = new Uint16Array(descriptor.buffer, descriptor.byteOffset, size * UNITS);
    this.#addresses = new BigUint64Array(descriptor.buffer, descriptor.byteOffset, sizes.descriptor / 8);
    this.words = new Uint32Array(descriptor.buffer, descriptor.byteOffset, sizes.descriptor / 4);
    this.#driver = new Uint32Array(driver.buffer, driver.byteOffset, 1);
    this.#device = new Uint32Array(device.buffer, device.byteOffset, 1);
  }

  flags(slot: number): number {
    return slot < this.size ? Atomics.load(this.#units, slot * UNITS + FLAGS_UNIT) : 0;
  }
  setFlags(slot: number, flags: number): void {
    if (slot >= this.size) return;
    Atomics.store(this.#units, slot * UNITS + FLAGS_UNIT, flags);
    this.wrote?.('descriptor', slot * DESCRIPTOR_SIZE + FLAGS_OFFSET, 2);
  }
  addr(slot: number): bigint {
    return slot < this.size ? this.#ring.getBigUint64(slot * DESCRIPTOR_SIZE, true) : 0n;
  }
  len(slot: number): number {
    return slot < this.size ? (this.words[slot * WORDS + LEN_WORD] as number) : 0;
  }
  id(slot: number): number {
    return slot < this.size ? (this.#units[slot * UNITS + ID_UNIT] as number) : 0;
  }

  /** Writes all of a descriptor but its flags. */
  setBuffer(slot: number, addr: bigint, len: number, id: number): void {
    if (slot >= this.size) return;
    this.#addresses[2 * slot] = addr;
    this.words[slot * WORDS + LEN_WORD] = len;
    this.#units[slot * UNITS + ID_UNIT] = id;
    this.wrote?.('descriptor', slot * DESCRIPTOR_SIZE, FLAGS_OFFSET);
  }

  /**
   * Writes all of a descriptor behind the first of its chain. The flags of the first, stored later and loaded before,
   * order what is stored here.
   */
  setChained(slot: number, addr: bigint, len: number, id: number, flags: number): void {
    if (slot >= this.size) return;
    this.#addresses[2 * slot] = addr;
    const word = slot * WORDS;
    this.words[word + LEN_WORD] = len;
    this.words[word + ID_WORD] = id | (flags << 16);
    this.wrote?.('descriptor', slot * DESCRIPTOR_SIZE, DESCRIPTOR_SIZE);
  }

  /** Writes what a used descriptor holds beside its flags. */
  setUsed(slot: number, id: number, len: number): void {
    if (slot >= this.size) return;
    this.words[slot * WORDS + LEN_WORD] = len;
    this.#units[slot * UNITS + ID_UNIT] = id;
    this.wrote?.('descriptor', slot * DESCRIPTOR_SIZE + LEN_OFFSET, FLAGS_OFFSET - LEN_OFFSET);
  }

  readDescriptor(slot: number): PackedDescriptor {
    this.#require(slot);
    return { addr: this.addr(slot), len: this.len(slot), id: this.id(slot), flags: this.flags(slot) };
  }

  /** Writes the given fields of one descriptor, flags last. Throws DriverUsageError where the ring has no such slot. */
  writeDescriptor(slot: number, fields: Partial<PackedDescriptor>): void {
    this.#require(slot);
    const at = slot * DESCRIPTOR_SIZE;
    if (fields.addr !== undefined) this.#ring.setBigUint64(at + ADDR_OFFSET, fields.addr, true);
    if (fields.len !== undefined) this.#ring.setUint32(at + LEN_OFFSET, fields.len, true);
    if (fields.id !== undefined) this.#ring.setUint16(at + ID_OFFSET, fields.id, true);
    this.wrote?.('descriptor', at, FLAGS_OFFSET);
    if (fields.flags !== undefined) this.setFlags(slot, fields.flags);
  }

  /** Event suppression structures, as words of `eventWord`. */
  driverEvent(): number {
    return Atomics.load(this.#driver, 0);
  }
  setDriverEvent(word: number): void {
    Atomics.store(this.#driver, 0, word);
    this.wrote?.('driver', 0, EVENT_SIZE);
  }
  deviceEvent(): number {
    return Atomics.load(this.#device, 0);
  }
  setDeviceEvent(word: number): void {
    Atomics.store(this.#device, 0, word);
    this.wrote?.('device', 0, EVENT_SIZE);
  }

  #require(slot: number): void {
    if (!(slot >= 0 && slot < this.size)) throw new DriverUsageError(`no slot ${slot} of ${this.size}`);
  }
}
