import type { RequirementSlug } from '../../catalogue/catalogue.ts';
import type { RingLayout } from '../../virtqueue/ring.ts';
import {
  inflightRegion as at,
  packedInflightRegion as packed,
  splitInflightRegion as split,
} from '../../wire/inflight-region.ts';
import type { LibertyName } from './liberties.ts';
import type { Tell } from './observation.ts';

/** A ring that was stopped, with nothing in flight. */
export interface RingAtRest {
  readonly layout: RingLayout;
  readonly size: number;
  /** Used elements of this life, and of their ids the last one. */
  readonly used: number;
  readonly lastId: number;
  /** Of a ring that took requests over and fetched others behind them: the highest counter among those. */
  readonly above?: bigint;
  /** The used idx of a split ring; slot and wrap counter of a packed one. */
  readonly usedIdx: number;
  readonly usedWrap: number;
}

/** The region of the first ring in a buffer of requests in flight, as it stands where nothing is in flight. */
export class InflightModel {
  readonly #tell: Tell;
  readonly #take: (liberty: LibertyName) => void;

  constructor(tell: Tell, take: (liberty: LibertyName) => void) {
    this.#tell = tell;
    this.#take = take;
  }

  /** @returns whether the record is as it may be. */
  check(region: Uint8Array, ring: RingAtRest): boolean {
    const view = new DataView(region.buffer, region.byteOffset, region.byteLength);
    const { layout, size, used } = ring;
    // A ring that used nothing may not have begun.
    if (used === 0) return true;
    const version = view.getUint16(at.version, true);
    const count = view.getUint16(at.descNum, true);
    return (
      this.#equal('vu-inflight/region-version-tells-initialisation', 'the version of its record', version, at.inUse) &&
      this.#equal('vu-inflight/desc-num-equals-queue-size', 'desc_num of its record', count, size) &&
      this.#unmarked(view, layout, size) &&
      (layout === 'split' ? this.#split(view, ring) : this.#packed(view, ring))
    );
  }

  #unmarked(view: DataView, layout: RingLayout, size: number): boolean {
    const { header, entry } = layout === 'split' ? split : packed;
    const requirement =
      layout === 'split'
        ? 'vu-inflight/used-head-unmarked-after-used-index'
        : 'vu-inflight/packed-used-list-unmarked-after-flags';
    for (let n = 0; n < size; n++) {
      if (!this.#equal(requirement, `the mark of entry ${n}, which is used`, view.getUint8(header + entry * n), 0)) {
        return false;
      }
    }
    return true;
  }

  #split(view: DataView, { size, used, lastId, usedIdx, above }: RingAtRest): boolean {
    const counters = this.#counters(view, split, size);
    const counted = counters.reduce((most, one) => (one > most ? one : most), 0n);
    const told = view.getUint16(split.usedIdx, true);
    const last = view.getUint16(split.lastBatchHead, true);
    const linked = 'vu-inflight/used-heads-linked-from-last-batch-head';
    return (
      this.#counted('vu-inflight/fetched-head-marked-with-rising-counter', counted, used, above) &&
      this.#equal('vu-inflight/used-idx-field-follows-used-ring', 'used_idx of its record', told, usedIdx) &&
      this.#equal(linked, 'last_batch_head of its record', last, lastId)
    );
  }

  #packed(view: DataView, { size, used, usedIdx, usedWrap, above }: RingAtRest): boolean {
    const copied = 'vu-inflight/packed-descriptor-list-copied';
    const counters = this.#counters(view, packed, size);
    const counted = counters.reduce((most, one) => (one > most ? one : most), 0n);
    const empty = counters.findIndex(
      (counter, n) => counter > 0n && view.getUint32(packed.header + packed.entry * n + packed.length, true) === 0,
    );
    if (empty >= 0) {
      const what = `the length of the descriptor that entry ${empty} of its record copies`;
      this.#tell({ requirement: copied, what, expected: '1 at least', actual: '0' });
      return false;
    }
    const [told, wrap] = [view.getUint16(packed.usedIdx, true), view.getUint8(packed.usedWrap)];
    const kept = 'vu-inflight/packed-free-list-and-wrap-counter-kept';
    return (
      this.#counted(copied, counted, used, above) &&
      this.#equal(kept, 'used_idx of its record', told, usedIdx) &&
      this.#equal(kept, 'used_wrap_counter of its record', wrap, usedWrap)
    );
  }

  #counters(view: DataView, { header, entry, counter }: typeof split | typeof packed, size: number): bigint[] {
    return Array.from({ length: size }, (_, n) => view.getBigUint64(header + entry * n + counter, true));
  }

  /**
   * No text says what the first request is counted as: 0 as well. A back-end may begin again where it takes a ring up anew,
   * as behind a change of memory.
   */
  #counted(requirement: RequirementSlug, counted: bigint, used: number, above = 0n): boolean {
    if (above > 0n && counted <= above) {
      const what = 'the largest counter behind requests that were taken over';
      this.#tell({ requirement, what, expected: `more than ${above}`, actual: String(counted) });
      return false;
    }
    if (counted > 0n || used === 1) {
      this.#take('inflight-counters');
      return true;
    }
    const what = `the largest counter behind ${used} requests`;
    this.#tell({ requirement, what, expected: '1 at least', actual: '0' });
    return false;
  }

  #equal(requirement: RequirementSlug, what: string, actual: number, expected: number): boolean {
    if (actual === expected) return true;
    this.#tell({ requirement, what, expected: String(expected), actual: String(actual) });
    return false;
  }
}

/** Bytes that the region of a ring of so many entries takes at most, whatever its layout. */
export const mostRegionBytes = (size: number): number => packed.header + packed.entry * size + regionAlignment;
const regionAlignment = 64;
