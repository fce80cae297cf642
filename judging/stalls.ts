import { CalmMachine } from './calm-machine.ts';

/** What serves again behind a hang: the process that was there, or a fresh one; or nothing does. */
export type BroughtBack = 'as-it-was' | 'afresh' | 'lost';

export interface StallOptions<Result> {
  /** What stalled or hung in a result, in words that come again where it does so at the same place. */
  stallsOf(result: Result): readonly string[];
  /** What failed in it in other ways than that, in words as well. A second run must not replace another failure. */
  othersOf(result: Result): readonly string[];
  /** Whether the process ended, so that nothing more can be run on it. */
  endedProcess(result: Result): boolean;
  /** Whether a control failed as well. */
  hangs(result: Result): boolean;
  /** Brings back, behind such a result, what may serve no longer. @param isCalm nothing but itself kept it from serving. */
  bringBack(isCalm: boolean): BroughtBack;
  /** Of a further run in which nothing stalled, on a fresh process in place of one that seemed to hang. */
  notRepeated(again: Result): Result;
  readonly machine?: Pick<CalmMachine, 'begin' | 'wasCalm'>;
}

/** Runs an input. @param part of each deadline, from 0 to 1. */
export type RunWithin<Result> = (part: number) => Result;

/** A busy machine may keep an IUT from running for a deadline, and for another. */
const runs = 3;
/** A calm one does not: what stalls twice stalls by its own doing. */
const runsIfCalm = 2;
/** Where each run stalls at another place, the last one speaks. */
const mostRuns = 5;
/** Of a deadline, for what stalled within a whole one. */
const againWithin = 0.6;

/**
 * Decides stalls and hangs by further runs: on a busy machine one answer can be late. One counts where it comes each
 * time, and one that did is not tried for further inputs that stall at the same place.
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

  /** Runs an input of that name, and again where it stalled at a new place. What else failed must fail again as well. */
  decide(name: string, run: RunWithin<Result>): Result {
    const { stallsOf, othersOf, endedProcess } = this.#options;
    const confirmed = this.#confirmed.get(name) ?? new Set();
    const isConfirmed = (result: Result): boolean => this.#placesOf(result).every((place) => confirmed.has(place));
    this.#machine.begin();
    if (confirmed.size > 0) {
      const result = run(againWithin);
      if (endedProcess(result)) return result;
      if (stallsOf(result).length > 0 && isConfirmed(result) && othersOf(result).length === 0) return result;
      if (this.#broughtBackBehind(result, this.#machine.wasCalm()) === 'lost') return result;
      this.#machine.begin();
    }
    const first = run(1);
    if (isConfirmed(first) || endedProcess(first)) return first;
    const { result, isConfirmedNow } = this.#repeated(first, run);
    if (isConfirmedNow)
      this.#confirmed.set(name, new Set([...confirmed, ...stallsOf(result), ...this.#placesOf(result)]));
    return result;
  }

  /** Runs it again until nothing stalls in it, or what stalls has done so each time. */
  #repeated(first: Result, run: RunWithin<Result>): { result: Result; isConfirmedNow: boolean } {
    const { stallsOf, othersOf, endedProcess, hangs, notRepeated } = this.#options;
    const others = othersOf(first).join();
    /** Runs in a row that stalled at the same places, the last one included. */
    let alike = [first];
    let last = first;
    let isFresh = false;
    let isCalm = this.#machine.wasCalm();
    const isDecided = (): boolean => alike.length >= (isCalm ? runsIfCalm : runs);
    for (let n = 1; n < mostRuns && !isDecided(); n++) {
      const back = this.#broughtBackBehind(last, isCalm);
      if (back === 'lost') return { result: last, isConfirmedNow: false };
      isFresh ||= back === 'afresh';
      const before = stallsOf(last).join();
      last = run(isCalm ? againWithin : 1);
      isCalm &&= this.#machine.wasCalm();
      if (endedProcess(last) || othersOf(last).join() !== others) {
        return { result: others === '' ? last : first, isConfirmedNow: false };
      }
      if (stallsOf(last).length === 0) return { result: isFresh ? notRepeated(last) : last, isConfirmedNow: false };
      alike = stallsOf(last).join() === before ? [...alike, last] : [last];
    }
    // A control that completed behind one of them says that none is a hang.
    return { result: alike.find((one) => !hangs(one)) ?? last, isConfirmedNow: isDecided() };
  }

  #broughtBackBehind(result: Result, isCalm: boolean): BroughtBack {
    return this.#options.hangs(result) ? this.#options.bringBack(isCalm) : 'as-it-was';
  }

  /** Where a result stalled: as a hang, where no control completed behind it. */
  #placesOf(result: Result): readonly string[] {
    const { stallsOf, hangs } = this.#options;
    return hangs(result) ? stallsOf(result).map((stall) => `${stall}, and hangs`) : stallsOf(result);
  }
}
