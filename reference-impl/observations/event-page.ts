import type { Observation } from './event.ts';

/** Events in each of the three pages, and bytes of payload that a page can copy. */
export const pageEvents = 4096;
export const pageBytes = 1 << 19;

/** Columns of one page. Appending to a page allocates nothing, but for the rarer events. */
export class EventPage {
  readonly kinds = new Uint8Array(pageEvents);
  readonly times = new Float64Array(pageEvents);
  readonly first = new Uint32Array(pageEvents);
  readonly second = new Uint32Array(pageEvents);
  readonly third = new Float64Array(pageEvents);
  /** Of calls: bytes asked for, and their results (NaN until they returned). */
  readonly asked = new Float64Array(pageEvents);
  readonly results = new Float64Array(pageEvents);
  readonly starts = new Uint32Array(pageEvents);
  readonly lengths = new Uint32Array(pageEvents);
  readonly bytes = new Uint8Array(pageBytes);
  /** Of ring writes, the address that `third` counts from. */
  readonly bases: bigint[] = new Array<bigint>(pageEvents).fill(0n);
  readonly others = new Map<number, Observation>();
  count = 0;
  used = 0;
  firstSeq = 0;

  clear(firstSeq: number): void {
    this.count = 0;
    this.used = 0;
    this.others.clear();
    this.firstSeq = firstSeq;
  }
}
