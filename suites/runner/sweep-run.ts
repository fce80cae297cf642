import type { DriverPort } from '../../drivers/port/port.ts';
import { exitText, type Failure } from '../../judging/failure.ts';
import { isServing } from '../../judging/liveness.ts';
import { canRestart } from '../../judging/recovery.ts';
import type { FailureKind } from '../../reference-impl/observations/failure-kind.ts';
import type { Point, SweepOptions } from '../case.ts';
import type { Check } from '../check.ts';
import type { SweepResult } from './sweep-result.ts';
import { type RanPoint, unstablePoints } from './unstable-points.ts';

/** What a sweep asks of the run of its case. */
export interface SweepHost {
  readonly port: DriverPort;
  readonly checks: readonly Check[];
  readonly isOverBudget: boolean;
  /** What the peer does wrong in it becomes a failure. */
  guarded(body: () => void): void;
  /** Ends the sessions that a point left open. */
  closeOpened(): void;
  /** The requirement that was being shown. */
  firstOpenCheck(): Check | undefined;
  /** Returns a function that gives back what is allocated of the guest's memory from now on. */
  markMemory(): () => void;
  /** Decides what silences were, before the process that was silent is replaced. */
  settle(): void;
}

type Result = { -readonly [Name in keyof SweepResult]: SweepResult[Name] };

const pointsBetweenLiveness = 64;
const crashesBeforeGivingUp = 3;
const silencesBeforeGivingUp = 3;
/** A process that starts so fast is started afresh for each repetition of a point. */
const cheapRestartMs = 250;
/** Ways to fail for which a whole deadline was waited. */
const waited: readonly FailureKind[] = ['desync', 'stalled', 'hang'];

/** The points of a sweep, one after another: a point that crashes the process does not end it. */
export class SweepRun<P extends Point> {
  readonly result: Result = { count: 0, failed: [] };
  readonly #host: SweepHost;
  readonly #check: (point: P) => void;
  readonly #options: SweepOptions;
  /** How often, by signature. */
  readonly #crashes = new Map<string, number>();
  /** What the last start of the IUT took, once one was needed. */
  #restartMs = Number.POSITIVE_INFINITY;

  constructor(host: SweepHost, check: (point: P) => void, options: SweepOptions) {
    this.#host = host;
    this.#check = check;
    this.#options = options;
  }

  run(points: readonly P[]): void {
    const ran: RanPoint<P>[] = [];
    let sinceLiveness: P[] = [];
    for (const [at, point] of points.entries()) {
      const before = this.#failureCounts();
      const signature = this.#runPoint(point);
      ran.push({ point, ending: this.#endingSince(before) });
      const why = this.#whyNoMore(signature);
      const isLast = at === points.length - 1;
      if (why !== undefined && !isLast) {
        this.result.left = { points: points.slice(at + 1).map(({ key }) => key), why };
        break;
      }
      sinceLiveness.push(point);
      if (sinceLiveness.length < pointsBetweenLiveness && !isLast) continue;
      if (!isServing(this.#host.port)) this.#findCulprit(sinceLiveness);
      sinceLiveness = [];
    }
    if (this.#crashes.size > 0) this.#repeat(ran);
  }

  /** Where a point crashes the process, what the others come to may be chance as well: each is run again. */
  #repeat(ran: readonly RanPoint<P>[]): void {
    if (!canRestart(this.#host.port)) return;
    const again = (point: P): string | undefined => {
      if (this.#host.isOverBudget) return undefined;
      // What is by chance is so for each process: where its memory lies, and what is in it.
      if (this.#restartMs <= cheapRestartMs && this.result.restarted !== 'at-the-end') this.#restart();
      const before = this.#failureCounts();
      const { count, failed } = this.result;
      this.result.failed = [];
      let ending = '';
      try {
        this.#runPoint(point);
        ending = this.#endingSince(before);
      } finally {
        // Also where the time of the case ends in it: what the points of the sweep came to stands.
        Object.assign(this.result, { count, failed });
        for (const [at, { failures }] of this.#host.checks.entries()) failures.splice(before[at] ?? 0);
      }
      return this.#host.isOverBudget ? undefined : ending;
    };
    const unstable = unstablePoints(ran, again);
    if (unstable.length > 0) this.result.unstable = unstable;
  }

  #failureCounts(): number[] {
    return this.#host.checks.map(({ failures }) => failures.length);
  }

  /** How a point ended: requirements and ways of failing of what was recorded since; empty where nothing failed. */
  #endingSince(before: readonly number[]): string {
    const failed = this.#host.checks.flatMap(({ requirement, failures }, at) =>
      failures.slice(before[at]).map(({ how, silent }) => `${requirement} ${silent === true ? 'silence' : how}`),
    );
    return [...new Set(failed)].sort().join();
  }

  #whyNoMore(signature: string | undefined): string | undefined {
    if (this.#host.isOverBudget) return 'because the target is too slow for them';
    if (this.#options.untilFirstFailure === true && this.result.failed.length > 0) return 'after the first that failed';
    // Each costs a whole deadline.
    if (this.#silenceCount() >= silencesBeforeGivingUp) return `after ${silencesBeforeGivingUp} silences`;
    if (signature === undefined) return undefined;
    if (!canRestart(this.#host.port)) return 'because the process ended, and it is not ours to start again';
    const times = (this.#crashes.get(signature) ?? 0) + 1;
    this.#crashes.set(signature, times);
    return times < crashesBeforeGivingUp ? undefined : `after ${times} crashes of one signature`;
  }

  /** The signature of a crash, if the point ended in one. */
  #runPoint(point: P): string | undefined {
    const before = this.#failureCount();
    const countsBefore = this.#failureCounts();
    if (this.result.restarted === 'at-the-end') this.result.restarted = 'in-between';
    this.#host.port.log.note(`point ${point.key}`);
    this.result.count++;
    for (const open of this.#host.checks) open.isBesideText = false;
    const releaseMemory = this.#host.markMemory();
    const closeReceived = this.#host.port.descriptors.mark();
    this.#host.guarded(() => this.#check(point));
    this.#host.closeOpened();
    closeReceived();
    releaseMemory();
    if (this.#failureCount() > before) this.result.failed.push(point.key);
    if (this.#hasSilence()) this.#host.settle();
    this.#namePoint(countsBefore, point.key);
    const exit = this.#host.port.iut.exit();
    if (exit === undefined) return undefined;
    if (this.#failureCount() === before) {
      this.result.failed.push(point.key);
      const open = this.#host.firstOpenCheck();
      if (open !== undefined) open.isBesideText = true;
      open?.fail('crash', `point ${point.key}`, 'the process lives on', exitText(exit), exit);
    }
    this.#namePoint(countsBefore, point.key);
    // The judge waits for it, and the sweep ends here.
    if (!canRestart(this.#host.port)) return exitText(exit);
    if (this.result.restarted !== undefined) this.result.crashRepeated = true;
    this.#restart();
    this.result.restarted = 'at-the-end';
    return exitText(exit);
  }

  #restart(): void {
    const began = this.#host.port.nowMs();
    this.#host.port.iut.restart();
    this.#restartMs = this.#host.port.nowMs() - began;
  }

  #namePoint(before: readonly number[], point: string): void {
    for (const [at, { failures }] of this.#host.checks.entries()) {
      for (let n = before[at] ?? 0; n < failures.length; n++) failures[n] = { ...(failures[n] as Failure), point };
    }
  }

  /** Nothing serves any more after these points: each once more on a fresh process, to find the one that does it. */
  #findCulprit(points: readonly P[]): void {
    const range = `points ${points[0]?.key} to ${points.at(-1)?.key}`;
    if (!canRestart(this.#host.port)) {
      this.#host.firstOpenCheck()?.fail('hang', `a new session after ${range}`, 'it is served', 'it is not');
      return;
    }
    for (const point of points) {
      this.#host.port.iut.restart();
      this.#host.guarded(() => this.#check(point));
      this.#host.closeOpened();
      if (isServing(this.#host.port)) continue;
      if (!this.result.failed.includes(point.key)) this.result.failed.push(point.key);
      this.#host.firstOpenCheck()?.fail('hang', `a new session after point ${point.key}`, 'it is served', 'it is not');
      this.#host.port.iut.restart();
      return;
    }
    this.#host.port.iut.restart();
    this.#host.firstOpenCheck()?.inconclusive(`nothing was served after ${range}, but none of them alone does that`);
  }

  #failureCount(): number {
    let count = 0;
    for (const check of this.#host.checks) count += check.failures.length;
    return count;
  }

  #silenceCount(): number {
    let count = 0;
    for (const { failures } of this.#host.checks) {
      count += failures.filter(({ silent, how }) => silent === true || waited.includes(how)).length;
    }
    return count;
  }

  #hasSilence(): boolean {
    return this.#host.checks.some(({ failures }) => failures.some(({ silent }) => silent === true));
  }
}
