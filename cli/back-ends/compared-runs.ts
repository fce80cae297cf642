import type { FindingReading } from '../../fixtures/back-ends/readings.ts';
import { type DifferingResult, differingResults, wordsOf } from '../../reports/differing-results.ts';
import type { CaseRecord, Finding, Outcome } from '../../reports/record/record.ts';

/** One finding of a back-end, as a reader checks it against the text. */
export interface FoundOnce {
  readonly requirement: string;
  readonly level: Finding['level'];
  readonly basis: string;
  readonly apart: Finding['apart'];
  readonly how: Finding['how'];
  readonly what: string;
  readonly expected: string;
  readonly actual: string;
  /** Keys of the results that show it. */
  readonly keys: readonly string[];
  /** What a reader made of it; undefined where none has read it. */
  readonly reading: FindingReading | undefined;
}

type Reader = (found: Pick<FoundOnce, 'requirement' | 'how'>) => FindingReading | undefined;

/** What came of repeating a result that differed: each thing that was seen, and how often. */
export interface Rate {
  readonly what: string;
  readonly times: number;
}

/** A result that differed between the runs, and all that is known of it once it was repeated. */
export interface RepeatedResult {
  readonly key: string;
  readonly rates: readonly Rate[];
  /** It comes out now one way, now another, by itself; else the runs differed and its repetitions do not. */
  readonly isUnstable: boolean;
}

/** Of points that are chance only that there are some counts. */
const withoutPoints = (what: string): string => what.replace(/ (at|unstable:) .*$/s, '');

/** Of a result that differed, the rates over both runs and its repetitions. Pure. */
export function ratesOf({ key, seen }: DifferingResult, repetitions: readonly CaseRecord[]): RepeatedResult {
  const target = repetitions[0]?.target ?? '';
  const alone = repetitions.map((record, n) => ({
    name: `${n}`,
    results: [{ ...record, target, key, repetition: 0 }],
  }));
  const [differing] = differingResults(alone);
  const rates = new Map<string, number>();
  const count = (what: string, times: number): void => {
    rates.set(what, (rates.get(what) ?? 0) + times);
  };
  for (const { what, runs } of seen) count(withoutPoints(what), runs.length);
  for (const record of repetitions) count(withoutPoints(wordsOf(record)), 1);
  const hasChance = repetitions.some(({ points }) => (points?.unstable ?? []).length > 0);
  return {
    key,
    rates: [...rates].map(([what, times]) => ({ what, times })).sort((a, b) => b.times - a.times),
    isUnstable: differing !== undefined || hasChance,
  };
}

/** What two runs of one back-end said. */
export interface ComparedRuns {
  /** Results of the first run by verdict. */
  readonly counts: Readonly<Partial<Record<Outcome, number>>>;
  /** Results that the runs 1 and 2 tell differently, or that one of them lacks. */
  readonly flickers: readonly DifferingResult[];
  readonly findings: readonly FoundOnce[];
  /** Why results are not applicable, not run or inconclusive: how many for each reason, most first. */
  readonly reasons: readonly { readonly outcome: Outcome; readonly why: string; readonly results: number }[];
}

/** Compares two runs of one back-end by key, and gathers what they found. Pure. */
export function comparedRuns(
  first: readonly CaseRecord[],
  second: readonly CaseRecord[],
  readingOf: Reader = () => undefined,
): ComparedRuns {
  const counts: Partial<Record<Outcome, number>> = {};
  for (const { verdict } of first) counts[verdict] = (counts[verdict] ?? 0) + 1;
  const flickers = differingResults([
    { name: '1', results: first },
    { name: '2', results: second },
  ]);
  return { counts, flickers, findings: findingsOf([...first, ...second], readingOf), reasons: reasonsOf(first) };
}

function findingsOf(records: readonly CaseRecord[], readingOf: Reader): FoundOnce[] {
  const found = new Map<string, FoundOnce>();
  for (const { key, findings } of records) {
    for (const one of findings) {
      const name = `${one.requirement} ${one.how}`;
      const known = found.get(name);
      if (known !== undefined) found.set(name, { ...known, keys: [...new Set([...known.keys, key])] });
      else found.set(name, foundOnce(one, key, readingOf));
    }
  }
  return [...found.values()].sort((a, b) => a.requirement.localeCompare(b.requirement));
}

function foundOnce(finding: Finding, key: string, readingOf: Reader): FoundOnce {
  const { requirement, level, basis, apart, how, what, expected, actual } = finding;
  const reading = readingOf(finding);
  return { requirement, level, basis, apart, how, what, expected, actual, keys: [key], reading };
}

function reasonsOf(records: readonly CaseRecord[]): ComparedRuns['reasons'] {
  const reasons = new Map<string, { outcome: Outcome; why: string; results: number }>();
  for (const { verdict, outcomes } of records) {
    if (verdict === 'pass' || verdict === 'fail') continue;
    const { why = '', elsewhere } = outcomes.find(({ outcome }) => outcome === verdict) ?? {};
    if (elsewhere !== undefined) continue;
    const name = `${verdict} ${why}`;
    reasons.set(name, { outcome: verdict, why, results: (reasons.get(name)?.results ?? 0) + 1 });
  }
  return [...reasons.values()].sort((a, b) => b.results - a.results);
}
