import { ringWriteWords } from '../trace/ring-write-words.ts';
import {
  descriptorSize,
  hexOf,
  lowest,
  type Owner,
  type RingRow,
  RingTables,
  type RingWrite,
  slotIn,
  u16,
  viewOf,
} from './ring-row.ts';

/** A split ring, write by write. */
export class SplitReplay {
  readonly #base: bigint | undefined;
  readonly #available: bigint | undefined;
  readonly #used: bigint | undefined;
  readonly #next = new Map<number, number | undefined>();
  readonly #texts = new Map<number, string>();
  readonly #owners = new Map<number, Owner>();
  readonly tables = new RingTables('split');
  #idx: number | undefined;
  #taken = 0;

  constructor(writes: readonly RingWrite[]) {
    this.#base = descriptorTable(writes);
    const idx = writes.find(({ what }) => what === 'available-idx');
    this.#available = idx === undefined ? undefined : idx.address - 2n;
    this.#used = lowest(writes.filter(({ what }) => what === 'used-seen'));
  }

  get origin(): string {
    return this.#base === undefined ? '' : `slot 0 at ${hexOf(this.#base)}`;
  }

  get status(): string {
    return `available idx ${this.#idx ?? 'not written yet'} · used elements taken ${this.#taken}`;
  }

  take(event: RingWrite): RingRow[] {
    const text = ringWriteWords(event, 'split');
    switch (event.what) {
      case 'descriptor': {
        const slot = slotIn(this.#base, event, descriptorSize);
        if (slot === undefined) return [{ area: 'descriptor', place: hexOf(event.address), text, owner: 'driver' }];
        const hasNext = event.bytes.length >= descriptorSize && (viewOf(event).getUint16(12, true) & 1) === 1;
        this.#next.set(slot, hasNext ? viewOf(event).getUint16(14, true) : undefined);
        this.#texts.set(slot, text);
        // A case may write to what the device has.
        const owner = this.#owners.get(slot) ?? 'driver';
        return [{ area: 'descriptor', place: String(slot), text, owner }, ...this.tables.descriptor(slot, owner)];
      }
      case 'available': {
        const start = this.#available === undefined ? undefined : this.#available + 4n;
        const slot = slotIn(start, event, 2);
        const place = slot === undefined ? hexOf(event.address) : `ring[${slot}]`;
        return [{ area: 'driver', place, text, owner: '' }, ...this.#chain(u16(event), 'device')];
      }
      case 'available-idx':
        this.#idx = u16(event);
        return [{ area: 'driver', place: 'idx', text: String(this.#idx), owner: '' }];
      case 'available-flags':
        return [{ area: 'driver', place: 'flags', text, owner: '' }];
      case 'used-event':
        return [{ area: 'driver', place: 'used_event', text: text.replace('used_event ', ''), owner: '' }];
      case 'used-seen': {
        this.#taken++;
        const offset = this.#used === undefined ? 0 : Number(event.address - this.#used);
        const head = event.bytes.length < 4 ? undefined : viewOf(event).getUint32(0, true);
        const rows = head === undefined ? [] : this.#chain(head, 'driver');
        return [{ area: 'device', place: `element +${Math.floor(offset / 8)}`, text, owner: '' }, ...rows];
      }
    }
  }

  #chain(head: number, owner: Owner): RingRow[] {
    const rows: RingRow[] = [];
    const seen = new Set<number>();
    for (let slot: number | undefined = head; slot !== undefined && !seen.has(slot); slot = this.#next.get(slot)) {
      const text = this.#texts.get(slot);
      if (text === undefined) break;
      seen.add(slot);
      this.#owners.set(slot, owner);
      rows.push({ area: 'descriptor', place: String(slot), text, owner }, ...this.tables.rows(slot, owner));
    }
    return rows;
  }
}

/** A chain is written from its head on, and its head is entered then: so the slot of one descriptor is known. */
function descriptorTable(writes: readonly RingWrite[]): bigint | undefined {
  let first: RingWrite | undefined;
  for (const event of writes) {
    if (event.what === 'descriptor') first ??= event;
    if (event.what !== 'available') continue;
    if (first !== undefined) return first.address - BigInt(u16(event) * descriptorSize);
  }
  return lowest(writes.filter(({ what }) => what === 'descriptor'));
}
