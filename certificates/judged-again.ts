import { featureSetOf, isFeatureName, isRequirementSlug } from '../reference-impl/catalogue/catalogue.ts';
import { judgedTrace } from '../reference-impl/oracle/traced/judged-trace.ts';
import { ringsToldIn, type TracedDevice, tracedTransports } from '../reference-impl/oracle/traced/traced-devices.ts';
import type { MergedRun } from '../reports/merge-runs.ts';
import type { CaseRecord, TargetRecord } from '../reports/record/record.ts';
import type { Trace } from '../reports/trace/trace.ts';
import { decodeTrace } from '../reports/trace/trace-encoding.ts';
import { tracePath } from '../reports/trace/trace-file.ts';
import type { ArchiveFiles } from './archive.ts';
import { runFolder } from './bundle.ts';
import { CertificateError } from './certificate-error.ts';
import type { SuitePlan } from './run-problems.ts';

/** What the oracle says of the traces of a bundle. */
export interface JudgedAgain {
  /** Results that passed, and how many of their traces are whole: the others lack what did not fit. */
  readonly passes: number;
  readonly wholeTraces: number;
  /** By target: requirements of which a trace shows by itself that they were kept where a result says so. */
  readonly shown: ReadonlyMap<string, ReadonlySet<string>>;
  /** Traces that are missing, that are others than their results say, or that show what a result denies. */
  readonly problems: readonly string[];
}

const mostProblems = 20;

/** Judges the traces of all results again. */
export function judgedAgain(run: MergedRun, files: ArchiveFiles, plan: SuitePlan): JudgedAgain {
  const watched = new Map(plan.map(({ caseId, isWatched }) => [caseId, isWatched]));
  const devices = new Map(run.targets.map((target) => [target.target, deviceIn(run, files, target)]));
  const shown = new Map<string, Set<string>>();
  const problems: string[] = [];
  const seen = new Set<string>();
  let passes = 0;
  let wholeTraces = 0;
  for (const { record } of run.results) {
    if (record.verdict === 'pass') passes++;
    const trace = traceOf(record, files, seen);
    if (typeof trace === 'string') problems.push(trace);
    if (typeof trace !== 'object' || trace.dropped > 0) continue;
    if (record.verdict === 'pass') wholeTraces++;
    const isInOrder = record.accepted?.includes('VIRTIO_F_IN_ORDER') === true;
    const judgesRings = watched.get(record.caseId) === true && !isInOrder;
    const device = devices.get(record.target);
    const found = judgedTrace(trace.events, { judgesRings, ...(device === undefined ? {} : { device }) });
    const ofTarget = shown.get(record.target) ?? new Set();
    shown.set(record.target, ofTarget);
    for (const requirement of found.requirements) {
      const sightings = found.of(requirement);
      const [breach] = sightings?.breaches ?? [];
      if (breach === undefined) {
        if (says(record, requirement, 'pass')) ofTarget.add(requirement);
      } else if (!isFound(record, requirement)) {
        const { what, expected, actual } = breach;
        problems.push(
          `${record.key}: its trace shows ${requirement} broken (${what}: ${actual} in place of ${expected})`,
        );
      }
    }
  }
  const strange = [...files.keys()].find((name) => name.startsWith(`${runFolder}traces/`) && !seen.has(name));
  if (strange !== undefined) problems.push(`${strange}: no result has this trace`);
  return { passes, wholeTraces, shown, problems: problems.slice(0, mostProblems) };
}

/** A device as its record has it, with the number of rings that it tells in any trace. */
function deviceIn(run: MergedRun, files: ArchiveFiles, target: TargetRecord): TracedDevice | undefined {
  const device = deviceOf(target);
  if (device === undefined) return undefined;
  for (const { record } of run.results) {
    const content = record.target === target.target ? files.get(`${runFolder}${record.trace}`) : undefined;
    const rings = content === undefined ? undefined : ringsToldIn(decodedTrace(record, content).events);
    if (rings !== undefined) return { ...device, rings };
  }
  return device;
}

function deviceOf({ device, transport: told, offered }: TargetRecord): TracedDevice | undefined {
  const transport = tracedTransports.find((one) => one === told);
  if (transport === undefined) return undefined;
  return { device, offered: featureSetOf(offered.filter(isFeatureName), { device, transport }).device };
}

/** The trace of a result, or what is wrong with it; undefined for a result that ran nothing. */
function traceOf(record: CaseRecord, files: ArchiveFiles, seen: Set<string>): Trace | string | undefined {
  const { key, target, repetition, verdict, trace: path } = record;
  const name = nameOf(record);
  if (path === undefined) return verdict === 'pass' || verdict === 'fail' ? `${name}: has no trace` : undefined;
  if (path !== tracePath(record)) return `${name}: names a trace that is not its own`;
  const content = files.get(`${runFolder}${path}`);
  if (content === undefined) return `${name}: its trace is missing`;
  seen.add(`${runFolder}${path}`);
  const trace = decodedTrace(record, content);
  const isOwn = trace.key === key && trace.target === target && trace.repetition === repetition;
  return isOwn ? trace : `${name}: its trace is that of another result`;
}

/** @throws CertificateError for what is no trace. */
function decodedTrace(record: CaseRecord, content: Buffer): Trace {
  try {
    return decodeTrace(content);
  } catch (cause) {
    throw new CertificateError(`${nameOf(record)}: its trace cannot be read`, { cause });
  }
}

const nameOf = ({ key, repetition }: CaseRecord): string => `${key} (repetition ${repetition + 1})`;

const says = ({ outcomes }: CaseRecord, requirement: string, outcome: string): boolean =>
  outcomes.some((one) => one.requirement === requirement && one.outcome === outcome);

/** Whether the result says itself that the requirement is broken. */
const isFound = (record: CaseRecord, requirement: string): boolean =>
  !isRequirementSlug(requirement) ||
  says(record, requirement, 'fail') ||
  record.findings.some((finding) => finding.requirement === requirement);
