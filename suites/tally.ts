import type { Check } from './check.ts';

/** Times, and share of the rounds, that make certain that a thing comes again in another run. */
const enough = 3;
const share = 0.01;

/**
 * Counts what an IUT does now and then, over many rounds. It fails for what comes so often that every run sees it. What
 * comes in fewer rounds is a race that the next run may not see: it is noted, and fails nothing.
 */
export class Tally {
  readonly check: Check;
  readonly #what: string;
  #seen = 0;
  #last = '';
  #isCertain = false;

  constructor(check: Check, what: string) {
    this.check = check;
    this.#what = what;
  }

  get isCertain(): boolean {
    return this.#isCertain;
  }

  /** Whether it was seen, and further rounds may make it certain. */
  get isOpen(): boolean {
    return this.#seen > 0 && !this.#isCertain;
  }

  /** It was seen in this round, the first being 1. */
  see(round: number, expected: string, actual: string): void {
    this.#seen++;
    this.#last = `${actual} in place of ${expected}`;
    if (this.#isCertain || this.#seen < enough || this.#seen < share * round) return;
    this.#isCertain = true;
    this.check.holds(false, this.#what, { expected, actual });
  }

  /** Behind the last round. */
  conclude(rounds: number): void {
    if (this.#isCertain) return;
    this.check.holds(true, this.#what, { expected: 'as told', actual: 'as told' });
    if (this.#seen > 0) this.check.branches.add(`${this.#last}, in ${this.#seen} of ${rounds} rounds`);
  }
}
