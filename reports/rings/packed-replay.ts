import { ringWriteWords } from '../trace/ring-write-words.ts';
import { descriptorSize, hexOf, lowest, type RingRow, RingTables, type RingWrite, slotIn, viewOf } from './ring-row.ts';

const next = 1;
/** AVAIL differs from USED (virtio 2.8.1). */
const isAvailable = (flags: number): boolean => ((flags >>> 7) & 1) !== flags >>> 15;

/** A packed ring, write by write. */
export class PackedReplay {
  readonly #base: bigint | undefined;
  /** What the driver stored, by slot, until it comes back; the latest is the last. */
  readonly #stored = new Map<number, { readonly id: number; readonly flags: number }>();
  readonly #texts = new Map<number, string>();
  readonly tables = new RingTables('packed');
  #driverWrap: number | undefined;
  #deviceWrap: number | undefined;

  constructor(writes: readonly RingWrite[]) {
    this.#base = lowest(writes.filter(({ what }) => what === 'descriptor' || what === 'used-seen'));
  }

  /** No head tells the slot of a descriptor of a packed ring. */
  get origin(): string {
    return this.#base === undefined ? '' : `slots counted from ${hexOf(this.#base)}, the lowest that was seen`;
  }

  get status(): string {
    const wrap = (counter: number | undefined): string => (counter === undefined ? 'not seen yet' : String(counter));
    return `wrap counter of the driver ${wrap(this.#driverWrap)}, of the device ${wrap(this.#deviceWrap)}`;
  }

  take(event: RingWrite): RingRow[] {
    const text = ringWriteWords(event, 'packed');
    switch (event.what) {
      case 'descriptor':
      case 'used-seen':
        return this.#descriptor(event, text);
      case 'available-flags':
      case 'available':
      case 'available-idx':
        return [{ area: 'driver', place: 'event flags', text, owner: '' }];
      case 'used-event':
        return [{ area: 'driver', place: 'event off_wrap', text, owner: '' }];
    }
  }

  #descriptor(event: RingWrite, text: string): RingRow[] {
    const slot = slotIn(this.#base, event, descriptorSize);
    if (slot === undefined || event.bytes.length < descriptorSize) return [];
    const id = viewOf(event).getUint16(12, true);
    const flags = viewOf(event).getUint16(14, true);
    this.#texts.set(slot, text);
    if (event.what === 'descriptor') {
      // Of a list the first descriptor is made available last; the bits of its last one are those of the counter in force.
      this.#stored.delete(slot);
      this.#stored.set(slot, { id, flags });
      if ((flags & next) === 0) this.#driverWrap = (flags >>> 7) & 1;
      const owner = isAvailable(flags) ? 'device' : 'driver';
      return [{ area: 'descriptor', place: String(slot), text, owner }, ...this.tables.descriptor(slot, owner)];
    }
    this.#deviceWrap = flags >>> 15;
    const rows = [...new Set([...this.#listOf(id), slot])].flatMap((one): RingRow[] => [
      { area: 'descriptor', place: String(one), text: this.#texts.get(one) ?? '', owner: 'driver' },
      ...this.tables.rows(one, 'driver'),
    ]);
    return [{ area: 'device', place: `used at slot ${slot}`, text, owner: '' }, ...rows];
  }

  /** The slots of the list that ends in a buffer id, which is the device's no more. */
  #listOf(id: number): number[] {
    const last = [...this.#stored].findLast(([, each]) => each.id === id && (each.flags & next) === 0)?.[0];
    const slots: number[] = [];
    for (let slot = last; slot !== undefined; slot = this.#before(slot)) {
      if (slots.includes(slot)) break;
      slots.unshift(slot);
    }
    for (const slot of slots) this.#stored.delete(slot);
    return slots;
  }

  /** The slot ahead, where its descriptor goes on in this one. Behind the wrap that is the highest which was seen. */
  #before(slot: number): number | undefined {
    const ahead = slot > 0 ? slot - 1 : Math.max(...this.#stored.keys());
    const goesOn = ((this.#stored.get(ahead)?.flags ?? 0) & next) !== 0;
    return goesOn ? ahead : undefined;
  }
}
