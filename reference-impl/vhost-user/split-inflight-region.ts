import type { Chain } from '../virtqueue/chain.ts';
import { type RingPosition, splitPosition } from '../virtqueue/ring.ts';
import {
  beginRegion,
  type InflightHead,
  type InflightRecord,
  type InflightRules,
  inflightSizes,
  isInUse,
  type Resumption,
  type RingGlimpse,
} from './inflight-rules.ts';

/** struct QueueRegionSplit: features u64, version u16, desc_num u16, last_batch_head u16, used_idx u16, then desc[]. */
const { header: headerSize, entry: entrySize } = inflightSizes.split;
const lastBatchHeadAt = 12;
const usedIdxAt = 14;
/** struct DescStateSplit: inflight u8, padding u8[5], next u16, counter u64. */
const nextAt = 6;
const counterAt = 8;

/** The record of one split queue. */
export class SplitInflightRegion implements InflightRecord {
  readonly #view: DataView;
  readonly #rules: InflightRules;
  readonly #size: number;
  #counter = 0n;

  constructor(view: DataView, rules: InflightRules, size: number) {
    this.#view = view;
    this.#rules = rules;
    this.#size = size;
  }

  begin(told: RingPosition, ring: RingGlimpse): Resumption {
    const ringUsedIdx = ring.usedIdx();
    const view = this.#view;
    const rules = this.#rules;
    if (!isInUse(view, rules, this.#size)) {
      beginRegion(view, rules, this.#size);
      view.setUint16(usedIdxAt, ringUsedIdx, true);
      return { position: told };
    }
    this.#commit(rules.settledChains((ringUsedIdx - view.getUint16(usedIdxAt, true)) & 0xffff));
    view.setUint16(usedIdxAt, ringUsedIdx, true);
    const heads: InflightHead[] = [];
    for (let head = 0; head < this.#size; head++) {
      const counter = view.getBigUint64(this.#entry(head) + counterAt, true);
      if (view.getUint8(this.#entry(head)) === 1) heads.push({ head, counter });
    }
    const submitted = rules.resubmitted(heads);
    if (rules.goesOnCounting) this.#counter = submitted.at(-1)?.counter ?? 0n;
    if (submitted.length === 0) return { position: told };
    // Requests that were fetched are used or in flight, whatever base the front-end could tell.
    const position = splitPosition((ringUsedIdx + submitted.length) & 0xffff, ringUsedIdx);
    return { position, resubmitted: submitted.map(({ head }) => ({ id: head, descriptors: [] })) };
  }

  fetched({ id: head }: Chain): void {
    this.#counter = BigInt.asUintN(64, this.#rules.nextCounter(this.#counter));
    this.#view.setBigUint64(this.#entry(head) + counterAt, this.#counter, true);
    if (this.#rules.marksFetched) this.#view.setUint8(this.#entry(head), 1);
  }

  using({ id: head }: Chain): void {
    const before = this.#view.getUint16(lastBatchHeadAt, true);
    this.#view.setUint16(this.#entry(head) + nextAt, before, true);
    this.#view.setUint16(lastBatchHeadAt, this.#rules.lastBatchHead(before, head), true);
  }

  used({ id: head }: Chain, { used: ringUsedIdx }: RingPosition): void {
    if (this.#rules.unmarksUsed) this.#view.setUint8(this.#entry(head), 0);
    if (this.#rules.movesUsedIdx) this.#view.setUint16(usedIdxAt, ringUsedIdx, true);
  }

  /** The used idx moved by `count` and the record did not: those entries, from the last one on, are done. */
  #commit(count: number): void {
    let head = this.#view.getUint16(lastBatchHeadAt, true);
    for (let n = 0; n < Math.min(count, this.#size); n++) {
      this.#view.setUint8(this.#entry(head), 0);
      head = this.#view.getUint16(this.#entry(head) + nextAt, true);
    }
  }

  /** What stands in the memory of a region is not trusted: every number means an entry. */
  #entry(head: number): number {
    return headerSize + entrySize * (head % this.#size);
  }
}
