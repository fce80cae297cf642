import { isBeyondText } from '../reference-impl/catalogue/catalogue.ts';
import { differingResults, repetitionsOf, sightingsOf } from '../reports/differing-results.ts';
import { type CaseRecord, type Finding, type Outcome, outcomes } from '../reports/record/record.ts';
import { authorityWords, isApart, standingOf } from '../reports/result-explanation.ts';
import { visibleText } from '../reports/visible-text.ts';
import { entrySightings } from '../suites/runner/entry-sightings.ts';
import { accordanceOf, type ExpectationRules } from '../suites/runner/expectations.ts';
import { counted } from './counted.ts';
import { isAllSeen, linesOfNotSeen } from './entries-not-seen.ts';

export interface RunSummary {
  readonly text: string;
  /** 0 all as expected, 1 findings, 2 our own failure. */
  readonly exitCode: number;
}

export interface RunRemains {
  /** What kept a target from being judged. */
  readonly problems: readonly string[];
  /** Why the rest of a target was not run: its findings say so. */
  readonly givenUp: readonly string[];
  /** Results that are owed and not there. */
  readonly missing: number;
  /** Paths of the reports. */
  readonly paths: readonly string[];
  /** The command that resumes the run. */
  readonly resume: string;
}

const mostShown = 20;

/** What is said at the end of a run: how many of what, the findings, where the report is. */
export function summaryOf(results: readonly CaseRecord[], rules: ExpectationRules, remains: RunRemains): RunSummary {
  const judged = results.map((record) => ({ record, accordance: accordanceOf(record, rules) }));
  const sightings = entrySightings(results, rules);
  const unexpected = judged.flatMap(({ record, accordance }) =>
    accordance.kind === 'unexpected' ? [{ record, why: accordance.why }] : [],
  );
  const expected = judged.filter(
    ({ accordance }) => accordance.kind === 'as-expected' && accordance.expectation !== undefined,
  );
  const listed = expected.filter(({ record }) => record.verdict === 'not-applicable').length;
  const known = expected.length - listed;
  const lines = ['', ...countLines(results), ...unexpectedLines(unexpected)];
  lines.push(...linesOfNotSeen(sightings), ...flickerLines(results));
  if (listed > 0)
    lines.push(
      '',
      listed === 1 ? '1 result does not apply, and is listed' : `${listed} results do not apply, all of them listed`,
    );
  const apart = results.filter((record) => standingOf(record) === 'apart').length;
  if (apart > 0) {
    lines.push(
      '',
      `${counted(apart, 'result')} against newest or later text only, not counted (--text newest counts them)`,
    );
  }
  if (known > 0) lines.push('', `Known deviations, as expected: ${known}`);
  const said = [...remains.problems, ...remains.givenUp];
  if (said.length > 0) lines.push('', ...said);
  if (remains.missing > 0) {
    const missing = remains.missing === 1 ? '1 result is missing' : `${remains.missing} results are missing`;
    lines.push('', `${missing}: ${remains.resume}`);
  }
  lines.push('', ...remains.paths.map((path) => `Report: ${path}`));
  return { text: lines.join('\n'), exitCode: exitCodeOf(unexpected, isAllSeen(sightings), remains) };
}

/** A run without repetitions has none: what is missing from a repetition is owed, and said elsewhere. */
function flickerLines(results: readonly CaseRecord[]): string[] {
  const differing = differingResults(repetitionsOf(results)).filter(({ seen }) =>
    seen.every(({ isMissing }) => !isMissing),
  );
  if (differing.length === 0) return [];
  const lines = ['', `Flicker: ${counted(differing.length, 'result')} not the same in every repetition.`];
  lines.push('That is a defect of this suite, or a race of the target that the case does not decide.');
  for (const one of differing.slice(0, mostShown)) {
    lines.push('', `  ${visibleText(`${one.target}: ${one.key}`)}`);
    lines.push(...sightingsOf(one, 'repetition').map((line) => `    ${visibleText(line)}`));
  }
  if (differing.length > mostShown) lines.push('', `  and ${differing.length - mostShown} more, in the report`);
  return lines;
}

interface Unexpected {
  readonly record: CaseRecord;
  readonly why: string;
}

function exitCodeOf(
  unexpected: readonly Unexpected[],
  isAllExpectedSeen: boolean,
  { problems, missing }: RunRemains,
): number {
  if (unexpected.some(({ record }) => record.verdict === 'error')) return 2;
  // What was not judged is a failure of the run, also beside findings.
  if (problems.length > 0 || missing > 0) return 2;
  return unexpected.length > 0 || !isAllExpectedSeen ? 1 : 0;
}

/** `reference: 151 results: 51 not-applicable (51 of another device), 100 pass`, a line for each target. */
function countLines(results: readonly CaseRecord[]): string[] {
  const targets = [...new Set(results.map(({ target }) => target))];
  return targets.map((target) => {
    const own = results.filter((record) => record.target === target);
    return `${target}: ${counted(own.length, 'result')}: ${countsOf(own)}`;
  });
}

function countsOf(results: readonly CaseRecord[]): string {
  const count = (verdict: Outcome): number => results.filter((record) => record.verdict === verdict).length;
  return [...outcomes]
    .reverse()
    .filter((verdict) => count(verdict) > 0)
    .map((verdict) => `${count(verdict)} ${verdict}${verdict === 'not-applicable' ? elsewhereIn(results) : ''}`)
    .join(', ');
}

const absentAxes = [
  ['layout', 'without packed rings'],
  ['negotiation', 'without more to negotiate'],
] as const;

/** How many results are about something that the target is not, or on an axis that it does not have. */
function elsewhereIn(results: readonly CaseRecord[]): string {
  const told = (['transport', 'device'] as const).flatMap((what) => {
    const count = results.filter(
      ({ outcomes: all }) => all.length > 0 && all.every(({ elsewhere }) => elsewhere === what),
    ).length;
    return count === 0 ? [] : [`${count} of another ${what}`];
  });
  for (const [axis, words] of absentAxes) {
    const count = results.filter(({ outcomes: all }) => all.some(({ absentAxis }) => absentAxis === axis)).length;
    if (count > 0) told.push(`${count} ${words}`);
  }
  return told.length === 0 ? '' : ` (${told.join(', ')})`;
}

/** One entry for all variants and repetitions of a case that deviate in the same way, and for all that was given up. */
function unexpectedLines(unexpected: readonly Unexpected[]): string[] {
  if (unexpected.length === 0) return [];
  const groups = new Map<string, Unexpected[]>();
  for (const one of unexpected) {
    // All cases of a target are given up for one reason.
    const caseId = one.record.verdict === 'not-run' ? '' : one.record.caseId;
    const id = JSON.stringify([one.record.target, caseId, one.why]);
    groups.set(id, [...(groups.get(id) ?? []), one]);
  }
  const entries = [...groups.values()].sort((a, b) => urgencyOf(a) - urgencyOf(b));
  const lines = ['', `Not as expected (${unexpected.length}):`];
  for (const group of entries.slice(0, mostShown)) lines.push('', ...entryLines(group));
  if (entries.length > mostShown) lines.push('', `and ${entries.length - mostShown} more, in the report`);
  return lines;
}

/** Our own errors first, then what breaks the text, then what no text says. */
function urgencyOf([first]: readonly Unexpected[]): number {
  if (first === undefined || first.record.verdict === 'error') return 0;
  if (first.record.findings.some((one) => !isApart(one) && !isBeyondText(one.basis))) return 1;
  return first.record.verdict === 'fail' ? 2 : 3;
}

function entryLines(group: readonly Unexpected[]): string[] {
  const [first, ...others] = group;
  if (first === undefined) return [];
  const { record, why } = first;
  const more = others.length === 0 ? '' : ` and ${others.length} more like it`;
  const lines = [`  ${record.target}  ${record.key}${more}`];
  if (record.verdict === 'fail')
    for (const found of record.findings.filter((one) => !isApart(one)).slice(0, 3)) lines.push(...findingLines(found));
  else lines.push(`    ${visibleText(why)}`);
  return [...lines, `    ${record.rerun}`];
}

function findingLines(found: Finding): string[] {
  const { requirement, how, what, expected, actual } = found;
  return [
    `    ${requirement} (${authorityWords(found)}): ${how}: ${visibleText(what)}`,
    `      expected: ${opening(expected)}; got: ${opening(actual)}`,
  ];
}

/** The first line of a text, and how much more there is: a kernel's log belongs into the report. */
function opening(text: string): string {
  const [first = '', ...others] = text.trimEnd().split('\n');
  if (others.length === 0) return visibleText(first);
  return `${visibleText(first)} (and ${counted(others.length, 'more line')}, in the report)`;
}
