import { bucketOf, isSameCause, type Shown } from '../executor/bucket.ts';
import type { Examiner } from '../executor/examiner.ts';
import { minimize } from '../minimise/minimize.ts';
import { renumbered } from '../mutators/mutant.ts';
import { nextId, type Program } from '../program/program.ts';
import { resolved } from '../program/references.ts';
import type { Bucket } from './bucket-store.ts';

/** Runs on fresh processes that say whether a program shows its finding each time. */
const confirmations = 3;
/** Of a bucket that is kept with its rate. */
const rateRuns = 20;
/** Programs before it that may have a part in a finding. */
const mostBefore = 16;
/** What minimising may take. */
const mostTries = 400;
const mostMinimizingMs = 20_000;
/** A program that fails less than each time is asked so often. */
const mostAsked = 5;

export interface TriageOptions {
  /** Programs that ran on the process before, oldest first. */
  readonly before: readonly Program[];
  readonly afterRuns: number;
  nowMs(): number;
  /** Something takes its time: the parent may wait. */
  step(): void;
}

/** Finds out what a finding is: whether it repeats, with which program alone, and which is the least that shows it. */
export class Triage {
  readonly #examiner: Examiner;
  readonly #options: TriageOptions;
  #isFresh = false;

  constructor(examiner: Examiner, options: TriageOptions) {
    this.#examiner = examiner;
    this.#options = options;
  }

  /** The bucket of a program that showed a finding; undefined where it never showed one again. */
  bucketOf(program: Program, isLeak: boolean): Bucket | undefined {
    const ofOne = this.#confirmed(program, isLeak);
    if (ofOne !== undefined) return this.#least(program, ofOne, isLeak);
    const before = this.#options.before.slice(-mostBefore);
    if (before.length === 0 || isLeak) return undefined;
    const together = joined([...before, program]);
    const ofAll = this.#confirmed(together, isLeak);
    return ofAll === undefined ? undefined : this.#least(together, ofAll, isLeak);
  }

  /** What it shows on fresh processes: the finding that came first, and of so many runs how many showed it. */
  #confirmed(program: Program, isLeak: boolean): { shown: Shown; times: number; runs: number } | undefined {
    let first: Shown | undefined;
    let times = 0;
    let runs = 0;
    for (let most = confirmations; runs < most; runs++) {
      this.#renew();
      const shown = this.#show(program, isLeak);
      if (shown !== undefined && (first === undefined || isSameCause(first, shown))) {
        first = shown;
        times++;
      }
      // One that showed it now and then is kept with its rate.
      if (runs === confirmations - 1 && times > 0 && times < confirmations) most = rateRuns;
    }
    return first === undefined ? undefined : { shown: first, times, runs };
  }

  #least(
    program: Program,
    { shown, times, runs }: { shown: Shown; times: number; runs: number },
    isLeak: boolean,
  ): Bucket {
    const { nowMs, afterRuns } = this.#options;
    const until = nowMs() + mostMinimizingMs;
    const asked = Math.min(mostAsked, Math.ceil(runs / Math.max(times, 1)));
    const { program: least, isMinimal } = minimize(
      program,
      (candidate) => {
        if (nowMs() > until) return false;
        for (let n = 0; n < asked; n++) {
          const now = this.#show(candidate, isLeak);
          if (now !== undefined && isSameCause(now, shown)) return true;
        }
        return false;
      },
      mostTries,
    );
    const again = this.#confirmed(least, isLeak);
    const isSame = again !== undefined && isSameCause(again.shown, shown) && again.times >= times;
    const kept = isSame ? again : { shown, times, runs };
    return {
      name: kept.shown.bucket,
      program: isSame ? least : program,
      finding: kept.shown.finding,
      shown: kept.times,
      runs: kept.runs,
      isMinimal: isSame && isMinimal && nowMs() <= until,
      afterRuns,
    };
  }

  /** Runs the program; behind a finding the process is another one. */
  #show(program: Program, isLeak: boolean): Shown | undefined {
    this.#options.step();
    this.#isFresh = false;
    const whole = resolved(program);
    const finding = isLeak ? this.#examiner.leakOf(whole) : this.#examiner.examine(whole);
    if (finding === undefined) return undefined;
    this.#renew();
    return { bucket: bucketOf(finding, whole.calls[finding.place]), finding };
  }

  #renew(): void {
    if (this.#isFresh) return;
    this.#isFresh = this.#examiner.restart();
  }
}

/** One program that does what several did, one after another. */
function joined(programs: readonly Program[]): Program {
  let calls: Program['calls'] = [];
  for (const program of programs) calls = [...calls, ...renumbered(resolved(program).calls, nextId({ calls }))];
  return { calls };
}
