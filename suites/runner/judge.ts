import type { DriverPort, IutExit, SanitizerReport } from '../../drivers/port/port.ts';
import type { OwnRestart } from '../../judging/attribution.ts';
import { caseBudgetMs } from '../../judging/deadline.ts';
import { deviceLifeProblems, skipDeviceCalls } from '../../judging/device-life.ts';
import { exitText, type Failure, reportText } from '../../judging/failure.ts';
import { isServing } from '../../judging/liveness.ts';
import { startedAfresh } from '../../judging/recovery.ts';
import { type SilenceOptions, Silences } from '../../judging/silence.ts';
import { type FeatureSet, namesIn } from '../../reference-impl/catalogue/catalogue.ts';
import type { Axes } from '../../reports/record/axes.ts';
import type { CaseRecord, Finding, Outcome, RequirementOutcome } from '../../reports/record/record.ts';
import { worstOutcome } from '../../reports/record/record.ts';
import { reportedRequirements } from '../axes.ts';
import type { AnyCase, VariantAxes, VariantOf } from '../case.ts';
import type { Check } from '../check.ts';
import { CaseRun, NoSuchPointError, type RunOptions } from './case-run.ts';
import type { SweepResult } from './sweep-result.ts';

/** A finding before what the catalogue says of its requirement is added to it. */
export type JudgedFinding = Omit<Finding, 'level' | 'basis' | 'since' | 'until' | 'apart'> &
  Pick<Failure, 'besideText' | 'reported'>;

/** What came of one case with one variant on one target. */
export interface Judgement {
  readonly verdict: Outcome;
  /** Names of the bits that sessions of the case acknowledged, where it ran. */
  readonly accepted?: readonly string[];
  readonly outcomes: RequirementOutcome[];
  readonly findings: JudgedFinding[];
  readonly points?: NonNullable<CaseRecord['points']>;
  readonly durationMs: number;
  /** Our own failure, for verdict `error`. */
  readonly error?: string;
  /** Nothing answered before the case, which therefore did not run. */
  readonly isUnserved?: true;
  /** How the IUT's process ended during the case. */
  readonly died?: IutExit;
  /** A sanitizer of the IUT said something, which it says once in the life of a process. */
  readonly wasReported?: true;
  /** What a sweep did about crashes of its points. */
  readonly restarted?: OwnRestart;
  readonly crashRepeated?: true;
}

export interface JudgeOptions extends RunOptions, SilenceOptions {
  /** Our own reference is judged: a case that makes none of the rings that its plan is about is an error of ours. */
  readonly needsRings?: true;
  /** It answered a moment ago, and nothing has happened since: liveness before the case is known. */
  readonly isServing?: boolean;
}

/** Runs one case: liveness before and after, the case itself, and what its failures mean. */
export function judge(
  port: DriverPort,
  definition: AnyCase,
  variant: VariantOf<VariantAxes>,
  offer: FeatureSet,
  options: JudgeOptions,
): Judgement {
  const began = port.nowMs();
  port.log.restart();
  const settle = (one: CaseRun): void => settleSilence(port, one, options);
  const run = new CaseRun(port, definition, variant, offer, { ...options, settle });
  for (const one of run.ports) {
    if (one === port && options.isServing === true) continue;
    if (isServing(one) || (startedAfresh(one) && isServing(one))) continue;
    return notServed(definition, options.axes ?? {}, port.nowMs() - began);
  }
  for (const one of run.ports) {
    // What was said before is not the case's doing, and a sanitizer says it once in the life of a process.
    const saidBefore = one.iut.reports?.() ?? [];
    if (saidBefore.length > 0 && startedAfresh(one) && isServing(one)) one.iut.reports?.();
    skipDeviceCalls(one);
  }
  port.log.restart();
  for (const one of run.ports) one.oracle.begin(definition.unwatched === undefined);
  let error: unknown;
  const budget = caseBudgetMs(port.deadlineMs);
  for (const one of run.ports) one.setBudget(budget);
  try {
    run.execute();
  } catch (thrown) {
    error = thrown;
  }
  for (const one of run.ports) one.setBudget(undefined);
  const seen = port.log.next;
  const exit = exitOf(run);
  for (const one of run.ports) one.releaseAll();
  for (const one of run.ports) run.found(one.oracle.findings());
  for (const one of run.ports) one.oracle.begin(false);
  if (error instanceof NoSuchPointError) throw error;
  if (error !== undefined) return harnessError(run, port.nowMs() - began, error, exit);
  for (const one of run.ports) afterwards(one, run, seen);
  for (const one of run.ports) run.foundOfDevice(deviceLifeProblems(one));
  const reports = run.ports.flatMap(({ iut }) => iut.reports?.() ?? []);
  tellReports(run, reports);
  settleSilence(port, run, options);
  run.fileUnanswered();
  port.releaseAll();
  const judged = judgement(run, port.nowMs() - began, exit ?? exitOf(run), options.needsRings === true);
  return reports.length === 0 ? judged : { ...judged, wasReported: true };
}

/** How an IUT of the case ended, if one did. */
function exitOf(run: CaseRun): IutExit | undefined {
  for (const { iut } of run.ports) {
    const exit = iut.exit();
    if (exit !== undefined) return exit;
  }
  return undefined;
}

/** Liveness after the case: what no longer serves is the case's doing, unless it told of the end itself. */
function afterwards(port: DriverPort, run: CaseRun, traceEvent: number): void {
  if (hasCrash(run) || isServing(port)) return;
  const check = [...run.checks.values()].at(-1);
  if (check === undefined) return;
  const exit = port.iut.exit();
  const what = 'a new session after the case';
  check.isBesideText = true;
  // A silence ahead of the end is a part of it: which is told once, by what was owed.
  if (exit !== undefined && hasSilence(run)) return;
  if (exit !== undefined) check.fail('crash', what, 'it is served', `the process ended by ${exitText(exit)}`, exit);
  else if (!hasFailure(run)) check.silence(`${what} (event ${traceEvent})`, 'it is served', port.deadlineMs);
}

/** What a sanitizer said while the process went on is harm, whatever the case is about. */
function tellReports(run: CaseRun, reports: readonly SanitizerReport[]): void {
  const check = [...run.checks.values()].at(-1);
  if (check === undefined || reports.length === 0) return;
  const told = { how: 'wrong', what: 'what a sanitizer of the back-end says', expected: 'nothing' } as const;
  const ofReport = { besideText: true, reported: true, traceEvent: Math.max(0, run.port.log.next - 1) } as const;
  check.failures.push(...reports.map((report) => ({ ...told, actual: reportText(report), ...ofReport })));
}

function hasCrash(run: CaseRun): boolean {
  return [...run.checks.values()].some((check) => check.failures.some(({ how }) => how === 'crash'));
}

function hasFailure(run: CaseRun): boolean {
  return [...run.checks.values()].some((check) => check.failures.length > 0);
}

function hasSilence(run: CaseRun): boolean {
  return [...run.checks.values()].some((check) => check.failures.some(({ silent }) => silent === true));
}

/** What the silences of the case were is known behind it. */
function settleSilence(port: DriverPort, run: CaseRun, options: JudgeOptions): void {
  const ended = run.ports.find(({ iut }) => iut.exit() !== undefined);
  const silences = new Silences(ended ?? port, options);
  const silent = [...run.checks.values()].flatMap((check) =>
    check.failures.flatMap((failure, at) => (failure.silent === true ? [{ check, failure, at }] : [])),
  );
  silent.sort((one, other) => one.failure.traceEvent - other.failure.traceEvent);
  for (const { check, failure, at } of silent) {
    const settled = silences.settle(failure);
    if (settled.kind === 'inconclusive') check.inconclusive(settled.why);
    else check.failures[at] = settled.failure;
  }
  for (const check of run.checks.values()) if (check.inconclusiveWhy !== undefined) removeSilent(check);
}

function removeSilent(check: Check): void {
  const kept = check.failures.filter((failure) => failure.silent === undefined);
  check.failures.splice(0, check.failures.length, ...kept);
}

function judgement(run: CaseRun, durationMs: number, exit: IutExit | undefined, needsRings: boolean): Judgement {
  const checks = [...run.checks.values(), ...run.watched.values()];
  const ended = checks.some((check) => check.failures.length > 0 || check.inconclusiveWhy !== undefined);
  const outcomes = checks.map((check) => outcomeOf(check, ended, run.sweep));
  const findings = checks.flatMap((check) => findingsOf(check, run));
  const unmade = needsRings && run.lacksRing && outcomes.every(({ outcome }) => outcome === 'pass');
  const unchecked = outcomes.filter(({ outcome }) => outcome === 'error').map(({ requirement }) => requirement);
  return {
    verdict: unmade ? 'error' : worstOutcome(outcomes.map(({ outcome }) => outcome)),
    accepted: namesIn(run.accepted, run.port.facts),
    outcomes,
    findings,
    ...(run.sweep === undefined ? {} : { points: pointsOf(run.sweep) }),
    ...(run.sweep?.restarted === undefined ? {} : { restarted: run.sweep.restarted }),
    ...(run.sweep?.crashRepeated === undefined ? {} : { crashRepeated: true }),
    durationMs,
    ...(unchecked.length > 0 ? { error: `declared but never checked: ${unchecked.join(', ')}` } : {}),
    ...(unmade ? { error: "it makes no ring: say ring: 'none' in applies" } : {}),
    ...(exit === undefined ? {} : { died: exit }),
  };
}

function pointsOf({ count, failed, unstable, left }: SweepResult): NonNullable<Judgement['points']> {
  return {
    count,
    failed,
    ...(unstable === undefined ? {} : { unstable: [...unstable] }),
    ...(left === undefined ? {} : { left: [...left.points] }),
  };
}

/** What is to be said of a sweep that failed. */
function remarkOn({ left, unstable = [] }: SweepResult): string {
  const some = unstable.map(({ key, failed, of }) => `${key} fails in ${failed} of ${of} runs`);
  return [...(left === undefined ? [] : [`${left.points.length} points were not run ${left.why}`]), ...some].join('; ');
}

function outcomeOf(check: Check, ended: boolean, sweep: SweepResult | undefined): RequirementOutcome {
  const base = { requirement: check.requirement, checks: check.evaluated };
  const branches = check.branches.size > 0 ? { branches: [...check.branches].sort() } : {};
  if (check.failures.length > 0) {
    const remark = sweep === undefined ? '' : remarkOn(sweep);
    const why = remark === '' ? {} : { why: remark };
    const about = check.about.size > 0 ? { about: [...check.about] } : {};
    return { ...base, outcome: 'fail', ...branches, ...why, ...about };
  }
  if (check.inconclusiveWhy !== undefined) return { ...base, outcome: 'inconclusive', why: check.inconclusiveWhy };
  if (check.evaluated > 0) return { ...base, outcome: 'pass', ...branches };
  if (ended) return { ...base, outcome: 'not-run', why: 'the case ended before it, at another failure' };
  return { ...base, outcome: 'error' };
}

/** One finding for each requirement and way of failing: the first failure speaks for the others and for all points. */
function findingsOf(check: Check, run: CaseRun): JudgedFinding[] {
  const kinds = new Map<string, Failure>();
  for (const failure of check.failures) if (!kinds.has(failure.how)) kinds.set(failure.how, failure);
  return [...kinds.values()].map((failure) => {
    const { exit, silent: _, point: __, ...rest } = failure;
    const alike = check.failures.filter(({ how }) => how === failure.how).flatMap(({ point }) => point ?? []);
    const failed = alike.length > 0 ? [...new Set(alike)] : (run.sweep?.failed ?? []);
    const points = failed.length === 0 ? {} : { points: failed };
    return { requirement: check.requirement, ...rest, ...points, ...(exit === undefined ? {} : crashOf(exit)) };
  });
}

function crashOf({ stderr = '', ...exit }: IutExit): Pick<JudgedFinding, 'exit' | 'stderr'> {
  return { exit, stderr };
}

function notServed(definition: AnyCase, axes: Axes, durationMs: number): Judgement {
  const outcomes = reportedRequirements(definition, axes).map(
    (requirement): RequirementOutcome => ({
      requirement,
      outcome: 'not-run',
      checks: 0,
      why: 'the target did not answer before the case',
    }),
  );
  return { verdict: 'not-run', outcomes, findings: [], durationMs, isUnserved: true };
}

function harnessError(run: CaseRun, durationMs: number, error: unknown, exit: IutExit | undefined): Judgement {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const outcomes = [...run.checks.values()].map(
    ({ requirement }): RequirementOutcome => ({ requirement, outcome: 'error', checks: 0 }),
  );
  return {
    verdict: 'error',
    outcomes,
    findings: [],
    durationMs,
    error: text,
    ...(exit === undefined ? {} : { died: exit }),
  };
}
