import { DriverUsageError } from '../../errors.ts';
import { type AddressSpace, addressIn } from '../../memory/addresses.ts';
import type { Span } from '../../memory/span.ts';
import { DESCRIPTOR_SIZE, VIRTQ_DESC_F_INDIRECT, VIRTQ_DESC_F_NEXT, VIRTQ_DESC_F_WRITE } from '../descriptor.ts';
import type { DriverRing, DriverRingObserver, DriverRingOptions, TableOptions, UsedElement } from '../driver-ring.ts';
import { passesEvent } from '../event-idx.ts';
import { IndirectTables } from '../indirect-tables.ts';
import { positionOf, type SplitPosition, splitPosition } from '../ring.ts';
import type { Segment } from '../segment.ts';
import { VIRTQ_AVAIL_F_NO_INTERRUPT, VIRTQ_USED_F_NO_NOTIFY } from './layout.ts';
import type { SplitRing } from './ring-memory.ts';

export interface SplitAddOptions extends TableOptions {
  /** `all` puts every segment into an indirect table; a number leaves that many in front of it as direct descriptors. */
  readonly indirect?: 'all' | number;
  /** Direction in which descriptors of the chain run through the table; `ascending` by default. */
  readonly order?: 'ascending' | 'descending';
}

/**
 * The driver side of a split ring (virtio 2.7.13, 2.7.14). It keeps what it knows outside the ring, so that a device
 * that scribbles over the ring cannot confuse it: what such a device returns is reported, never trusted.
 */
export class SplitDriver implements DriverRing {
  readonly layout = 'split';
  readonly ring: SplitRing;
  readonly #space: AddressSpace;
  readonly #eventIdx: boolean;
  readonly #inOrder: boolean;
  readonly #observer: DriverRingObserver | undefined;
  readonly #tables: IndirectTables;
  readonly #mask: number;
  /** Free descriptors as a queue: freed in order, they are taken in order, as IN_ORDER wants (virtio 2.7.5.2). */
  readonly #free: Uint16Array;
  #freeFront = 0;
  #freeCount: number;
  /** By head: how many descriptors of the table its chain takes, 0 where no chain is outstanding. */
  readonly #taken: Uint16Array;
  /** By descriptor: the one after it in its chain, whatever the device makes of the table. */
  readonly #after: Uint16Array;
  /** By head: bytes of the writable part of its chain. */
  readonly #room: Float64Array;
  /** Heads in the order in which they were added, by place in the available ring. */
  readonly #added: Uint16Array;
  #availIdx: number;
  #published: number;
  #kickedUpTo: number;
  #lastUsedIdx: number;
  #batchEnd: number;
  #batchLen = 0;
  #outstanding = 0;
  #usedId = 0;
  #usedLen = 0;
  #usedWasOutstanding = false;

  constructor(ring: SplitRing, options: DriverRingOptions = {}) {
    const { size } = ring;
    this.ring = ring;
    this.#space = options.space ?? 'guest-physical';
    this.#eventIdx = options.eventIdx ?? false;
    this.#inOrder = options.inOrder ?? false;
    this.#observer = options.observer;
    this.#tables = new IndirectTables(options.tables);
    this.#mask = size - 1;
    // One buffer: each of its own costs more than all that is done with it in a short session.
    const state = new ArrayBuffer(16 * size);
    this.#room = new Float64Array(state, 8 * size, size);
    this.#free = new Uint16Array(state, 0, size);
    for (let index = 0; index < size; index++) this.#free[index] = index;
    this.#freeCount = size;
    this.#taken = new Uint16Array(state, 2 * size, size);
    this.#after = new Uint16Array(state, 4 * size, size);
    this.#added = new Uint16Array(state, 6 * size, size);
    const position = positionOf('split', options.position ?? splitPosition(ring.availIdx(), ring.usedIdx()));
    this.#availIdx = this.#published = this.#kickedUpTo = position.avail;
    this.#lastUsedIdx = this.#batchEnd = position.used;
  }

  get size(): number {
    return this.ring.size;
  }
  get position(): SplitPosition {
    return splitPosition(this.#published, this.#lastUsedIdx);
  }
  get freeDescriptors(): number {
    return this.#freeCount;
  }
  get outstanding(): number {
    return this.#outstanding;
  }
  /** The used idx up to which elements were taken. */
  get lastUsedIdx(): number {
    return this.#lastUsedIdx;
  }
  /** The available idx after what was added, published or not. */
  get nextAvailIdx(): number {
    return this.#availIdx;
  }

  /** Describes a chain and enters it into the available ring. Returns its head. */
  add(chain: readonly Segment[], options?: SplitAddOptions): number | 'ring-full' {
    const count = chain.length;
    if (count === 0) throw new DriverUsageError('a chain has at least one segment');
    const indirect = options?.indirect;
    const direct = indirect === undefined ? count : indirect === 'all' ? 0 : Math.min(indirect, count - 1);
    const needed = indirect === undefined ? count : direct + 1;
    if (needed > this.#freeCount) return 'ring-full';
    if (indirect !== undefined) this.#tables.require();
    const step = options?.order === 'descending' ? -1 : 1;
    let place = step === 1 ? this.#freeFront : this.#freeFront + needed - 1;
    this.#freeFront = (this.#freeFront + needed) % this.ring.size;
    this.#freeCount -= needed;
    const head = this.#freeAt(place);
    let index = head;
    for (let n = 0; n < needed; n++) {
      const last = n === needed - 1;
      place += step;
      const next = last ? 0 : this.#freeAt(place);
      this.#after[index] = next;
      const more = last ? 0 : VIRTQ_DESC_F_NEXT;
      if (n < direct) {
        const segment = chain[n] as Segment;
        const flags = more | (segment.writable ? VIRTQ_DESC_F_WRITE : 0);
        this.ring.setDescriptor(index, addressIn(this.#space, segment), segment.length, flags, next);
      } else {
        const table = this.#fillTable(index, chain, direct, options?.rewriteTable);
        const length = options?.tableLength ?? (count - direct) * DESCRIPTOR_SIZE;
        const flags = VIRTQ_DESC_F_INDIRECT | (options?.tableFlags ?? 0);
        this.ring.setDescriptor(index, addressIn(this.#space, table), length, flags, 0);
      }
      index = next;
    }
    this.#taken[head] = needed;
    this.#room[head] = this.#inOrder ? writableLength(chain) : 0;
    this.#added[this.#availIdx % this.ring.size] = head;
    this.#outstanding++;
    this.#enter(head);
    this.#observer?.added(head, chain, (this.#availIdx - 1) & 0xffff);
    return head;
  }

  /** Enters any value into the available ring as a head, unpublished. */
  addHead(head: number): void {
    this.#enter(head);
    this.#observer?.addedByHand();
  }

  #enter(head: number): void {
    this.ring.setAvailHead(this.#slot(this.#availIdx), head);
    this.#availIdx = (this.#availIdx + 1) & 0xffff;
  }

  publish(): void {
    this.#published = this.#availIdx;
    this.ring.setAvailIdx(this.#availIdx);
    this.#observer?.published();
  }

  /** Virtio 2.7.10.1. */
  needsKick(): boolean {
    const before = this.#kickedUpTo;
    const now = this.#published;
    this.#kickedUpTo = now;
    if (before === now) return false;
    if (this.#eventIdx) return passesEvent(this.ring.availEvent(), now, before);
    return (this.ring.usedFlags() & VIRTQ_USED_F_NO_NOTIFY) === 0;
  }

  takeUsed(): boolean {
    const last = this.#lastUsedIdx;
    if (this.#inOrder && last !== this.#batchEnd) return this.#takeOfBatch(this.#batchEnd);
    const idx = this.ring.usedIdx();
    if (last === idx) return false;
    const slot = this.#slot(last);
    const id = this.ring.usedId(slot);
    this.#usedLen = this.ring.usedLen(slot);
    if (this.#inOrder) {
      this.#batchLen = this.#usedLen;
      this.#batchEnd = this.#endOfBatch(last, idx, id);
      return this.#takeOfBatch(this.#batchEnd);
    }
    this.#lastUsedIdx = this.#batchEnd = (last + 1) & 0xffff;
    this.#settle(id);
    this.#observer?.taken(id, this.#usedLen, this.#usedWasOutstanding);
    return true;
  }

  get usedId(): number {
    return this.#usedId;
  }
  readonly usedTellsLength = true;
  get usedLen(): number {
    return this.#usedLen;
  }
  get usedWasOutstanding(): boolean {
    return this.#usedWasOutstanding;
  }

  /** By the used idx alone: with IN_ORDER, elements of a batch that were not written count too. */
  usedCount(): number {
    return (this.ring.usedIdx() - this.#lastUsedIdx) & 0xffff;
  }

  usedIds(): number[] {
    const ids: number[] = [];
    const count = Math.min(this.usedCount(), this.ring.size);
    const last = this.#lastUsedIdx;
    for (let n = 0; n < count; ) {
      const at = (last + n) & 0xffff;
      const id = this.ring.usedId(this.#slot(at));
      const end = this.#inOrder ? this.#placeOf(id, at, (last + count) & 0xffff) : undefined;
      if (end === undefined) {
        ids.push(id);
        n++;
        continue;
      }
      // One element stands for all chains up to its own.
      for (let place = at; place !== ((end + 1) & 0xffff); place = (place + 1) & 0xffff, n++) {
        ids.push(this.#added[place % this.ring.size] as number);
      }
    }
    return ids;
  }

  reapUsed(limit = Number.POSITIVE_INFINITY): UsedElement[] {
    const elements: UsedElement[] = [];
    while (elements.length < limit && this.takeUsed()) elements.push({ id: this.#usedId, len: this.#usedLen });
    return elements;
  }

  /** By flag, or with EVENT_IDX by a used_event that lies just behind. */
  disableCalls(): void {
    if (this.#eventIdx) this.ring.setUsedEvent((this.#lastUsedIdx - 1) & 0xffff);
    else this.ring.setAvailFlags(VIRTQ_AVAIL_F_NO_INTERRUPT);
  }

  enableCalls(after = 0): boolean {
    if (this.#eventIdx) this.ring.setUsedEvent((this.#lastUsedIdx + after) & 0xffff);
    else this.ring.setAvailFlags(0);
    return this.ring.usedIdx() !== this.#lastUsedIdx;
  }

  #slot(idx: number): number {
    return (this.ring.size & this.#mask) === 0 ? idx & this.#mask : idx % this.ring.size;
  }

  #settle(id: number): void {
    const count = id < this.ring.size ? (this.#taken[id] as number) : 0;
    this.#usedId = id;
    this.#usedWasOutstanding = count > 0;
    if (count === 0) return;
    this.#taken[id] = 0;
    this.#outstanding--;
    this.#giveBack(id, count);
  }

  #freeAt(place: number): number {
    return this.#free[place % this.ring.size] as number;
  }

  #giveBack(head: number, count: number): void {
    let index = head;
    for (let n = 0; n < count; n++) {
      this.#free[(this.#freeFront + this.#freeCount) % this.ring.size] = index;
      this.#freeCount++;
      index = this.#after[index] as number;
    }
  }

  #endOfBatch(last: number, idx: number, id: number): number {
    const place = this.#placeOf(id, last, idx);
    if (place === undefined) this.#observer?.outOfOrder(id);
    return ((place ?? last) + 1) & 0xffff;
  }

  /** Where a head stands among those that were added from `from` on. */
  #placeOf(id: number, from: number, to: number): number | undefined {
    for (let at = from; at !== to; at = (at + 1) & 0xffff) {
      if (this.#added[at % this.ring.size] === id) return at;
    }
    return undefined;
  }

  /** Buffers of a batch ahead of its last one count as written in full (virtio 2.7.8). */
  #takeOfBatch(end: number): boolean {
    const at = this.#lastUsedIdx;
    this.#lastUsedIdx = (at + 1) & 0xffff;
    const id = this.#added[at % this.ring.size] as number;
    this.#usedLen = this.#lastUsedIdx === end ? this.#batchLen : (this.#room[id] as number);
    this.#settle(id);
    this.#observer?.taken(id, this.#usedLen, this.#usedWasOutstanding);
    return true;
  }

  #fillTable(head: number, chain: readonly Segment[], from: number, rewrite: TableOptions['rewriteTable']): Span {
    const count = chain.length - from;
    const { span, entries } = this.#tables.table(head, count);
    const isLittle = !this.ring.isBigEndian;
    for (let n = 0; n < count; n++) {
      const segment = chain[from + n] as Segment;
      const more = n === count - 1 ? 0 : VIRTQ_DESC_F_NEXT;
      const at = n * DESCRIPTOR_SIZE;
      entries.setBigUint64(at, addressIn(this.#space, segment), isLittle);
      entries.setUint32(at + 8, segment.length, isLittle);
      entries.setUint16(at + 12, more | (segment.writable ? VIRTQ_DESC_F_WRITE : 0), isLittle);
      entries.setUint16(at + 14, more === 0 ? 0 : n + 1, isLittle);
    }
    rewrite?.(entries);
    return span;
  }
}

function writableLength(chain: readonly Segment[]): number {
  let length = 0;
  for (const segment of chain) if (segment.writable) length += segment.length;
  return length;
}
