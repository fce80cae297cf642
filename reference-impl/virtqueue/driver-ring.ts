import type { AddressSpace } from '../memory/addresses.ts';
import type { AllocationRequest } from '../memory/allocation.ts';
import type { Span } from '../memory/span.ts';
import type { RingLayout, RingPosition } from './ring.ts';
import type { Segment } from './segment.ts';

/** A used buffer as the device returned it: its buffer id, and the bytes written from the start of its writable part. */
export interface UsedElement {
  readonly id: number;
  readonly len: number;
}

/** Told of what a driver side does, for watchers of rings. */
export interface DriverRingObserver {
  /** A chain was added, unpublished. `place`: split, its available idx; packed, its first slot. */
  added(id: number, chain: readonly Segment[], place: number): void;
  /** Something was entered that is no chain of segments: a head, descriptors as they are. */
  addedByHand(): void;
  /** What was added is available to the device. */
  published(): void;
  /** A used element was taken. */
  taken(id: number, len: number, wasOutstanding: boolean): void;
  /** With IN_ORDER: the id of a used element is not that of any chain that can come next. */
  outOfOrder(id: number): void;
}

export interface DriverRingOptions {
  readonly observer?: DriverRingObserver;
  /** The space of the addresses in descriptors; `guest-physical` by default. */
  readonly space?: AddressSpace;
  readonly eventIdx?: boolean;
  /** VIRTIO_F_IN_ORDER: one used element can stand for all buffers up to its own. */
  readonly inOrder?: boolean;
  /** Where the ring begins; by default where the ring in memory does. */
  readonly position?: RingPosition;
  /** Memory for indirect tables; tables are kept and used again. */
  readonly tables?: { allocate(request: AllocationRequest): Span };
}

/** What stands beside the segments of a chain with an indirect table. */
export interface TableOptions {
  /** More flags of the descriptor that leads to the table. */
  readonly tableFlags?: number;
  /** What that descriptor says for the bytes of the table. */
  readonly tableLength?: number;
  /** Gets the table once it is filled, and may write over it. */
  readonly rewriteTable?: (entries: DataView) => void;
}

export interface AddOptions extends TableOptions {
  /** `all` puts every segment into an indirect table. */
  readonly indirect?: 'all';
}

/**
 * The driver side of a ring. It keeps its state outside the ring, so that a device that corrupts the ring does not
 * corrupt this side: what the device returns is reported, never trusted.
 */
export interface DriverRing {
  readonly layout: RingLayout;
  readonly size: number;
  /** Where this side goes on: the next chain to publish and the next used element to take. */
  readonly position: RingPosition;
  readonly freeDescriptors: number;
  /** Chains added and not yet taken as used. */
  readonly outstanding: number;
  /**
   * Describes a chain, unpublished. Returns its buffer id (split: the index of its head). The order of segments is
   * kept, lawful or not. Throws DriverUsageError for a chain of no segments, or an indirect one without memory.
   */
  add(chain: readonly Segment[], options?: AddOptions): number | 'ring-full';
  /** Makes all that was added available to the device. */
  publish(): void;
  /** Whether the device wants a kick for what was published since the last call of this. */
  needsKick(): boolean;
  /**
   * Takes one used element, if the device has shown one: its fields are then `usedId`, `usedLen` and
   * `usedWasOutstanding`. Allocates nothing.
   */
  takeUsed(): boolean;
  readonly usedId: number;
  readonly usedLen: number;
  /** Whether the device says in `usedLen` what it wrote: of a packed ring beside the WRITE flag alone (virtio 2.8.4). */
  readonly usedTellsLength: boolean;
  /** Whether the id was that of an outstanding chain. */
  readonly usedWasOutstanding: boolean;
  /** Used elements that memory shows and that were not taken yet. Takes none. */
  usedCount(): number;
  /** Their ids, in the order in which they would be taken. */
  usedIds(): number[];
  /** Takes all used elements, or the first `limit`. */
  reapUsed(limit?: number): UsedElement[];
  /** Asks for no calls. A hint: the device may call. */
  disableCalls(): void;
  /**
   * Asks for a call at the used element `after` places behind the next one; without EVENT_IDX at each. Returns whether
   * elements have come meanwhile, for which no call may come.
   */
  enableCalls(after?: number): boolean;
}
