import type { Chain, EmptyRing, MalformedChain } from './chain.ts';
import type { RingArea, RingLayout, RingPosition } from './ring.ts';

/** Keeps a record of what a device side does: dirty logs, inflight regions, watchers. */
export interface RingObserver {
  /** The used element of a chain is about to become visible. */
  using?(chain: Chain): void;
  /** It is visible; `position` is where the device side now stands. */
  used?(chain: Chain, position: RingPosition): void;
  /** One store to ring memory was made: `length` bytes, `offset` bytes into the area. */
  wroteRing?(area: RingArea, offset: number, length: number): void;
}

/** The device side of a ring. It trusts nothing in the ring; what is wrong is returned as a value. */
export interface DeviceRing {
  readonly layout: RingLayout;
  readonly size: number;
  /** Where the ring stops and goes on. */
  readonly position: RingPosition;
  /** Chains that wait; at least 1 where any does, exact on split rings alone. */
  pending(): number;
  /** Takes the next chain. A malformed one is not taken: the next call finds it again. */
  next(): Chain | MalformedChain | EmptyRing;
  /** A chain was carried out, with `written` bytes from the start of its writable part: returns it to the driver. */
  complete(chain: Chain, written: number): void;
  /** What is completed between the two becomes used at one moment: at `endTogether`. */
  beginTogether(): void;
  endTogether(): void;
  /**
   * Remembers where reading stands. What it returns gives back all chains taken since: `next` finds them again. None of
   * them may have been completed.
   */
  mark(): () => void;
  /** Whether a call is due for what was used since this was last asked. */
  needsCall(): boolean;
  /**
   * Tells the driver whether kicks are wanted. After asking for kicks, look for chains once more: one may have come
   * just before, without a kick.
   */
  wantKicks(wanted: boolean): void;
}
