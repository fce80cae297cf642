import { verdictSignature } from './case-verdicts.ts';
import type { CaseRecord } from './record/record.ts';

/** The results of one run. */
export interface NamedRun {
  /** As "2, beside a load". */
  readonly name: string;
  readonly results: readonly CaseRecord[];
}

/** One thing that was seen of a result. */
export interface Sighting {
  readonly what: string;
  /** These runs have no such result. */
  readonly isMissing: boolean;
  readonly runs: readonly string[];
}

/** A result that is not the same in all runs. */
export interface DifferingResult {
  readonly target: string;
  readonly key: string;
  /** Each thing that was seen, with the runs that saw it. */
  readonly seen: readonly Sighting[];
}

const missing = 'no result';

/** Results that differ between runs of the same targets, or that some runs lack, in the order in which they first occur. */
export function differingResults(runs: readonly NamedRun[]): DifferingResult[] {
  const byRun = runs.map(({ name, results }) => ({
    name,
    results: new Map(results.map((record) => [nameOf(record), record])),
  }));
  const names = [...new Set(byRun.flatMap(({ results }) => [...results.keys()]))];
  return names.flatMap((name) => {
    const first = byRun.map(({ results }) => results.get(name)).find((record) => record !== undefined);
    if (first === undefined) return [];
    const groups = new Map<string, { what: string; isMissing: boolean; runs: string[] }>();
    const chance = chanceIn(byRun.flatMap(({ results }) => results.get(name) ?? []));
    for (const run of byRun) {
      const record = run.results.get(name);
      const signature = record === undefined ? missing : signatureOf(record, chance);
      const group = groups.get(signature) ?? {
        what: record === undefined ? missing : wordsOf(record),
        isMissing: record === undefined,
        runs: [],
      };
      group.runs.push(run.name);
      groups.set(signature, group);
    }
    return groups.size > 1 ? [{ target: first.target, key: first.key, seen: [...groups.values()] }] : [];
  });
}

const nameOf = ({ target, key }: CaseRecord): string => JSON.stringify([target, key]);

/** Points that one of the runs found to be unstable, or did not come to. */
function chanceIn(records: readonly CaseRecord[]): ReadonlySet<string> {
  return new Set(
    records.flatMap(({ points }) => [...(points?.unstable ?? []).map(({ key }) => key), ...(points?.left ?? [])]),
  );
}

/** What is to be the same in all runs: nothing of points that are chance. */
function signatureOf(record: CaseRecord, chance: ReadonlySet<string>): string {
  const isKept = (point: string): boolean => !chance.has(point);
  const findings = record.findings.filter(({ points }) => points === undefined || points.some(isKept));
  const failed = (record.points?.failed ?? []).filter(isKept).sort();
  return JSON.stringify([verdictSignature({ ...record, findings }), failed]);
}

/** What a result came to, in a line. */
export function wordsOf({ verdict, findings, points }: CaseRecord): string {
  const found = [...new Set(findings.map(({ requirement, how }) => `${requirement}: ${how}`))];
  const failed = points?.failed ?? [];
  const unstable = (points?.unstable ?? []).map(({ key, failed: times, of }) => `${key} ${times}/${of}`);
  return [
    verdict,
    ...(found.length === 0 ? [] : [`(${found.join(', ')})`]),
    ...(failed.length === 0 ? [] : [`at ${failed.join(', ')}`]),
    ...(unstable.length === 0 ? [] : [`unstable: ${unstable.join(', ')}`]),
  ].join(' ');
}

/** The results of a run by their repetition. */
export function repetitionsOf(results: readonly CaseRecord[]): NamedRun[] {
  const runs = new Map<number, CaseRecord[]>();
  for (const record of results) {
    const run = runs.get(record.repetition);
    if (run === undefined) runs.set(record.repetition, [record]);
    else run.push(record);
  }
  return [...runs].sort(([a], [b]) => a - b).map(([number, own]) => ({ name: `${number + 1}`, results: own }));
}

/** What was seen of a differing result, a line for each, without their ends. */
export function sightingsOf({ seen }: DifferingResult, noun: string): string[] {
  return seen.map(({ what, runs }) => `${what}: ${noun}${runs.length === 1 ? '' : 's'} ${runs.join('; ')}`);
}
