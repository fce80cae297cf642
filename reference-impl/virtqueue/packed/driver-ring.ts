import { DriverUsageError } from '../../errors.ts';
import { type AddressSpace, addressIn } from '../../memory/addresses.ts';
import type { Span } from '../../memory/span.ts';
import { DESCRIPTOR_SIZE, VIRTQ_DESC_F_INDIRECT, VIRTQ_DESC_F_NEXT, VIRTQ_DESC_F_WRITE } from '../descriptor.ts';
import type {
  AddOptions,
  DriverRing,
  DriverRingObserver,
  DriverRingOptions,
  TableOptions,
  UsedElement,
} from '../driver-ring.ts';
import { IndirectTables } from '../indirect-tables.ts';
import { type PackedPosition, packedPosition, positionOf } from '../ring.ts';
import type { Segment } from '../segment.ts';
import { wantsNotification } from './event.ts';
import {
  availableBits,
  eventWord,
  isUsedIn,
  RING_EVENT_FLAGS_DESC,
  RING_EVENT_FLAGS_DISABLE,
  RING_EVENT_FLAGS_ENABLE,
} from './layout.ts';
import type { PackedDescriptor, PackedRing } from './ring-memory.ts';

const NOTHING_HELD_BACK = -1;

/** The driver side of a packed ring (virtio 2.8.20, 2.8.21). */
export class PackedDriver implements DriverRing {
  readonly layout = 'packed';
  readonly ring: PackedRing;
  readonly size: number;
  readonly #space: AddressSpace;
  readonly #eventIdx: boolean;
  readonly #inOrder: boolean;
  readonly #observer: DriverRingObserver | undefined;
  readonly #tables: IndirectTables;
  /** Free buffer ids as a queue. */
  readonly #free: Uint16Array;
  #freeFront = 0;
  #freeIds: number;
  #freeSlots: number;
  /** By id: how many slots its chain takes, 0 where no chain is outstanding. */
  readonly #slots: Uint16Array;
  /** By id: bytes of the writable part of its chain. */
  readonly #room: Float64Array;
  /** By slot: the id of the chain that begins there. */
  readonly #idAt: Uint16Array;
  #avail: number;
  #availWrap: 0 | 1;
  #publishedSlot: number;
  #publishedWrap: 0 | 1;
  /** Flags of the first descriptor that was added since the last publication, which makes all of them available. */
  #heldSlot = NOTHING_HELD_BACK;
  #heldFlags = 0;
  #addedSlots = 0;
  #slotsSinceKick = 0;
  #used: number;
  #usedWrap: 0 | 1;
  /** The last id of a batch that is being taken, and how many chains of it are left. */
  #batchLast = 0;
  #batchLen = 0;
  #batchLeft = 0;
  #outstanding = 0;
  #usedId = 0;
  #usedLen = 0;
  #usedTellsLength = false;
  #usedSlot = 0;
  #usedWasOutstanding = false;

  /** Begins at the position of the ring, which a ring of a Guest has; any other is taken as fresh. */
  constructor(ring: PackedRing & { readonly position?: PackedPosition }, options: DriverRingOptions = {}) {
    const { size } = ring;
    this.ring = ring;
    this.size = size;
    this.#space = options.space ?? 'guest-physical';
    this.#eventIdx = options.eventIdx ?? false;
    this.#inOrder = options.inOrder ?? false;
    this.#observer = options.observer;
    this.#tables = new IndirectTables(options.tables);
    const state = new ArrayBuffer(14 * size);
    this.#room = new Float64Array(state, 0, size);
    this.#free = new Uint16Array(state, 8 * size, size);
    for (let id = 0; id < size; id++) this.#free[id] = id;
    this.#slots = new Uint16Array(state, 10 * size, size);
    this.#idAt = new Uint16Array(state, 12 * size, size);
    this.#freeIds = this.#freeSlots = size;
    const position = positionOf('packed', options.position ?? ring.position ?? packedPosition(0));
    this.#avail = this.#publishedSlot = position.avail;
    this.#availWrap = this.#publishedWrap = position.availWrap;
    this.#used = position.used;
    this.#usedWrap = position.usedWrap;
  }

  get position(): PackedPosition {
    return packedPosition(this.#publishedSlot, this.#publishedWrap, this.#used, this.#usedWrap);
  }
  get freeDescriptors(): number {
    return this.#freeSlots;
  }
  get outstanding(): number {
    return this.#outstanding;
  }
  /** The slot after what was added, published or not, and its wrap counter. */
  get nextSlot(): number {
    return this.#avail;
  }
  get nextWrap(): 0 | 1 {
    return this.#availWrap;
  }

  add(chain: readonly Segment[], options?: AddOptions): number | 'ring-full' {
    const count = chain.length;
    if (count === 0) throw new DriverUsageError('a chain has at least one segment');
    const isIndirect = options?.indirect === 'all';
    const slots = isIndirect ? 1 : count;
    if (slots > this.#freeSlots || this.#freeIds === 0) return 'ring-full';
    const id = this.#free[this.#freeFront] as number;
    const first = this.#avail;
    const firstWrap = this.#availWrap;
    let room = 0;
    let firstFlags = 0;
    if (isIndirect) {
      const table = this.#fillTable(id, chain, options?.rewriteTable);
      const length = options?.tableLength ?? count * DESCRIPTOR_SIZE;
      this.ring.setBuffer(first, addressIn(this.#space, table), length, id);
      firstFlags = VIRTQ_DESC_F_INDIRECT | (options?.tableFlags ?? 0);
    }
    let slot = first;
    let wrap = firstWrap;
    for (let n = 0; n < count; n++) {
      const segment = chain[n] as Segment;
      if (segment.writable) room += segment.length;
      if (isIndirect) continue;
      const flags = (n === count - 1 ? 0 : VIRTQ_DESC_F_NEXT) | (segment.writable ? VIRTQ_DESC_F_WRITE : 0);
      const address = addressIn(this.#space, segment);
      if (n > 0) this.ring.setChained(slot, address, segment.length, id, flags | availableBits(wrap));
      else {
        firstFlags = flags;
        this.ring.setBuffer(slot, address, segment.length, id);
      }
      if (++slot < this.size) continue;
      slot = 0;
      wrap = wrap === 1 ? 0 : 1;
    }
    this.#advance(slots);
    this.#makeAvailable(first, firstFlags | availableBits(firstWrap));
    this.#freeFront = this.#freeFront + 1 === this.size ? 0 : this.#freeFront + 1;
    this.#freeIds--;
    this.#record(id, first, slots, room);
    this.#observer?.added(id, chain, first);
    return id;
  }

  /**
   * Enters descriptors as they are, unpublished: AVAIL and USED of `flags` are inverted where the descriptor has them,
   * and otherwise those of an available descriptor. With `id` they are the outstanding chain of that buffer id, which
   * must be below the size; without one a used descriptor for them is not expected. Returns the first slot.
   */
  addRaw(descriptors: readonly PackedDescriptor[], id?: number): number | 'ring-full' {
    const [head] = descriptors;
    if (head === undefined || descriptors.length > this.#freeSlots) return 'ring-full';
    this.#observer?.addedByHand();
    const first = this.#avail;
    const firstWrap = this.#availWrap;
    for (const [n, { addr, len, id: carried, flags }] of descriptors.entries()) {
      this.ring.setBuffer(this.#avail, addr, len, carried);
      if (n > 0) this.ring.setFlags(this.#avail, flags ^ availableBits(this.#availWrap));
      this.#advance(1);
    }
    this.#makeAvailable(first, head.flags ^ availableBits(firstWrap));
    if (id === undefined) this.#freeSlots -= descriptors.length;
    else {
      this.#withdraw(id);
      this.#record(id, first, descriptors.length, 0);
    }
    return first;
  }

  publish(): void {
    if (this.#heldSlot === NOTHING_HELD_BACK) return;
    this.ring.setFlags(this.#heldSlot, this.#heldFlags);
    this.#heldSlot = NOTHING_HELD_BACK;
    this.#slotsSinceKick += this.#addedSlots;
    this.#addedSlots = 0;
    this.#publishedSlot = this.#avail;
    this.#publishedWrap = this.#availWrap;
    this.#observer?.published();
  }

  /** Virtio 2.8.20.2. */
  needsKick(): boolean {
    const moved = this.#slotsSinceKick;
    this.#slotsSinceKick = 0;
    const event = this.ring.deviceEvent();
    return wantsNotification(event, this.#eventIdx, this.#publishedSlot, this.#publishedWrap, moved, this.size);
  }

  takeUsed(): boolean {
    if (this.#batchLeft > 0) return this.#takeOfBatch();
    const slot = this.#used;
    const flags = this.ring.flags(slot);
    if (!isUsedIn(flags, this.#usedWrap)) return false;
    const id = this.ring.id(slot);
    // Without WRITE the length is reserved (virtio 2.8.4).
    this.#usedTellsLength = (flags & VIRTQ_DESC_F_WRITE) !== 0;
    const len = this.#usedTellsLength ? this.ring.len(slot) : 0;
    if (this.#inOrder) {
      this.#batchLast = id;
      this.#batchLen = len;
      this.#batchLeft = this.#chainsUpTo(id, slot);
      if (this.#batchLeft > 0) return this.#takeOfBatch();
      this.#observer?.outOfOrder(id);
    }
    this.#settle(id, len, slot);
    return true;
  }

  get usedId(): number {
    return this.#usedId;
  }
  get usedLen(): number {
    return this.#usedLen;
  }
  get usedTellsLength(): boolean {
    return this.#usedTellsLength;
  }
  /** The slot of the used descriptor; with IN_ORDER, where it would stand if the buffer were not part of a batch. */
  get usedSlot(): number {
    return this.#usedSlot;
  }
  get usedWasOutstanding(): boolean {
    return this.#usedWasOutstanding;
  }

  usedCount(): number {
    let count = this.#batchLeft;
    let slot = this.#used;
    let wrap = this.#usedWrap;
    let passed = 0;
    if (count > 0) passed = this.#slotsOf(slot, count);
    for (;;) {
      slot = this.#used + passed;
      wrap = this.#usedWrap;
      if (slot >= this.size) {
        slot -= this.size;
        wrap = wrap === 1 ? 0 : 1;
      }
      if (passed >= this.size || !isUsedIn(this.ring.flags(slot), wrap)) return count;
      const id = this.ring.id(slot);
      const chains = this.#inOrder ? Math.max(1, this.#chainsUpTo(id, slot)) : 1;
      passed += this.#inOrder ? this.#slotsOf(slot, chains) : Math.max(1, this.#slotsFor(id));
      count += chains;
    }
  }

  usedIds(): number[] {
    const ids: number[] = [];
    const count = this.usedCount();
    for (let slot = this.#used; ids.length < count; ) {
      const id = this.#inOrder ? (this.#idAt[slot] as number) : this.ring.id(slot);
      ids.push(id);
      slot = (slot + Math.max(1, this.#slotsFor(id))) % this.size;
    }
    return ids;
  }

  reapUsed(limit = Number.POSITIVE_INFINITY): UsedElement[] {
    const elements: UsedElement[] = [];
    while (elements.length < limit && this.takeUsed()) elements.push({ id: this.#usedId, len: this.#usedLen });
    return elements;
  }

  disableCalls(): void {
    this.ring.setDriverEvent(eventWord(RING_EVENT_FLAGS_DISABLE));
  }

  /** `after` counts descriptors: with EVENT_IDX the device calls when it uses the one that far behind the next. */
  enableCalls(after = 0): boolean {
    if (this.#eventIdx) {
      const slot = this.#used + after;
      const isNextRound = slot >= this.size;
      const wrap = isNextRound === (this.#usedWrap === 1) ? 0 : 1;
      this.ring.setDriverEvent(eventWord(RING_EVENT_FLAGS_DESC, isNextRound ? slot - this.size : slot, wrap));
    } else this.ring.setDriverEvent(eventWord(RING_EVENT_FLAGS_ENABLE));
    return this.#batchLeft > 0 || isUsedIn(this.ring.flags(this.#used), this.#usedWrap);
  }

  /** Of chains added since the last publication the first descriptor of the first becomes available last. */
  #makeAvailable(slot: number, flags: number): void {
    if (this.#heldSlot === NOTHING_HELD_BACK) {
      this.#heldSlot = slot;
      this.#heldFlags = flags;
    } else this.ring.setFlags(slot, flags);
  }

  #record(id: number, first: number, slots: number, room: number): void {
    this.#slots[id] = slots;
    this.#room[id] = room;
    this.#idAt[first] = id;
    this.#freeSlots -= slots;
    this.#outstanding++;
  }

  #advance(slots: number): void {
    this.#avail += slots;
    this.#addedSlots += slots;
    if (this.#avail < this.size) return;
    this.#avail -= this.size;
    this.#availWrap = this.#availWrap === 1 ? 0 : 1;
  }

  #slotsFor(id: number): number {
    return id < this.size ? (this.#slots[id] as number) : 0;
  }

  /** Chains that one used descriptor at `slot` stands for, in the order of the ring; 0 where `id` is none of them. */
  #chainsUpTo(id: number, slot: number): number {
    let at = slot;
    for (let chains = 1; chains <= this.#outstanding; chains++) {
      const here = this.#idAt[at] as number;
      if (here === id) return this.#slotsFor(id) === 0 ? 0 : chains;
      const slots = this.#slotsFor(here);
      if (slots === 0) return 0;
      at += slots;
      if (at >= this.size) at -= this.size;
    }
    return 0;
  }

  /** Slots of as many chains from `slot` on, at least one. */
  #slotsOf(slot: number, chains: number): number {
    let at = slot;
    let total = 0;
    for (let n = 0; n < chains; n++) {
      const slots = Math.max(1, this.#slotsFor(this.#idAt[at] as number));
      total += slots;
      at = (at + slots) % this.size;
    }
    return total;
  }

  /** Buffers of a batch ahead of its last one count as written in full (virtio 2.8.8). */
  #takeOfBatch(): boolean {
    this.#batchLeft--;
    const isLast = this.#batchLeft === 0;
    const id = isLast ? this.#batchLast : (this.#idAt[this.#used] as number);
    this.#settle(id, isLast ? this.#batchLen : (this.#room[id] as number), this.#used);
    return true;
  }

  /** An id that is not outstanding frees nothing; the next used descriptor is then looked for in the slot behind. */
  #settle(id: number, len: number, slot: number): void {
    const slots = this.#slotsFor(id);
    this.#usedId = id;
    this.#usedLen = len;
    this.#usedSlot = slot;
    this.#usedWasOutstanding = slots > 0;
    this.#observer?.taken(id, len, slots > 0);
    this.#used += Math.max(1, slots);
    if (this.#used >= this.size) {
      this.#used -= this.size;
      this.#usedWrap = this.#usedWrap === 1 ? 0 : 1;
    }
    if (slots === 0) return;
    this.#slots[id] = 0;
    this.#outstanding--;
    this.#freeSlots += slots;
    const end = this.#freeFront + this.#freeIds;
    this.#free[end < this.size ? end : end - this.size] = id;
    this.#freeIds++;
  }

  /** Takes an id out of the free ones. Throws DriverUsageError where it is outstanding. */
  #withdraw(id: number): void {
    for (let n = 0; n < this.#freeIds; n++) {
      const place = (this.#freeFront + n) % this.size;
      if (this.#free[place] !== id) continue;
      this.#free[place] = this.#free[this.#freeFront] as number;
      this.#freeFront = (this.#freeFront + 1) % this.size;
      this.#freeIds--;
      return;
    }
    throw new DriverUsageError(`buffer id ${id} is outstanding, or not below ${this.size}`);
  }

  /** Flags other than WRITE are reserved inside a table, and so is the id (virtio 2.8.7). */
  #fillTable(id: number, chain: readonly Segment[], rewrite: TableOptions['rewriteTable']): Span {
    const { span, entries } = this.#tables.table(id, chain.length);
    for (const [n, segment] of chain.entries()) {
      const at = n * DESCRIPTOR_SIZE;
      entries.setBigUint64(at, addressIn(this.#space, segment), true);
      entries.setUint32(at + 8, segment.length, true);
      entries.setUint16(at + 12, 0, true);
      entries.setUint16(at + 14, segment.writable ? VIRTQ_DESC_F_WRITE : 0, true);
    }
    rewrite?.(entries);
    return span;
  }
}
