import { witnessProblems } from '../reference-impl/catalogue/coverage.ts';
import { mergeRuns } from '../reports/merge-runs.ts';
import { allCases } from '../suites/all-cases.ts';
import { citedRequirements } from '../suites/axes.ts';
import { readWitnesses, withWitnessesOf, writeWitnesses } from './witness-list.ts';

/** `npm run witnesses -- DIR...`: what other implementations passed in these runs, entered in the list of witnesses. */
function main(directories: readonly string[]): number {
  let list = readWitnesses();
  for (const directory of directories) list = withWitnessesOf(mergeRuns([directory]), list);
  writeWitnesses(list);
  const cited = new Set(allCases.flatMap(citedRequirements));
  const problems = witnessProblems(cited, new Set(Object.values(list).flat()));
  for (const { requirement, problem } of problems) process.stdout.write(`${requirement.slug}: ${problem}\n`);
  for (const [target, slugs] of Object.entries(list)) process.stdout.write(`${target}: ${slugs.length} requirements\n`);
  return problems.length === 0 ? 0 : 1;
}

process.exitCode = main(process.argv.slice(2));
