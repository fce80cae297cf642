import { type ChildProcess, spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { didYouMean } from '../drivers/near-matches.ts';
import { allCases } from '../suites/all-cases.ts';
import { counted } from './counted.ts';
import {
  anyFaultNames,
  catchesOf,
  type FaultCatch,
  isAnyFaultName,
  problemsOf,
  problemsWithoutFault,
} from './fault-catches.ts';

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
  process.stderr.write(`${counted(allCases.length, 'case')} without a fault, then ${counted(names.length, 'fault')}\n`);
  const problems = problemsWithoutFault(allCases);
  const rows = await rowsOf(names, progressIn(names.length));
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
  process.stderr.write(
    `${counted(rows.length, 'fault')}, ${counted(allCases.length, 'case')}, ${counted(problems.length, 'problem')}\n`,
  );
  return problems.length === 0 ? 0 : 1;
}

/** The rows of all names in their order, from as many processes as there are processors. */
async function rowsOf(names: readonly string[], tried: (count: number) => void): Promise<FaultCatch[]> {
  const share = Math.min(availableParallelism(), names.length);
  const parts = Array.from({ length: share }, (_, part) => names.filter((_, place) => place % share === part));
  const rows = (await Promise.all(parts.map((part) => partOfRows(part, tried)))).flat();
  return rows.sort((a, b) => names.indexOf(a.fault) - names.indexOf(b.fault));
}

async function partOfRows(names: readonly string[], tried: (count: number) => void): Promise<FaultCatch[]> {
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
  const text = await outputOf(child, tried);
  process.off('exit', end);
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as FaultCatch);
}

/** Says how far the work is, at each tenth of it. */
function progressIn(total: number): (count: number) => void {
  let done = 0;
  return (count) => {
    const saidTenth = Math.floor((done / total) * 10);
    done += count;
    if (Math.floor((done / total) * 10) > saidTenth) process.stderr.write(`${done}/${total} faults tried\n`);
  };
}

function outputOf(child: ChildProcess, tried: (count: number) => void): Promise<string> {
  let text = '';
  child.stdout?.setEncoding('utf8');
  child.stdout?.on('data', (more: string) => {
    text += more;
    tried(more.split('\n').length - 1);
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
