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
  readonly #confirmed = new Set<string>();
  /** Of inputs with stalls that are confirmed. */
  readonly #names = new Set<string>();

  constructor(options: StallOptions<Result>) {
    this.#options = options;
    this.#machine = options.machine ?? new CalmMachine();
  }

  /** Runs an input of that name, and again where it stalled at a new place and failed in no other way. */
  decide(name: string, run: RunWithin<Result>): Result {
    const stallsIn = (result: Result): string[] => this.#options.stallsOf(result).map((stall) => `${name} ${stall}`);
    if (this.#names.has(name)) {
      const result = run(againWithin);
      const stalls = stallsIn(result);
      if (this.#options.endedProcess(result)) return result;
      if (stalls.length > 0 && this.#areConfirmed(stalls) && this.#options.hasOnlyStalls(result)) return result;
    }
    this.#machine.begin();
    const first = run(1);
    let stalls = stallsIn(first);
    if (this.#areConfirmed(stalls) || !this.#options.hasOnlyStalls(first)) return first;
    let last = first;
    let isCalm = this.#machine.wasCalm();
    for (let n = 1; n < (isCalm ? runsIfCalm : runs) && stalls.length > 0; n++) {
      last = run(isCalm ? againWithin : 1);
      isCalm &&= this.#machine.wasCalm();
      const again = stallsIn(last);
      stalls = stalls.filter((stall) => again.includes(stall));
    }
    for (const stall of stalls) this.#confirmed.add(stall);
    if (stalls.length > 0) this.#names.add(name);
    return last;
  }

  #areConfirmed(stalls: readonly string[]): boolean {
    return stalls.every((stall) => this.#confirmed.has(stall));
  }
}
