import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { CaseRecord } from '../../reports/record/record.ts';

const fileOf = (name: string): string =>
  fileURLToPath(new URL(`../../../fixtures/front-ends/verdicts/${name}.txt`, import.meta.url));

/** A line for each requirement whose situation was seen: target, verdict, requirement. */
export const verdictLines = (results: readonly CaseRecord[]): string[] =>
  results
    .filter(({ verdict }) => verdict !== 'not-applicable')
    .map(({ target, verdict, caseId }) => `${target} ${verdict} ${caseId.replace(/^observe\//, '')}`)
    .sort();

export function keepVerdicts(name: string, lines: readonly string[]): void {
  writeFileSync(fileOf(name), `${lines.join('\n')}\n`);
}

/** What differs from the verdicts that are kept: a line for each, those that are missing with `-`. */
export function differencesFromKept(name: string, lines: readonly string[]): string[] {
  const path = fileOf(name);
  if (!existsSync(path)) return [`no verdicts of ${name} are kept`];
  const kept = readFileSync(path, 'utf8').trim().split('\n');
  return [
    ...kept.filter((line) => !lines.includes(line)).map((line) => `- ${line}`),
    ...lines.filter((line) => !kept.includes(line)).map((line) => `+ ${line}`),
  ];
}
