import type { DriverPort } from '../../drivers/port/port.ts';
import { CrashAttribution } from '../../judging/attribution.ts';
import { Losses } from '../../judging/patience.ts';
import { canRestart, recovered, startedAfresh } from '../../judging/recovery.ts';
import { type BroughtBack, StallRetry } from '../../judging/stalls.ts';
import type { PlannedResult } from '../../reports/record/run-plan.ts';
import { layoutOf } from '../axes.ts';
import { absentAxisOf, applicability, elsewhereOf } from './applicability.ts';
import { NoSuchPointError } from './case-run.ts';
import { DecisionRetry } from './decision-retry.ts';
import { type Judgement, judge } from './judge.ts';
import {
  crashOf,
  failuresBesideStalls,
  hangNotRepeated,
  hangs,
  isKnownNotToServe,
  isSilent,
  mayHaveHarmed,
  notRepeated,
  stallsOf,
  withRate,
} from './judgement-facts.ts';
import type { PlannedCase } from './plan.ts';
import { requestsMissing } from './request-needs.ts';
import { RingControls } from './ring-controls.ts';
import { SecondIutSlot } from './second-iut.ts';
import type { PartSource, SliceDeath, SliceEnd, SliceOptions, SliceOutput } from './slice.ts';
import { SliceRecords } from './slice-records.ts';
import { notApplicable, notJudged, notOnAxis } from './unjudged.ts';

/**
 * Runs the results that are owed of one target, one after another. A result is on disk before the next one begins.
 * Blocks; made for a process of its own.
 */
export function runSlice(port: DriverPort, source: PartSource, output: SliceOutput, options: SliceOptions): SliceEnd {
  return new SliceRun(port, output, options).run(source);
}

class SliceRun {
  readonly #port: DriverPort;
  readonly #output: SliceOutput;
  readonly #options: SliceOptions;
  readonly #attribution: CrashAttribution<Judgement>;
  readonly #losses: Losses;
  readonly #second: SecondIutSlot;
  readonly #records: SliceRecords;
  /** Results that were judged, with any verdict. */
  #judged = 0;
  /** Their keys: a repetition of what was run is run. */
  readonly #judgedKeys = new Set<string>();
  /** Why the target no longer serves. */
  #lost: string | undefined;
  #noSuchPoint: string | undefined;
  readonly #rings: RingControls;
  readonly #premises = new DecisionRetry();
  readonly #stalls = new StallRetry<Judgement>({
    stallsOf,
    othersOf: failuresBesideStalls,
    endedProcess: ({ died }) => died !== undefined,
    hangs,
    bringBack: (isCalm) => this.#bringBack(isCalm),
    notRepeated: hangNotRepeated,
  });

  constructor(port: DriverPort, output: SliceOutput, options: SliceOptions) {
    this.#port = port;
    this.#output = output;
    this.#options = options;
    this.#losses = new Losses(options.patience);
    this.#second = new SecondIutSlot(options.second);
    this.#records = new SliceRecords(port, output, options);
    this.#rings = new RingControls(port, canRestart(port) ? () => this.#restart() : undefined);
    this.#attribution = new CrashAttribution({
      crashOf,
      restartedBy: ({ restarted }) => restarted,
      hasRepeatedCrash: ({ crashRepeated }) => crashRepeated === true,
      restart: canRestart(port) ? () => this.#restart() : undefined,
    });
  }

  run(source: PartSource): SliceEnd {
    for (let part = source.next(false); part !== undefined; part = source.next(this.#lost !== undefined)) {
      for (const death of part.deathsElsewhere) this.#countDeath(death);
      for (const [at, { planned, result }] of part.results.entries()) {
        this.#runOne(planned, result);
        if (needsTwo(planned) && !needsTwo(part.results[at + 1]?.planned)) this.#second.close();
      }
    }
    if (this.#lost !== undefined) return { kind: 'not-served', why: this.#lost };
    if (this.#noSuchPoint !== undefined && this.#judged === 0) return { kind: 'no-point', why: this.#noSuchPoint };
    const gaveUp = this.#losses.allGivenUp;
    return gaveUp.length === 0 ? { kind: 'completed' } : { kind: 'completed', gaveUp: gaveUp.join('; ') };
  }

  #runOne(planned: PlannedCase, result: PlannedResult): void {
    const missing = this.#missing(planned);
    const { key, target, repetition } = result;
    this.#output.append({ event: 'begin', key, target, repetition });
    const judgement =
      missing.length > 0
        ? notApplicable(planned, missing, elsewhereOf(planned.definition, this.#port.facts))
        : (this.#withoutAxis(planned) ??
          this.#givenUp(planned) ??
          this.#withoutService(planned) ??
          this.#judgeIfItHasPoint(planned));
    this.#output.append(this.#records.recordOf(planned, result, judgement));
    this.#countLoss(planned, judgement);
    if (this.#lost === undefined) this.#recover(judgement);
  }

  #missing({ definition, variant }: PlannedCase): string[] {
    const { offer } = this.#options;
    const { facts } = this.#port;
    // A case that does not apply starts nothing.
    const missing = applicability(definition, facts, offer, { facts, offer });
    if (missing.length === 0) missing.push(...requestsMissing(definition, variant, facts));
    if (missing.length > 0 || definition.applies.iuts !== 2) return missing;
    const opened = this.#second.open();
    if (opened !== undefined && 'why' in opened) return [`a second IUT that serves: ${opened.why}`];
    return applicability(definition, facts, offer, this.#second.known);
  }

  #withoutAxis(planned: PlannedCase): Judgement | undefined {
    const { definition, axes } = planned;
    const other = needsTwo(planned) ? this.#second.known : undefined;
    const absent = absentAxisOf(definition, axes, this.#port.facts, this.#options.offer, other);
    return absent === undefined ? undefined : notOnAxis(planned, absent);
  }

  /** What needs a ring of a layout of which none serves anything. */
  #withoutService(planned: PlannedCase): Judgement | undefined {
    const { definition, axes } = planned;
    if (definition.applies.ring === 'none') return undefined;
    const why = this.#rings.whyNotJudged(layoutOf(definition, axes), Object.keys(definition.proves));
    return why === undefined ? undefined : notJudged(planned, 'inconclusive', why);
  }

  #judgeIfItHasPoint(planned: PlannedCase): Judgement {
    try {
      const judgement = this.#judgeFairly(planned);
      this.#judged++;
      this.#judgedKeys.add(planned.key);
      return judgement;
    } catch (error) {
      if (!(error instanceof NoSuchPointError)) throw error;
      this.#noSuchPoint = error.message;
      return notJudged(planned, 'not-applicable', error.message);
    }
  }

  #judgeFairly(planned: PlannedCase): Judgement {
    const attributed = this.#attribution.attribute(planned.key, () =>
      this.#stalls.decide(planned.definition.id, (part) =>
        this.#within(part, () =>
          this.#premises.decide(layoutOf(planned.definition, planned.axes), () => this.#judge(planned)),
        ),
      ),
    );
    switch (attributed.kind) {
      case 'no-crash':
        return attributed.result;
      case 'own-crash':
        return withRate(attributed.result, attributed.rate);
      case 'not-repeated':
        return notRepeated(attributed);
    }
  }

  /** Runs with a part of the deadline. */
  #within<Result>(part: number, run: () => Result): Result {
    const { deadlineMs } = this.#port;
    this.#port.setDeadline(deadlineMs * part);
    try {
      return run();
    } finally {
      this.#port.setDeadline(deadlineMs);
    }
  }

  #judge({ definition, variant, axes }: PlannedCase): Judgement {
    const { seed, point, offer, referenceMeetsDeadline } = this.#options;
    this.#output.steps?.();
    const other = this.#second.iut;
    const judgement = judge(this.#port, definition, variant, offer, {
      seed,
      axes,
      ...(point === undefined ? {} : { point }),
      ...(other === undefined ? {} : { other }),
      referenceMeetsDeadline,
    });
    if (point !== undefined && judgement.points === undefined && judgement.verdict !== 'error') {
      throw new NoSuchPointError(`${definition.id} is not a sweep and has no point ${point}`);
    }
    return judgement;
  }

  #countLoss({ key, definition }: PlannedCase, judgement: Judgement): void {
    const exit = crashOf(judgement);
    if (exit === undefined) {
      if (isSilent(judgement)) this.#losses.wasSilent(key, areaOf(definition.id));
      return;
    }
    const death: SliceDeath = judgement.died === undefined ? { key, exit } : { key, caseId: definition.id, exit };
    this.#countDeath(death);
    this.#output.died?.(death);
  }

  #countDeath({ key, caseId, exit }: SliceDeath): void {
    this.#losses.died(key, areaOf(key));
    if (caseId !== undefined) this.#attribution.count(caseId, key, exit);
  }

  /** After three crashes of one case with one signature its other variants are not run. */
  #givenUp(planned: PlannedCase): Judgement | undefined {
    if (this.#lost !== undefined) return notJudged(planned, 'not-run', this.#lost);
    if (this.#judgedKeys.has(planned.key)) return undefined;
    const ofArea = this.#losses.givenUp(areaOf(planned.key));
    if (ofArea !== undefined) return notJudged(planned, 'not-run', ofArea);
    const crashed = this.#attribution.givenUp(planned.definition.id);
    if (crashed === undefined) return undefined;
    const why = `this case ended the process ${crashed.times} times by ${crashed.signature}`;
    return notJudged(planned, 'not-run', why);
  }

  #restart(): void {
    this.#attribution.processBegan();
    for (const port of this.#ports) startedAfresh(port);
  }

  get #ports(): readonly DriverPort[] {
    const { iut } = this.#second;
    return iut === undefined ? [this.#port] : [this.#port, iut.port];
  }

  /**
   * Behind what seemed to hang, which a new connection may show to serve all the same: beside other work late, else within a
   * deadline.
   */
  #bringBack(isCalm: boolean): BroughtBack {
    this.#output.steps?.();
    let back: BroughtBack = 'as-it-was';
    for (const port of this.#ports) {
      port.releaseAll();
      const recovery = recovered(port, isCalm ? { answersWithinMs: port.deadlineMs } : {});
      if (recovery.kind === 'lost') return 'lost';
      if (recovery.by === 'reconnect') continue;
      this.#attribution.processBegan();
      back = 'afresh';
    }
    return back;
  }

  /** What may no longer serve is brought back, as its target says. */
  #recover(judgement: Judgement): void {
    for (const port of this.#ports) {
      port.releaseAll();
      if (!mayHaveHarmed(judgement) && port.iut.isAlive()) continue;
      const recovery = recovered(port, { isKnownNotToServe: isKnownNotToServe(judgement) });
      if (recovery.kind === 'lost') this.#lost = port === this.#port ? recovery.why : `its pair: ${recovery.why}`;
      else if (recovery.by !== 'reconnect') this.#attribution.processBegan();
    }
  }
}

/** The area of a case, by its id or key: the folder and the subject. */
function areaOf(id: string): string {
  const [path = ''] = id.split('[', 1);
  return path.split('/').slice(0, 2).join('/');
}

function needsTwo(planned: PlannedCase | undefined): boolean {
  return planned?.definition.applies.iuts === 2;
}
