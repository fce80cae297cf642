import type { DriverPort, IutExit } from '../../drivers/port/port.ts';
import { CrashAttribution } from '../../judging/attribution.ts';
import type { Control } from '../../judging/control.ts';
import { Losses, type Patience } from '../../judging/patience.ts';
import { canRestart, recovered, startedAfresh } from '../../judging/recovery.ts';
import { type BroughtBack, StallRetry } from '../../judging/stalls.ts';
import { allSources, countingVersions, type FeatureSet } from '../../reference-impl/catalogue/catalogue.ts';
import type { CaseRecord, RunEvent } from '../../reports/record/record.ts';
import type { PlannedResult } from '../../reports/record/run-plan.ts';
import type { Trace } from '../../reports/trace/trace.ts';
import { layoutOf } from '../axes.ts';
import { absentAxisOf, applicability, elsewhereOf, type KnownTarget } from './applicability.ts';
import { NoSuchPointError, type SecondIut } from './case-run.ts';
import { accordanceOf, type ExpectationRules } from './expectations.ts';
import { findingAuthority } from './finding-authority.ts';
import { type Judgement, judge } from './judge.ts';
import {
  crashOf,
  failuresBesideStalls,
  hangNotRepeated,
  hangs,
  isKnownNotToServe,
  isSilent,
  isUndecided,
  mayHaveHarmed,
  notRepeated,
  stallsOf,
  withRate,
} from './judgement-facts.ts';
import { packedControl } from './packed-control.ts';
import type { PlannedCase, RequirementFacts } from './plan.ts';
import { requestsMissing } from './request-needs.ts';
import { notApplicable, notJudged, notOnAxis } from './unjudged.ts';

/** Where the results of a slice go. Each call returns when what it was given is on disk. */
export interface SliceOutput {
  append(record: RunEvent): void;
  /** The result that runs takes a further step, which has time of its own. */
  steps?(): void;
  /** The process died in the result whose record was appended last. */
  died?(death: SliceDeath): void;
  /** Path of the trace relative to the run's directory. */
  /** @param findings sequence numbers of the events at which checks failed. */
  writeTrace(trace: Trace, findings: readonly number[]): string;
}

/** A second IUT runs only while cases need it: some keep a processor busy. */
export interface SecondIutSource {
  /** Starts it, or says why it does not serve. */
  open(): SecondIut | { readonly why: string };
  close(): void;
}

export interface SliceResult {
  readonly planned: PlannedCase;
  readonly result: PlannedResult;
}

/** Results that are run one after another, and what happened meanwhile to other instances of the target. */
export interface SlicePart {
  readonly results: readonly SliceResult[];
  readonly deathsElsewhere: readonly SliceDeath[];
}

/** The death of an IUT. */
export interface SliceDeath {
  /** Of the result in which it died. */
  readonly key: string;
  /** The case whose other variants and repetitions are given up after three. Absent for a point of a sweep, which counts its own. */
  readonly caseId?: string | undefined;
  readonly exit: IutExit;
}

/** Where the results of a slice come from. */
export interface PartSource {
  /** The next part; undefined at the end. @param gaveUp whether the rest would be `not-run`. */
  next(gaveUp: boolean): SlicePart | undefined;
}

export interface SliceOptions {
  readonly seed: number;
  readonly point?: string;
  readonly offer: FeatureSet;
  /** Where the second IUT of cases that need two comes from. */
  readonly second?: SecondIutSource;
  readonly rules: ExpectationRules;
  /** Whether traces of passes are kept; those of what did not pass alone, unless told. */
  readonly keepsAllTraces?: boolean;
  readonly patience: Patience;
  requirementFacts(slug: string): RequirementFacts;
  /** The one command that runs a case again. */
  rerunCommand(planned: PlannedCase, point: string | undefined): string;
  referenceMeetsDeadline(): boolean;
}

/** How a slice ended: at its end, or because the target no longer serves and cannot be brought back. */
export type SliceEnd =
  /** `gaveUp`: why the last of the results are `not-run`. */
  | { readonly kind: 'completed'; readonly gaveUp?: string }
  /** No variant has the point that was asked for. */
  | { readonly kind: 'no-point'; readonly why: string }
  | { readonly kind: 'not-served'; readonly why: string };

/**
 * Runs the results that are owed of one target, one after another. A result is on disk before the next one begins.
 * Blocks; made for a process of its own.
 */
export function runSlice(port: DriverPort, source: PartSource, output: SliceOutput, options: SliceOptions): SliceEnd {
  return new SliceRun(port, output, options).run(source);
}

/** A slice that is known beforehand. */
export function wholeSlice(results: readonly SliceResult[]): PartSource {
  let isTaken = false;
  return {
    next() {
      if (isTaken) return undefined;
      isTaken = true;
      return { results, deathsElsewhere: [] };
    },
  };
}

const triesToDecide = 3;

class SliceRun {
  readonly #port: DriverPort;
  readonly #output: SliceOutput;
  readonly #options: SliceOptions;
  readonly #attribution: CrashAttribution<Judgement>;
  readonly #losses: Losses;
  /** Open while cases need it. */
  #other: SecondIut | undefined;
  /** Why it does not serve, once it was tried twice. */
  #noSecond: { readonly why: string } | undefined;
  #secondWasTried = false;
  /** Results that were judged, with any verdict. */
  #judged = 0;
  /** Their keys: a repetition of what was run is run. */
  readonly #judgedKeys = new Set<string>();
  /** Why the target no longer serves. */
  #lost: string | undefined;
  #noSuchPoint: string | undefined;
  /** A request on a packed ring of a fresh session, once that was tried. */
  #packedRings: Control | undefined;
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
        if (needsTwo(planned) && !needsTwo(part.results[at + 1]?.planned)) this.#closeSecond();
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
          this.#withoutPackedRings(planned) ??
          this.#judgeIfItHasPoint(planned));
    this.#output.append(this.#recordOf(planned, result, judgement));
    this.#countLoss(planned, judgement);
    if (this.#lost === undefined) this.#recover(judgement);
  }

  #missing({ definition, variant }: PlannedCase): string[] {
    const { offer, second } = this.#options;
    const { facts } = this.#port;
    // A case that does not apply starts nothing.
    const missing = applicability(definition, facts, offer, { facts, offer });
    if (missing.length === 0) missing.push(...requestsMissing(definition, variant, facts));
    if (missing.length > 0 || definition.applies.iuts !== 2) return missing;
    const opened = this.#other ?? this.#noSecond ?? second?.open();
    if (opened === undefined) return applicability(definition, facts, offer);
    if ('why' in opened) {
      // A second try is for chance; each takes as long as a start may take.
      if (this.#secondWasTried) this.#noSecond = opened;
      this.#secondWasTried = true;
      return [`a second IUT that serves: ${opened.why}`];
    }
    this.#other = opened;
    return applicability(definition, facts, offer, this.#secondKnown);
  }

  get #secondKnown(): KnownTarget | undefined {
    return this.#other === undefined ? undefined : { facts: this.#other.port.facts, offer: this.#other.offer };
  }

  #closeSecond(): void {
    this.#other = undefined;
    this.#options.second?.close();
  }

  #withoutAxis(planned: PlannedCase): Judgement | undefined {
    const { definition, axes } = planned;
    const other = needsTwo(planned) ? this.#secondKnown : undefined;
    const absent = absentAxisOf(definition, axes, this.#port.facts, this.#options.offer, other);
    return absent === undefined ? undefined : notOnAxis(planned, absent);
  }

  /**
   * Where packed rings serve nothing at all, each case on them would fail for that cause: it is told by the cases about
   * the features that are acknowledged, which take part in no layout.
   */
  #withoutPackedRings(planned: PlannedCase): Judgement | undefined {
    const { applies } = planned.definition;
    if (applies.ring === 'none' || layoutOf(planned.definition, planned.axes) !== 'packed') return undefined;
    this.#packedRings ??= packedControl(this.#port, () => this.#restart());
    if (this.#packedRings.kind === 'completed') return undefined;
    const why = `no packed ring serves a request: ${this.#packedRings.why}`;
    return notJudged(planned, 'inconclusive', why);
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
      this.#stalls.decide(planned.definition.id, (part) => this.#within(part, () => this.#decided(planned))),
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

  /** Where what the case presupposes is not so, or the machine is too slow, which may be chance, it is tried again. */
  #decided(planned: PlannedCase): Judgement {
    for (let tries = triesToDecide; ; tries--) {
      const judged = this.#judge(planned);
      if (tries <= 1 || !isUndecided(judged)) return judged;
    }
  }

  #judge({ definition, variant, axes }: PlannedCase): Judgement {
    const { seed, point, offer, referenceMeetsDeadline } = this.#options;
    this.#output.steps?.();
    const other = this.#other;
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
    return this.#other === undefined ? [this.#port] : [this.#port, this.#other.port];
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

  #recordOf(planned: PlannedCase, result: PlannedResult, judgement: Judgement): CaseRecord {
    const { definition, variant, axes } = planned;
    const { key, target, repetition } = result;
    const { verdict, accepted, outcomes, points, durationMs, error } = judgement;
    const findings = judgement.findings.map(({ besideText, reported, ...found }) => {
      const facts = this.#options.requirementFacts(found.requirement);
      const seen = { how: found.how, isBesideText: besideText === true, isReported: reported === true };
      return { ...found, ...findingAuthority(facts, seen, this.#texts) };
    });
    const failedPoints = points?.failed ?? [];
    const record: CaseRecord = {
      event: 'case',
      key,
      target,
      repetition,
      caseId: definition.id,
      title: definition.title,
      variant,
      ...(Object.keys(axes).length === 0 ? {} : { axes }),
      verdict,
      ...(accepted === undefined ? {} : { accepted: [...accepted] }),
      outcomes,
      ...(points === undefined ? {} : { points }),
      findings,
      durationMs: Math.round(durationMs * 1000) / 1000,
      seed: this.#options.seed,
      rerun: this.#options.rerunCommand(planned, failedPoints.length === 1 ? failedPoints[0] : this.#options.point),
      ...(error === undefined ? {} : { error }),
    };
    const trace = this.#trace(result, record);
    const accordance = accordanceOf(record, this.#options.rules);
    const expectation = accordance.kind === 'as-expected' ? accordance.expectation : undefined;
    return {
      ...record,
      ...(trace === undefined ? {} : { trace }),
      ...(expectation === undefined ? {} : { expected: expectedOf(expectation) }),
    };
  }

  /** The versions of texts that count for this target. */
  get #texts(): readonly string[] {
    return countingVersions(this.#options.rules.texts, this.#port.facts.texts ?? [], allSources());
  }

  #trace({ key, target, repetition }: PlannedResult, { verdict, findings }: CaseRecord): string | undefined {
    const hasFailed = verdict === 'fail' || verdict === 'inconclusive' || verdict === 'error';
    if (!hasFailed && !(verdict === 'pass' && this.#options.keepsAllTraces === true)) return undefined;
    const { log } = this.#port;
    const failing = findings.flatMap(({ traceEvent }) => traceEvent ?? []);
    return this.#output.writeTrace({ target, key, repetition, dropped: log.dropped, events: log.events() }, failing);
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

function expectedOf({
  reason,
  link,
}: {
  reason: string;
  link?: string | undefined;
}): NonNullable<CaseRecord['expected']> {
  return link === undefined ? { reason } : { reason, link };
}
