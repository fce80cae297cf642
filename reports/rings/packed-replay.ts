import { ringWriteWords } from '../trace/ring-write-words.ts';
import { descriptorSize, hexOf, lowest, type RingRow, RingTables, type RingWrite, slotIn, viewOf } from './ring-row.ts';

/** A packed ring, write by write. */
export class PackedReplay {
  readonly #base: bigint | undefined;
  readonly #chains = new Map<number, number[]>();
  readonly #texts = new Map<number, string>();
  readonly tables = new RingTables('packed');
  #open: number[] = [];
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
      // Within a chain the bits are those of the lap of each slot; the first one's is the counter that was in force.
      if (this.#open.length === 0) this.#driverWrap = (flags >>> 7) & 1;
      this.#open.push(slot);
      if ((flags & 1) === 0) {
        this.#chains.set(id, this.#open);
        this.#open = [];
      }
      return [
        { area: 'descriptor', place: String(slot), text, owner: 'device' },
        ...this.tables.descriptor(slot, 'device'),
      ];
    }
    this.#deviceWrap = flags >>> 15;
    const back = this.#chains.get(id) ?? [];
    this.#chains.delete(id);
    const rows = [...new Set([...back, slot])].flatMap((one): RingRow[] => [
      { area: 'descriptor', place: String(one), text: this.#texts.get(one) ?? '', owner: 'driver' },
      ...this.tables.rows(one, 'driver'),
    ]);
    return [{ area: 'device', place: `used at slot ${slot}`, text, owner: '' }, ...rows];
  }
}
