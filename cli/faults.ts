import { type ChildProcess, spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { allCases } from '../suites/all-cases.ts';
import {
  anyFaultNames,
  catchesOf,
  type FaultCatch,
  isAnyFaultName,
  problemsOf,
  problemsWithoutFault,
} from './fault-catches.ts';
import { didYouMean } from './near-matches.ts';

/** Given to the processes that share the work: they print a row a line and judge nothing. */
const rowsOption = '--rows';

/**
 * `npm run faults [-- --json] [FAULT...]`: every fault of the reference against every case, in process.
 * Exit 1 when a fault is not caught by a case that names it, or breaks more than a tenth of the others.
 */
async function main(words: readonly string[]): Promise<number> {
  const isJson = words.includes('--json');
  const wanted = words.filter((word) => !word.startsWith('--'));
  const unknown = wanted.find((name) => !isAnyFaultName(name));
  if (unknown !== undefined) {
    process.stderr.write(`faults: ${unknown}: no such fault${didYouMean(unknown, anyFaultNames)}\n`);
    return 2;
  }
  const names = anyFaultNames.filter((name) => wanted.length === 0 || wanted.includes(name));
  if (words.includes(rowsOption)) {
    for (const name of names) process.stdout.write(`${JSON.stringify(catchesOf(name, allCases))}\n`);
    return 0;
  }
  const problems = problemsWithoutFault(allCases);
  const rows = await rowsOf(names);
  for (const row of rows) problems.push(...problemsOf(row));
  if (isJson) {
    const listed = rows.map(({ others: _, ...row }) => row);
    process.stdout.write(`${JSON.stringify(listed, undefined, 2)}\n`);
  } else {
    for (const row of rows) {
      const mark = problemsOf(row).length === 0 ? 'ok' : 'not ok';
      process.stdout.write(
        `${mark} ${row.fault}: caught by ${row.caughtBy.length}, also failed ${row.alsoFailed.length}\n`,
      );
    }
  }
  for (const line of problems) process.stderr.write(`${line}\n`);
  process.stderr.write(`${rows.length} faults, ${allCases.length} cases, ${problems.length} problems\n`);
  return problems.length === 0 ? 0 : 1;
}

/** The rows of all names in their order, from as many processes as there are processors. */
async function rowsOf(names: readonly string[]): Promise<FaultCatch[]> {
  const share = Math.min(availableParallelism(), names.length);
  const parts = Array.from({ length: share }, (_, part) => names.filter((_, place) => place % share === part));
  const rows = (await Promise.all(parts.map(partOfRows))).flat();
  return rows.sort((a, b) => names.indexOf(a.fault) - names.indexOf(b.fault));
}

async function partOfRows(names: readonly string[]): Promise<FaultCatch[]> {
  const child = spawn(
    process.execPath,
    ['--enable-source-maps', fileURLToPath(import.meta.url), rowsOption, ...names],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const end = (): void => {
    child.kill('SIGKILL');
  };
  process.on('exit', end);
  const text = await outputOf(child);
  process.off('exit', end);
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as FaultCatch);
}

function outputOf(child: ChildProcess): Promise<string> {
  let text = '';
  child.stdout?.setEncoding('utf8');
  child.stdout?.on('data', (more: string) => {
    text += more;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve(text);
      else reject(new Error(`a process that tries faults ended by ${signal ?? `exit code ${code}`}`));
    });
  });
}

for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => process.exit(2));
process.exitCode = await main(process.argv.slice(2));
