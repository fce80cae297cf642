import { bucketOf, isSameCause, type Shown } from '../executor/bucket.ts';
import type { Examiner } from '../executor/examiner.ts';
import { minimize } from '../minimise/minimize.ts';
import { renumbered } from '../mutators/mutant.ts';
import { nextId, type Program } from '../program/program.ts';
import { resolved } from '../program/references.ts';
import type { Bucket } from './bucket-store.ts';
import { fewest } from './history.ts';

/** Runs on fresh processes that say whether a program shows its finding each time. */
const confirmations = 3;
/** Of what shows it now and then, or never did so far. */
const rateRuns = 20;
/** What minimising may take unless told. */
const usualTries = 400;
/** A program that fails less than each time is asked so often. */
const mostAsked = 5;
/** What silences may take where a program shows nothing at first: a busy process answers later. */
const patient = 20;
/** Minimising leaves so much of the time for the runs that confirm what is left. */
const partOfMinimizing = 0.8;

export interface TriageOptions {
  /** Programs that ran on the process before, oldest first. */
  readonly before: readonly Program[];
  readonly afterRuns: number;
  /** Programs that minimising tries; 400 unless told. */
  readonly mostTries?: number;
  /** Nothing is run behind this time: what is known by then is kept. */
  readonly untilMs: number;
  nowMs(): number;
  /** Something takes its time: the parent may wait. */
  step(): void;
}

/** What triage wants of an examiner. */
export type Examines = Pick<Examiner, 'examine' | 'leakOf' | 'restart' | 'setPatience'>;

/** What runs on fresh processes showed: the finding that came first, and in how many of them it came. */
interface Rate {
  readonly shown: Shown;
  readonly times: number;
  readonly runs: number;
}

/** A program, and those that run before it on the same process. */
interface Sequence {
  readonly before: readonly Program[];
  readonly program: Program;
}

/** Finds out what a finding is: whether it repeats, with which programs, and which is the least that shows it. */
export class Triage {
  readonly #examiner: Examines;
  readonly #options: TriageOptions;
  readonly #beganMs: number;
  #isFresh = false;

  constructor(examiner: Examines, options: TriageOptions) {
    this.#examiner = examiner;
    this.#options = options;
    this.#beganMs = options.nowMs();
  }

  /** Whether the time ended before all was asked. */
  get isCut(): boolean {
    return this.#options.nowMs() >= this.#options.untilMs;
  }

  /** The bucket of a program that showed a finding; undefined where it never showed one again. */
  bucketOf(program: Program, isLeak: boolean): Bucket | undefined {
    const alone = { before: [], program };
    const ofOne = this.#rateOf(alone, isLeak);
    if (ofOne !== undefined) return this.#least(alone, ofOne, isLeak);
    if (isLeak) return undefined;
    const later = this.#patiently(() => {
      const rate = this.#rateOf(alone, false);
      return rate && this.#least(alone, rate, false);
    });
    if (later !== undefined) return later;
    const behind = this.#behindOthers(program);
    if (behind !== undefined) return behind;
    const rare = this.#rateOf(alone, false, rateRuns);
    return rare === undefined ? undefined : this.#least(alone, rare, false);
  }

  #patiently<Answer>(work: () => Answer): Answer {
    this.#examiner.setPatience(patient);
    try {
      return work();
    } finally {
      this.#examiner.setPatience(undefined);
    }
  }

  /** The fewest of the programs since the process began behind which it shows something. */
  #behindOthers(program: Program): Bucket | undefined {
    const { before } = this.#options;
    if (before.length === 0) return undefined;
    const first = this.#run({ before, program }, false);
    if (first === undefined) return undefined;
    const few = fewest(before, (candidate) => {
      const shown = this.isCut ? undefined : this.#run({ before: candidate, program }, false);
      return shown !== undefined && isSameCause(shown, first);
    });
    const asOne = { before: [], program: joined([...few, program]) };
    const ofOne = this.#rateOf(asOne, false);
    if (ofOne !== undefined && isSameCause(ofOne.shown, first)) return this.#least(asOne, ofOne, false, true);
    const together = { before: few, program };
    const rate = this.#rateOf(together, false);
    return this.#bucket(together, rate ?? { shown: first, times: 1, runs: 1 }, false);
  }

  /** @param least runs that are made; one that shows it now and then has `rateRuns`. */
  #rateOf(sequence: Sequence, isLeak: boolean, least = confirmations): Rate | undefined {
    let first: Shown | undefined;
    let times = 0;
    let runs = 0;
    for (let most = least; runs < most && !this.isCut; runs++) {
      const shown = this.#run(sequence, isLeak);
      if (shown !== undefined && (first === undefined || isSameCause(first, shown))) {
        first = shown;
        times++;
      }
      if (runs === confirmations - 1 && times > 0 && times < confirmations) most = rateRuns;
    }
    return first === undefined ? undefined : { shown: first, times, runs };
  }

  /** @param isAlwaysFresh each candidate has a process of its own: what one before it did cannot take part. */
  #least(sequence: Sequence, rate: Rate, isLeak: boolean, isAlwaysFresh = false): Bucket {
    const { shown, times, runs } = rate;
    const untilMs = this.#beganMs + (this.#options.untilMs - this.#beganMs) * partOfMinimizing;
    const asked = Math.min(mostAsked, Math.ceil(runs / Math.max(times, 1)));
    let isCut = false;
    const { program, isMinimal } = minimize(
      sequence.program,
      (candidate) => {
        isCut ||= this.#options.nowMs() > untilMs;
        for (let n = 0; n < asked && !isCut; n++) {
          if (isAlwaysFresh) this.#renew();
          const now = this.#show(candidate, isLeak);
          if (now !== undefined && isSameCause(now, shown)) return true;
        }
        return false;
      },
      this.#options.mostTries ?? usualTries,
    );
    const least = { before: [], program };
    const again = this.#rateOf(least, isLeak, runs);
    if (again === undefined || !isSameCause(again.shown, shown) || !comesAsOften(again, rate)) {
      return isAlwaysFresh || isCut || this.isCut
        ? this.#bucket(sequence, rate, false)
        : this.#least(sequence, rate, isLeak, true);
    }
    return this.#bucket(least, again, isMinimal && !isCut);
  }

  #bucket({ before, program }: Sequence, { shown, times, runs }: Rate, isMinimal: boolean): Bucket {
    const { afterRuns } = this.#options;
    return { name: shown.bucket, program, before, finding: shown.finding, shown: times, runs, isMinimal, afterRuns };
  }

  /** Runs them all on a fresh process: what the last one showed, or one before it. */
  #run({ before, program }: Sequence, isLeak: boolean): Shown | undefined {
    this.#renew();
    for (const earlier of before) {
      const shown = this.#show(earlier, false);
      if (shown !== undefined) return shown;
    }
    return this.#show(program, isLeak);
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

/** What came each time still does; what is flaky comes half as often at least, since a rate over few runs is rough. */
const comesAsOften = (now: Rate, before: Rate): boolean =>
  before.times === before.runs ? now.times === now.runs : 2 * now.times * before.runs >= before.times * now.runs;

/** One program that does what several did, one after another. */
function joined(programs: readonly Program[]): Program {
  let calls: Program['calls'] = [];
  for (const program of programs) calls = [...calls, ...renumbered(resolved(program).calls, nextId({ calls }))];
  return { calls };
}
