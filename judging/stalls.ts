export interface StallOptions<Result> {
  /** What stalled in a result, in words that come again where it stalls at the same place. */
  stallsOf(result: Result): readonly string[];
  /** Whether stalls are all that failed. A second run must not replace another failure. */
  hasOnlyStalls(result: Result): boolean;
}

/**
 * Decides stalls by a second run: on a busy machine one answer can be late. A stall counts where it comes again, and
 * one that came again is not tried for further inputs that stall at the same place.
 */
export class StallRetry<Result> {
  readonly #options: StallOptions<Result>;
  readonly #confirmed = new Set<string>();

  constructor(options: StallOptions<Result>) {
    this.#options = options;
  }

  /** Runs an input of that name, and once more where it stalled at a new place and failed in no other way. */
  decide(name: string, run: () => Result): Result {
    const stallsIn = (result: Result): string[] => this.#options.stallsOf(result).map((stall) => `${name} ${stall}`);
    const first = run();
    const stalls = stallsIn(first);
    if (stalls.every((stall) => this.#confirmed.has(stall)) || !this.#options.hasOnlyStalls(first)) {
      return first;
    }
    const second = run();
    for (const stall of stallsIn(second)) if (stalls.includes(stall)) this.#confirmed.add(stall);
    return second;
  }
}
