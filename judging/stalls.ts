export interface StallOptions<Result> {
  /** What stalled in a result, in words that come again where it stalls at the same place. */
  stallsOf(result: Result): readonly string[];
  /** Whether stalls are all that failed. A second run must not replace another failure. */
  hasOnlyStalls(result: Result): boolean;
}

/** A busy machine may keep an IUT from running for a deadline, and for another. */
const runs = 3;

/**
 * Decides stalls by further runs: on a busy machine one answer can be late. A stall counts where it comes each time, and
 * one that did is not tried for further inputs that stall at the same place.
 */
export class StallRetry<Result> {
  readonly #options: StallOptions<Result>;
  readonly #confirmed = new Set<string>();

  constructor(options: StallOptions<Result>) {
    this.#options = options;
  }

  /** Runs an input of that name, and again where it stalled at a new place and failed in no other way. */
  decide(name: string, run: () => Result): Result {
    const stallsIn = (result: Result): string[] => this.#options.stallsOf(result).map((stall) => `${name} ${stall}`);
    const first = run();
    let stalls = stallsIn(first);
    if (stalls.every((stall) => this.#confirmed.has(stall)) || !this.#options.hasOnlyStalls(first)) {
      return first;
    }
    let last = first;
    for (let n = 1; n < runs && stalls.length > 0; n++) {
      last = run();
      const again = stallsIn(last);
      stalls = stalls.filter((stall) => again.includes(stall));
    }
    for (const stall of stalls) this.#confirmed.add(stall);
    return last;
  }
}
