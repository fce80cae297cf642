import { BudgetError } from '../errors.ts';
import { monotonicUs } from '../native/native.ts';
import { deadlineIn } from './deadline.ts';
import { KernelWaitSet } from './kernel-wait-set.ts';
import { PollSet, type WaitSet } from './wait-set.ts';

/** Memory changes without a sign: it is looked at again after these pauses, in microseconds. */
const firstPauseUs = 500;
const longestPauseUs = 20_000;
/** Of an IUT of this process, behind the deadline: a machine that kept us from running kept it as well. */
const lateSteps = 1000;

/** What this process has worked. */
function workedUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** Waits on everything that is open, and lets an IUT of this process run meanwhile. */
export class Waiting {
  readonly set: WaitSet;
  readonly #step: (() => boolean) | undefined;
  readonly #takeSignalled: () => boolean;
  #limitUs = Number.POSITIVE_INFINITY;
  #limitMs = 0;
  #workedUs = 0;
  /** The deadline that has passed, and how often it was asked for since. */
  #passedUs = 0;
  #askedSince = 0;
  /** Something was ready at the last look, and may be so still. */
  #mayBeReady = true;

  /** As `step` and `takeSignalled` of a carrier. */
  constructor(step?: () => boolean, takeSignalled: () => boolean = () => true) {
    this.#step = step;
    // An IUT of this process leaves nothing to wait for in the kernel.
    this.set = step === undefined ? new KernelWaitSet() : new PollSet();
    this.#takeSignalled = takeSignalled;
  }

  /** Whether the IUT runs by itself, so that a wait may sleep in the kernel. */
  get isRemote(): boolean {
    return this.#step === undefined;
  }

  /** Gives an IUT that runs by itself time for what it does of its own accord. */
  rest(milliseconds: number): void {
    if (this.isRemote) this.until(() => false, deadlineIn(milliseconds));
  }

  /** Waits end with a BudgetError once this time is over; undefined for no limit. */
  limit(milliseconds: number | undefined): void {
    this.#limitMs = milliseconds ?? 0;
    this.#workedUs = workedUs();
    this.#limitUs = milliseconds === undefined ? Number.POSITIVE_INFINITY : deadlineIn(milliseconds);
  }

  /**
   * Microseconds until the deadline: where the IUT is of this process, which runs by our steps alone, some are left for
   * further steps of one that works. @throws BudgetError past the limit.
   */
  left(deadlineUs: number): number {
    const now = monotonicUs();
    this.#keepLimit(now);
    if (now < deadlineUs || this.#step === undefined) return deadlineUs - now;
    if (deadlineUs !== this.#passedUs) this.#askedSince = 0;
    this.#passedUs = deadlineUs;
    return ++this.#askedSince > lateSteps ? 0 : 1;
  }

  /** For what waits for nothing where an IUT is quick, and may be repeated without end. @throws BudgetError past the limit. */
  keepLimit(): void {
    if (this.#limitUs !== Number.POSITIVE_INFINITY) this.#keepLimit(monotonicUs());
  }

  #keepLimit(nowUs: number): void {
    if (nowUs <= this.#limitUs || this.#wasKeptFromRunning()) return;
    throw new BudgetError(`it took more than ${this.#limitMs / 1000} s`);
  }

  /** Whether an IUT of this process has not worked for the time of the limit, however long ago that was told. */
  #wasKeptFromRunning(): boolean {
    return this.#step !== undefined && workedUs() - this.#workedUs < this.#limitMs * 1000;
  }

  /** Gives back what the set holds. */
  close(): void {
    this.set.close();
  }

  /** Waits once, perhaps for less than the timeout. False when nothing can come any more: the IUT runs in this process and has nothing to do. */
  once(timeoutUs: number): boolean {
    if (this.#step === undefined) {
      this.set.wait(timeoutUs);
      return true;
    }
    const progressed = this.#step();
    const isSignalled = this.#takeSignalled();
    // While it works and says nothing, there is nothing to look for; before we give up we look in any case.
    if (progressed && !isSignalled && !this.#mayBeReady) return true;
    this.#mayBeReady = this.set.wait(0) > 0;
    return this.#mayBeReady || progressed;
  }

  /**
   * As `until`, for a condition that did not hold just now, and a time from now on: where the condition comes true at the
   * first wake-up, it costs no look at the clock.
   */
  untilWithin(condition: () => boolean, milliseconds: number): boolean {
    if (!this.once(Math.min(milliseconds * 1000, firstPauseUs))) return condition();
    return condition() || this.until(condition, deadlineIn(milliseconds));
  }

  /**
   * Waits until the condition holds, which is tried at once, after each wake-up and after short growing pauses, so that
   * it may speak of memory. False at the deadline (microseconds of the monotonic clock).
   */
  until(condition: () => boolean, deadlineUs: number): boolean {
    for (let pauseUs = firstPauseUs; ; pauseUs = Math.min(pauseUs * 2, longestPauseUs)) {
      if (condition()) return true;
      const left = this.left(deadlineUs);
      if (left <= 0) return false;
      if (!this.once(Math.min(left, pauseUs))) return condition();
    }
  }
}
