import type { RequirementSlug } from '../catalogue/catalogue.ts';
import { NET_HEADER_SIZE, NUM_BUFFERS_OFFSET } from '../devices/net-layout.ts';
import type { AddressSpace } from '../memory/addresses.ts';
import { DESCRIPTOR_SIZE, VIRTQ_DESC_F_NEXT } from '../virtqueue/descriptor.ts';
import type { DriverRing, DriverRingObserver } from '../virtqueue/driver-ring.ts';
import type { GuestRing } from '../virtqueue/ring.ts';
import type { Segment } from '../virtqueue/segment.ts';
import { AVAIL_IDX, AVAIL_RING } from '../virtqueue/split/layout.ts';
import type { GuestWatch } from './guest-watch.ts';
import { type Invariant, type InvariantViolation, requirementOfInvariant } from './invariants.ts';
import { ShownBytes } from './shown-bytes.ts';
import { StoreWatch } from './store-watch.ts';

/** Never added. */
const UNKNOWN = -1;
const unit = 2;
const flagsOffset = 12;
const nextOffset = 14;

export interface RingWatchOptions {
  readonly ring: GuestRing;
  /** The space of the addresses in descriptors. */
  readonly space: AddressSpace;
  /** The memory that the ring lies in; undefined where that is not watched. */
  readonly memory: GuestWatch | undefined;
  /** All memory in which buffers may lie. */
  readonly guests: () => Iterable<GuestWatch>;
  readonly found: (violation: InvariantViolation) => void;
  /** Chains were laid that this side knows too little of to say what memory the device may write. */
  readonly byHand: () => void;
}

/**
 * The ring invariants under one life of a ring, from its attachment on. Of a device that runs by itself it judges what
 * can no longer change: a used element once the driver took it, memory once the ring was stopped.
 */
export class RingWatch implements DriverRingObserver {
  readonly #options: RingWatchOptions;
  /** By buffer id: bytes of the writable part of its latest chain, or UNKNOWN. */
  readonly #rooms: Float64Array;
  /** Buffer ids of chains that were added and not taken as used. */
  readonly #outstanding = new Set<number>();
  readonly #readableBuffers: RequirementSlug | undefined;
  /** By buffer id: the latest chain, where the stores of the device are watched. */
  #chains: (readonly Segment[])[] | undefined;
  #stores: StoreWatch | undefined;
  #shown: ShownBytes | undefined;
  /** A chain begins with what holds no header of a packet. */
  #hasOddBuffers = false;
  /** Chains were laid by hand: used elements can say anything. */
  #isByHand = false;
  #chainsLaid = 0;

  constructor(options: RingWatchOptions) {
    const { ring } = options;
    this.#options = options;
    this.#rooms = new Float64Array(ring.size).fill(UNKNOWN);
    this.#readableBuffers = requirementOfInvariant('readableBuffers', ring.layout);
  }

  /** Chains that were added, those that were laid by hand among them. */
  get chainsLaid(): number {
    return this.#chainsLaid;
  }

  added(id: number, chain: readonly Segment[], place: number): void {
    this.#chainsLaid++;
    let room = 0;
    for (let n = 0; n < chain.length; n++) {
      const { writable, length } = chain[n] as Segment;
      if (writable) room += length;
    }
    const first = chain[0];
    if (first?.writable !== true || first.length < NET_HEADER_SIZE) this.#hasOddBuffers = true;
    this.#rooms[id] = room;
    this.#outstanding.add(id);
    this.#stores?.added(place, chain.length);
    if (this.#chains !== undefined) this.#chains[id] = chain;
    for (const guest of this.#options.guests()) guest.lend(chain, this.#options.space, this.#readableBuffers);
    this.#takeDescriptors(id, place);
  }

  /** From now on each store of the device is told to the watch that this returns. `isReceive`: of network packets. */
  watchStores(driver: DriverRing, isReceive: boolean): StoreWatch {
    const chains: (readonly Segment[])[] = [];
    const shown = new ShownBytes(() => this.#options.memory?.guest.regions ?? []);
    this.#chains = chains;
    this.#shown = shown;
    this.#stores = new StoreWatch({
      ring: this.#options.ring,
      driver,
      ...(isReceive ? { buffersOfPacket: (id) => this.#buffersOfPacket(id) } : {}),
      shown: (id, len) => shown.shown(id, Math.min(len, this.#rooms[id] ?? 0), chains[id]),
      found: (violation) => {
        if (!this.#isByHand) this.#options.found(violation);
      },
    });
    return this.#stores;
  }

  /**
   * As num_buffers of the header in the first buffer of a packet says. Undefined once a buffer was lent that no driver lends:
   * one with something to read, or without room for a header.
   */
  #buffersOfPacket(id: number): number | undefined {
    const first = this.#chains?.[id]?.[0];
    if (first === undefined || this.#hasOddBuffers) return undefined;
    for (const { guestAddress, size, bytes } of this.#options.memory?.guest.regions ?? []) {
      const at = Number(first.guestAddress - guestAddress) + NUM_BUFFERS_OFFSET;
      if (at >= NUM_BUFFERS_OFFSET && at + 1 < size) return (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
    }
    return undefined;
  }

  addedByHand(): void {
    this.#chainsLaid++;
    this.#isByHand = true;
    this.#options.byHand();
  }

  published(): void {
    const { ring, memory } = this.#options;
    const { driver } = ring.areas;
    if (ring.layout === 'split') memory?.wrote(driver.region.index, driver.offset + AVAIL_IDX * unit, unit);
  }

  taken(id: number, len: number, wasOutstanding: boolean): void {
    this.#outstanding.delete(id);
    if (this.#isByHand) return;
    const room = this.#rooms[id];
    if (!wasOutstanding) this.#tellId(id, 'a used element');
    else if (room !== undefined && len > room) this.#tellLen(id, len, room);
    if (this.#shown?.isChanged(id, this.#chains ?? []) !== true) return;
    const what = `the first ${len} bytes of the writable part of chain ${id}, once its used element is visible`;
    this.#tell('usedLen', what, 'as they are when the driver takes it', 'written afterwards');
  }

  outOfOrder(id: number): void {
    if (this.#isByHand) return;
    this.#tell('inOrder', 'the id of a used element', 'that of a chain that is outstanding', String(id));
  }

  /** Behind the fence that stopped the ring. */
  stopped(driver: DriverRing): void {
    const shown = driver.usedCount();
    // A used idx that moved back or jumped is no count of elements.
    if (this.#isByHand || shown > this.#options.ring.size) return;
    if (shown <= driver.outstanding) {
      this.#judgeUntaken(driver.usedIds());
      return;
    }
    this.#tell(
      'usedOnce',
      'used elements that were not taken when the ring stopped',
      `${driver.outstanding} at most: so many chains were outstanding`,
      String(shown),
    );
  }

  /** Used elements that the driver will not take any more. */
  #judgeUntaken(ids: readonly number[]): void {
    const left = new Set(this.#outstanding);
    for (const id of ids)
      if (!left.delete(id)) this.#tellId(id, 'a used element that was not taken when the ring stopped');
  }

  /** The descriptors of a chain and its place in the available ring are as the driver wrote them. */
  #takeDescriptors(head: number, place: number): void {
    const { ring, memory } = this.#options;
    if (memory === undefined || ring.layout !== 'split') return;
    const { descriptor, driver } = ring.areas;
    const { index: region, bytes } = descriptor.region;
    let index = head;
    for (let count = 0; count < ring.size && index < ring.size; count++) {
      const at = descriptor.offset + index * DESCRIPTOR_SIZE;
      memory.wrote(region, at, DESCRIPTOR_SIZE);
      if (((bytes[at + flagsOffset] as number) & VIRTQ_DESC_F_NEXT) === 0) break;
      index = (bytes[at + nextOffset] as number) | ((bytes[at + nextOffset + 1] as number) << 8);
    }
    memory.wrote(driver.region.index, driver.offset + (AVAIL_RING + (place % ring.size)) * unit, unit);
  }

  #tellId(id: number, what: string): void {
    const wasAdded = id < this.#rooms.length && this.#rooms[id] !== UNKNOWN;
    if (wasAdded) this.#tell('usedOnce', what, 'each chain once', `id ${id} once more`);
    else this.#tell('usedId', what, 'the id of an outstanding chain', `id ${id}`);
  }

  #tellLen(id: number, len: number, room: number): void {
    const expected = `${room} at most: so long is the writable part`;
    this.#tell('usedLen', `the len of the used element of chain ${id}`, expected, String(len));
  }

  #tell(invariant: Invariant, what: string, expected: string, actual: string): void {
    const requirement = requirementOfInvariant(invariant, this.#options.ring.layout);
    if (requirement !== undefined) this.#options.found({ requirement, what, expected, actual });
  }
}
