import { CalmMachine } from './calm-machine.ts';

export interface StallOptions<Result> {
  /** What stalled in a result, in words that come again where it stalls at the same place. */
  stallsOf(result: Result): readonly string[];
  /** Whether stalls are all that failed. A second run must not replace another failure. */
  hasOnlyStalls(result: Result): boolean;
  /** Whether the process ended, so that nothing more can be run on it. */
  endedProcess(result: Result): boolean;
  readonly machine?: Pick<CalmMachine, 'begin' | 'wasCalm'>;
}

/** Runs an input. @param part of each deadline, from 0 to 1. */
export type RunWithin<Result> = (part: number) => Result;

/** A busy machine may keep an IUT from running for a deadline, and for another. */
const runs = 3;
/** A calm one does not: what stalls twice stalls by its own doing. */
const runsIfCalm = 2;
/** Of a deadline, for what stalled within a whole one. */
const againWithin = 0.6;

/**
 * Decides stalls by further runs: on a busy machine one answer can be late. A stall counts where it comes each time, and
 * one that did is not tried for further inputs that stall at the same place.
 */
export class StallRetry<Result> {
  readonly #options: StallOptions<Result>;
  readonly #machine: Pick<CalmMachine, 'begin' | 'wasCalm'>;
  /** Stalls that are confirmed, by the name of their inputs. */
  readonly #confirmed = new Map<string, Set<string>>();

  constructor(options: StallOptions<Result>) {
    this.#options = options;
    this.#machine = options.machine ?? new CalmMachine();
  }

  /** Runs an input of that name, and again where it stalled at a new place and failed in no other way. */
  decide(name: string, run: RunWithin<Result>): Result {
    const { stallsOf, hasOnlyStalls, endedProcess } = this.#options;
    const confirmed = this.#confirmed.get(name) ?? new Set();
    const areConfirmed = (stalls: readonly string[]): boolean => stalls.every((stall) => confirmed.has(stall));
    if (confirmed.size > 0) {
      const result = run(againWithin);
      const stalls = stallsOf(result);
      if (endedProcess(result)) return result;
      if (stalls.length > 0 && areConfirmed(stalls) && hasOnlyStalls(result)) return result;
    }
    this.#machine.begin();
    const first = run(1);
    let stalls = stallsOf(first);
    if (areConfirmed(stalls) || !hasOnlyStalls(first)) return first;
    let last = first;
    let isCalm = this.#machine.wasCalm();
    for (let n = 1; n < (isCalm ? runsIfCalm : runs) && stalls.length > 0; n++) {
      last = run(isCalm ? againWithin : 1);
      isCalm &&= this.#machine.wasCalm();
      const again = stallsOf(last);
      stalls = stalls.filter((stall) => again.includes(stall));
    }
    if (stalls.length > 0) this.#confirmed.set(name, new Set([...confirmed, ...stalls]));
    return last;
  }
}
