import type { QueueStart } from '../devices/parent-driver.ts';
import type { Chain } from '../virtqueue/chain.ts';
import type { PackedDescriptor } from '../virtqueue/packed/ring-memory.ts';
import type { RingLayout, RingPosition } from '../virtqueue/ring.ts';

/** How requests in flight are recorded in memory that outlives the back-end (Inflight I/O tracking). */
export interface InflightRules {
  /** Whether a record that ends at this byte lies in a buffer of so many. */
  readonly holdsRecord: (end: number, bytes: number) => boolean;
  /** Bytes of the buffer that GET_INFLIGHT_FD hands out. */
  readonly bufferSize: (numQueues: number, queueSize: number, layout: RingLayout) => number;
  readonly told: (size: number) => { readonly mmapSize: bigint; readonly mmapOffset: bigint };
  readonly version: number;
  readonly descNum: (queueSize: number) => number;
  readonly marksFetched: boolean;
  /** Whether what a ring leaves in flight that stops at once is recorded. */
  readonly recordsSuspended: boolean;
  readonly nextCounter: (counter: bigint) => bigint;
  readonly unmarksUsed: boolean;
  /** A descriptor of a packed ring as the record keeps it. */
  readonly copied: (descriptor: PackedDescriptor) => PackedDescriptor;
  /** The last_batch_head behind a used head. */
  readonly lastBatchHead: (before: number, head: number) => number;
  /** Whether used_idx follows the ring. */
  readonly movesUsedIdx: boolean;
  /** Heads of requests that were in flight, in the order in which to submit them again. */
  readonly resubmitted: (heads: readonly InflightHead[]) => readonly InflightHead[];
  /** Told the version of a region that is not in use or makes no sense, before it begins anew. */
  readonly atUnusable: (version: number) => void;
  /** Whether an update that broke off is taken as done, or else as never begun. */
  readonly takesAsDone: (isShownInRing: boolean) => boolean;
  /** How many used chains that a split record does not tell of are taken as done. */
  readonly settledChains: (unrecorded: number) => number;
  /** Whether counting goes on behind the counters of requests in flight. */
  readonly goesOnCounting: boolean;
}

export interface InflightHead {
  readonly head: number;
  readonly counter: bigint;
}

/** Where a ring goes on, and what it does first: requests that a back-end before left in flight. */
export type Resumption = Pick<QueueStart, 'position' | 'resubmitted' | 'keepsDescriptors'>;

/** What a record reads of its ring: the used idx of a split ring, the flags of a slot of a packed one. */
export interface RingGlimpse {
  readonly usedIdx: () => number;
  readonly flags: (slot: number) => number;
}

/** The record of one queue. What stands in it is not trusted. */
export interface InflightRecord {
  /**
   * Makes the record fit for use at the start of its ring, which the front-end told to begin at `told`. A record that
   * was never used, or that makes no sense, begins anew.
   */
  begin(told: RingPosition, ring: RingGlimpse): Resumption;
  fetched(chain: Chain): void;
  /** Before the used element is visible: what was in flight can be found again if the record breaks off here. */
  using(chain: Chain): void;
  used(chain: Chain, position: RingPosition): void;
}

/** Where version and desc_num stand in a region of either layout, 16 bits each. */
const stampAt = 8;
const stampOf = ({ version, descNum }: InflightRules, size: number): number => version + descNum(size) * 0x10000;

/** Whether a region is in use, for a ring of this size. */
export function isInUse(region: DataView, rules: InflightRules, size: number): boolean {
  return region.getUint32(stampAt, true) === stampOf(rules, size);
}

/** Begins a region anew: zeroes, with the marks of one that is in use. */
export function beginRegion(region: DataView, rules: InflightRules, size: number): void {
  rules.atUnusable(region.getUint16(stampAt, true));
  new Uint8Array(region.buffer, region.byteOffset, region.byteLength).fill(0);
  region.setUint32(stampAt, stampOf(rules, size), true);
}

/** Headers and entries of the regions of both layouts, in bytes. */
export const inflightSizes = {
  split: { header: 16, entry: 16 },
  packed: { header: 32, entry: 32 },
} as const satisfies Record<RingLayout, { readonly header: number; readonly entry: number }>;

/** Regions of queues follow each other at multiples of this. */
const regionAlignment = 64;

export function inflightRegionSize(queueSize: number, layout: RingLayout): number {
  const { header, entry } = inflightSizes[layout];
  return Math.ceil((header + entry * queueSize) / regionAlignment) * regionAlignment;
}

export const inflightRules: InflightRules = {
  holdsRecord: (end, bytes) => end <= bytes,
  bufferSize: (numQueues, queueSize, layout) => numQueues * inflightRegionSize(queueSize, layout),
  told: (size) => ({ mmapSize: BigInt(size), mmapOffset: 0n }),
  version: 1,
  descNum: (queueSize) => queueSize,
  marksFetched: true,
  recordsSuspended: true,
  nextCounter: (counter) => counter + 1n,
  unmarksUsed: true,
  copied: (descriptor) => descriptor,
  lastBatchHead: (_, head) => head,
  movesUsedIdx: true,
  resubmitted: (heads) => [...heads].sort((a, b) => Number(a.counter - b.counter)),
  atUnusable: () => {},
  takesAsDone: (isShownInRing) => isShownInRing,
  settledChains: (unrecorded) => unrecorded,
  goesOnCounting: true,
};
