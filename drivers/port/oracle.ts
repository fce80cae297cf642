import type { InvariantViolation } from '../../reference-impl/oracle/invariants.ts';

/** A ring invariant that was broken, with the sequence number of the event of the log at which that was seen. */
export interface OracleFinding extends InvariantViolation {
  readonly traceEvent: number;
}

/** Watches the rings of a port, from their attachment to the fence that stops them. */
export interface Oracle {
  /** A case begins: nothing is found yet. `false` for one that writes rings or memory in ways that no journal sees. */
  begin(isWatched: boolean): void;
  /** What was found since then, in order. */
  findings(): readonly OracleFinding[];
}
