import { faultNames } from '../reference-impl/faults/faults.ts';
import { allCases } from '../suites/all-cases.ts';
import { catchesOf, problemsOf, problemsWithoutFault } from './fault-catches.ts';
import { didYouMean } from './near-matches.ts';

/**
 * `npm run faults [-- --json] [FAULT...]`: every fault of the reference against every case, in process.
 * Exit 1 when a fault is not caught by a case that names it, or breaks more than a tenth of the others.
 */
function main(words: readonly string[]): number {
  const isJson = words.includes('--json');
  const wanted = words.filter((word) => !word.startsWith('--'));
  for (const name of wanted) {
    if ((faultNames as readonly string[]).includes(name)) continue;
    process.stderr.write(`faults: ${name}: no such fault${didYouMean(name, faultNames)}\n`);
    return 2;
  }
  const problems = problemsWithoutFault(allCases);
  const names = faultNames.filter((name) => wanted.length === 0 || wanted.includes(name));
  const rows = names.map((name) => {
    const row = catchesOf(name, allCases);
    const found = problemsOf(row);
    problems.push(...found);
    if (!isJson)
      process.stdout.write(`${found.length === 0 ? 'ok' : 'not ok'} ${name}: caught by ${row.caughtBy.length}\n`);
    return row;
  });
  if (isJson) {
    const listed = rows.map(({ others: _, ...row }) => row);
    process.stdout.write(`${JSON.stringify(listed, undefined, 2)}\n`);
  }
  for (const line of problems) process.stderr.write(`${line}\n`);
  process.stderr.write(`${rows.length} faults, ${problems.length} problems\n`);
  return problems.length === 0 ? 0 : 1;
}

process.exitCode = main(process.argv.slice(2));
