import type { RecordedChain } from '../virtqueue/attach-area.ts';
import type { Chain } from '../virtqueue/chain.ts';
import type { RingPosition } from '../virtqueue/ring.ts';
import { type Breakdown, BrokenDown, type SharedMemory } from './back-end-edge.ts';

/** How requests in flight are recorded in memory that outlives the back-end (Inflight I/O tracking). */
export interface InflightRules {
  readonly accepts: (numQueues: number, queueSize: number, rings: number) => boolean;
  /** Bytes of the buffer that GET_INFLIGHT_FD hands out. */
  readonly bufferSize: (numQueues: number, queueSize: number) => number;
  readonly told: (size: number) => { readonly mmapSize: bigint; readonly mmapOffset: bigint };
  readonly version: number;
  readonly descNum: (queueSize: number) => number;
  readonly marksFetched: boolean;
  readonly nextCounter: (counter: bigint) => bigint;
  readonly unmarksUsed: boolean;
  readonly storedUsedIdx: (before: number, ringUsedIdx: number) => number;
  /** Heads of requests that were in flight, in the order in which to submit them again. */
  readonly resubmitted: (heads: readonly InflightHead[]) => readonly InflightHead[];
  /** What a region that makes no sense does to the back-end: nothing. */
  readonly atNonsense: Breakdown | undefined;
  /** Whether a last batch that was used but not recorded so is taken as done. */
  readonly commitsLastBatch: boolean;
}

export interface InflightHead {
  readonly head: number;
  readonly counter: bigint;
}

const maximumQueueSize = 32768;

export const inflightRules: InflightRules = {
  accepts: (numQueues, queueSize, rings) =>
    numQueues > 0 && numQueues <= rings && queueSize > 0 && queueSize <= maximumQueueSize,
  bufferSize: (numQueues, queueSize) => numQueues * inflightRegionSize(queueSize),
  told: (size) => ({ mmapSize: BigInt(size), mmapOffset: 0n }),
  version: 1,
  descNum: (queueSize) => queueSize,
  marksFetched: true,
  nextCounter: (counter) => counter + 1n,
  unmarksUsed: true,
  storedUsedIdx: (_, ringUsedIdx) => ringUsedIdx,
  resubmitted: (heads) => [...heads].sort((a, b) => (a.counter < b.counter ? -1 : a.counter > b.counter ? 1 : 0)),
  atNonsense: undefined,
  commitsLastBatch: true,
};

/** struct QueueRegionSplit: features u64, version u16, desc_num u16, last_batch_head u16, used_idx u16, then desc[]. */
const headerSize = 16;
const versionAt = 8;
const descNumAt = 10;
const lastBatchHeadAt = 12;
const usedIdxAt = 14;
/** struct DescStateSplit: inflight u8, padding u8[5], next u16, counter u64. */
const entrySize = 16;
const nextAt = 6;
const counterAt = 8;
/** Regions of queues follow each other at multiples of this. */
const regionAlignment = 64;

export const inflightRegionSize = (queueSize: number): number =>
  Math.ceil((headerSize + entrySize * queueSize) / regionAlignment) * regionAlignment;

/** The buffer of SET_INFLIGHT_FD: a region for each queue. What stands in it is not trusted. */
export class InflightBuffer {
  readonly numQueues: number;
  readonly queueSize: number;
  readonly #memory: SharedMemory;
  readonly #rules: InflightRules;

  constructor(memory: SharedMemory, rules: InflightRules, numQueues: number, queueSize: number) {
    this.#memory = memory;
    this.#rules = rules;
    this.numQueues = numQueues;
    this.queueSize = queueSize;
  }

  /** The region of a queue, for a ring of `size`; undefined where the buffer has none that is large enough. */
  region(queue: number, size: number): InflightRegion | undefined {
    if (queue >= this.numQueues || size > this.queueSize) return undefined;
    const { bytes } = this.#memory;
    const at = queue * inflightRegionSize(this.queueSize);
    if (at + headerSize + entrySize * size > bytes.length) return undefined;
    return new InflightRegion(new DataView(bytes.buffer, bytes.byteOffset + at), this.#rules, size);
  }

  release(): void {
    this.#memory.unmap();
  }
}

/** The record of one split queue. */
export class InflightRegion {
  readonly #view: DataView;
  readonly #rules: InflightRules;
  readonly #size: number;
  #counter = 0n;

  constructor(view: DataView, rules: InflightRules, size: number) {
    this.#view = view;
    this.#rules = rules;
    this.#size = size;
  }

  /**
   * Makes the region fit for use at the start of its ring and answers the heads to submit again. A region that was
   * never used, or that makes no sense, begins anew.
   */
  begin(ringUsedIdx: number): readonly RecordedChain[] {
    const view = this.#view;
    const rules = this.#rules;
    const isUsable =
      view.getUint16(versionAt, true) === rules.version &&
      view.getUint16(descNumAt, true) === rules.descNum(this.#size);
    if (!isUsable) {
      if (rules.atNonsense !== undefined && view.getUint16(versionAt, true) !== 0)
        throw new BrokenDown(rules.atNonsense);
      for (let at = 0; at < headerSize + entrySize * this.#size; at++) view.setUint8(at, 0);
      view.setUint16(versionAt, rules.version, true);
      view.setUint16(descNumAt, rules.descNum(this.#size), true);
      view.setUint16(usedIdxAt, ringUsedIdx, true);
      return [];
    }
    if (rules.commitsLastBatch) this.#commit((ringUsedIdx - view.getUint16(usedIdxAt, true)) & 0xffff);
    view.setUint16(usedIdxAt, ringUsedIdx, true);
    const heads: InflightHead[] = [];
    for (let head = 0; head < this.#size; head++) {
      const counter = view.getBigUint64(this.#entry(head) + counterAt, true);
      if (counter > this.#counter) this.#counter = counter;
      if (view.getUint8(this.#entry(head)) === 1) heads.push({ head, counter });
    }
    return rules.resubmitted(heads).map(({ head }) => ({ id: head, descriptors: [] }));
  }

  fetched({ id: head }: Chain): void {
    if (head >= this.#size) return;
    this.#counter = BigInt.asUintN(64, this.#rules.nextCounter(this.#counter));
    this.#view.setBigUint64(this.#entry(head) + counterAt, this.#counter, true);
    if (this.#rules.marksFetched) this.#view.setUint8(this.#entry(head), 1);
  }

  /** Before the used idx moves: what was in flight can be found again if the record breaks off here. */
  using({ id: head }: Chain): void {
    if (head >= this.#size) return;
    this.#view.setUint16(this.#entry(head) + nextAt, this.#view.getUint16(lastBatchHeadAt, true), true);
    this.#view.setUint16(lastBatchHeadAt, head, true);
  }

  used({ id: head }: Chain, { used: ringUsedIdx }: RingPosition): void {
    if (head < this.#size && this.#rules.unmarksUsed) this.#view.setUint8(this.#entry(head), 0);
    const before = this.#view.getUint16(usedIdxAt, true);
    this.#view.setUint16(usedIdxAt, this.#rules.storedUsedIdx(before, ringUsedIdx), true);
  }

  /** The used idx moved by `count` and the record did not: those entries, from the last one on, are done. */
  #commit(count: number): void {
    let head = this.#view.getUint16(lastBatchHeadAt, true);
    for (let n = 0; n < Math.min(count, this.#size) && head < this.#size; n++) {
      this.#view.setUint8(this.#entry(head), 0);
      head = this.#view.getUint16(this.#entry(head) + nextAt, true);
    }
  }

  #entry(head: number): number {
    return headerSize + entrySize * head;
  }
}
