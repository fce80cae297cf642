import type { Chain } from '../virtqueue/chain.ts';
import { type RingPosition, splitPosition } from '../virtqueue/ring.ts';
import {
  type InflightHead,
  type InflightRecord,
  type InflightRules,
  inflightSizes,
  type Resumption,
  type RingGlimpse,
} from './inflight-rules.ts';

/** struct QueueRegionSplit: features u64, version u16, desc_num u16, last_batch_head u16, used_idx u16, then desc[]. */
const { header: headerSize, entry: entrySize } = inflightSizes.split;
const versionAt = 8;
const descNumAt = 10;
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
    const isUsable =
      view.getUint16(versionAt, true) === rules.version &&
      view.getUint16(descNumAt, true) === rules.descNum(this.#size);
    if (!isUsable) {
      rules.atUnusable(view.getUint16(versionAt, true));
      for (let at = 0; at < headerSize + entrySize * this.#size; at++) view.setUint8(at, 0);
      view.setUint16(versionAt, rules.version, true);
      view.setUint16(descNumAt, rules.descNum(this.#size), true);
      view.setUint16(usedIdxAt, ringUsedIdx, true);
      return { position: told };
    }
    const unrecorded = (ringUsedIdx - view.getUint16(usedIdxAt, true)) & 0xffff;
    if (rules.takesAsDone(unrecorded > 0)) this.#commit(unrecorded);
    view.setUint16(usedIdxAt, ringUsedIdx, true);
    const heads: InflightHead[] = [];
    for (let head = 0; head < this.#size; head++) {
      const counter = view.getBigUint64(this.#entry(head) + counterAt, true);
      if (rules.goesOnCounting && counter > this.#counter) this.#counter = counter;
      if (view.getUint8(this.#entry(head)) === 1) heads.push({ head, counter });
    }
    const resubmitted = rules.resubmitted(heads).map(({ head }) => ({ id: head, descriptors: [] }));
    if (resubmitted.length === 0) return { position: told };
    // Requests that were fetched are used or in flight, whatever base the front-end could tell.
    return { position: splitPosition((ringUsedIdx + resubmitted.length) & 0xffff, ringUsedIdx), resubmitted };
  }

  fetched({ id: head }: Chain): void {
    if (head >= this.#size) return;
    this.#counter = BigInt.asUintN(64, this.#rules.nextCounter(this.#counter));
    this.#view.setBigUint64(this.#entry(head) + counterAt, this.#counter, true);
    if (this.#rules.marksFetched) this.#view.setUint8(this.#entry(head), 1);
  }

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
