import { verdictSignature } from '../../reports/case-verdicts.ts';
import type { CaseRecord } from '../../reports/record/record.ts';

/** The results of one run. */
export interface NamedRun {
  /** As "2, beside a load". */
  readonly name: string;
  readonly results: readonly CaseRecord[];
}

/** A result that is not the same in all runs. */
export interface DifferingResult {
  readonly target: string;
  readonly key: string;
  /** Each thing that was seen, with the runs that saw it. */
  readonly seen: readonly { readonly what: string; readonly runs: readonly string[] }[];
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
    const groups = new Map<string, { what: string; runs: string[] }>();
    for (const run of byRun) {
      const record = run.results.get(name);
      const signature = record === undefined ? missing : signatureOf(record);
      const group = groups.get(signature) ?? { what: record === undefined ? missing : wordsOf(record), runs: [] };
      group.runs.push(run.name);
      groups.set(signature, group);
    }
    return groups.size > 1 ? [{ target: first.target, key: first.key, seen: [...groups.values()] }] : [];
  });
}

const nameOf = ({ target, key }: CaseRecord): string => JSON.stringify([target, key]);

const signatureOf = (record: CaseRecord): string =>
  JSON.stringify([verdictSignature(record), [...(record.points?.failed ?? [])].sort()]);

function wordsOf({ verdict, findings, points }: CaseRecord): string {
  const found = [...new Set(findings.map(({ requirement, how }) => `${requirement}: ${how}`))];
  const failed = points?.failed ?? [];
  return [
    verdict,
    ...(found.length === 0 ? [] : [`(${found.join(', ')})`]),
    ...(failed.length === 0 ? [] : [`at ${failed.join(', ')}`]),
  ].join(' ');
}

/** The lines that tell of a differing result, without their ends. */
export function linesOf({ target, key, seen }: DifferingResult): string[] {
  return [
    `not ok ${target} ${key}`,
    ...seen.map(({ what, runs }) => `    ${what}: ${runs.length === 1 ? 'run' : 'runs'} ${runs.join('; ')}`),
  ];
}
