import { type ChildProcess, spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { didYouMean } from '../drivers/near-matches.ts';
import { type FaultName, faultNames, isFaultName } from '../reference-impl/faults/faults.ts';
import { allCases } from '../suites/all-cases.ts';
import { counted } from './counted.ts';
import { placeText, problemsOf, problemsOfFault, problemsOfLayouts, problemsWithoutFault } from './fault-problems.ts';
import { type FaultRow, rowsOf } from './fault-rows.ts';

const usage = `usage: npm run faults -- [--json] [FAULT...]

Runs the cases in process on the reference with each fault, or with those that are named, and prints a line for each
place of a fault: a transport that shows it and, for faults of rings and devices, a ring layout. In the first place
that shows a fault the cases that cite its requirement run, and of all others the first variant with few points of
its sweeps: that is the sample for "also failed". In the other places only the cases run that name the fault.

  --json   print [{fault, layer, transport, layout?, requirement, expectedBy, caughtBy, alsoFailed, others, notShown?}]
           instead; "notShown" says why nothing was tried there, "others" is the size of the sample
  --help   print this

Exit status: 0 if every fault is caught by each case that names it and fails at most a tenth of the sample; else 1;
2 for wrong usage.
`;

/** Given to the processes that share the work: they print the rows of a fault a line and judge nothing. */
const rowsOption = '--rows';

async function main(words: readonly string[]): Promise<number> {
  if (words.includes('--help') || words.includes('-h')) {
    process.stdout.write(usage);
    return 0;
  }
  const options = words.filter((word) => word.startsWith('-'));
  const unknownOption = options.find((word) => word !== '--json' && word !== rowsOption);
  if (unknownOption !== undefined) {
    process.stderr.write(
      `faults: ${unknownOption}: no such option${didYouMean(unknownOption, ['--json', '--help'])}\n`,
    );
    return 2;
  }
  const wanted = words.filter((word) => !word.startsWith('-'));
  const unknown = wanted.find((name) => !isFaultName(name));
  if (unknown !== undefined) {
    process.stderr.write(`faults: ${unknown}: no such fault${didYouMean(unknown, faultNames)}\n`);
    return 2;
  }
  const names = faultNames.filter((name) => wanted.length === 0 || wanted.includes(name));
  if (words.includes(rowsOption)) {
    for (const name of names) process.stdout.write(`${JSON.stringify(rowsOf(name, allCases))}\n`);
    return 0;
  }
  process.stderr.write(`${counted(allCases.length, 'case')} without a fault, then ${counted(names.length, 'fault')}\n`);
  const problems = [...problemsOfLayouts(allCases), ...problemsWithoutFault(allCases)];
  const rows = await sharedRows(names, progressIn(names.length));
  for (const row of rows) problems.push(...problemsOf(row));
  for (const name of names) {
    problems.push(
      ...problemsOfFault(
        name,
        rows.filter(({ fault }) => fault === name),
        allCases,
      ),
    );
  }
  if (words.includes('--json')) process.stdout.write(`${JSON.stringify(rows, undefined, 2)}\n`);
  else for (const row of rows) process.stdout.write(`${lineOf(row)}\n`);
  for (const line of problems) process.stderr.write(`${line}\n`);
  const counts = [counted(names.length, 'fault'), counted(rows.length, 'row'), counted(allCases.length, 'case')];
  process.stderr.write(`${counts.join(', ')}, ${counted(problems.length, 'problem')}\n`);
  return problems.length === 0 ? 0 : 1;
}

function lineOf(row: FaultRow): string {
  if (row.notShown !== undefined) return `- ${placeText(row)}: not tried: ${row.notShown}`;
  const mark = problemsOf(row).length === 0 ? 'ok' : 'not ok';
  const failed = row.others === 0 ? '' : `, also failed ${row.alsoFailed.length} of ${row.others}`;
  return `${mark} ${placeText(row)}: caught by ${row.caughtBy.length}${failed}`;
}

/** The rows of all names in their order, from as many processes as there are processors. */
async function sharedRows(names: readonly FaultName[], tried: (count: number) => void): Promise<FaultRow[]> {
  const share = Math.min(availableParallelism(), names.length);
  const parts = Array.from({ length: share }, (_, part) => names.filter((_, place) => place % share === part));
  const rows = (await Promise.all(parts.map((part) => partOfRows(part, tried)))).flat();
  return rows.sort((a, b) => names.indexOf(a.fault) - names.indexOf(b.fault));
}

async function partOfRows(names: readonly FaultName[], tried: (count: number) => void): Promise<FaultRow[]> {
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
    .flatMap((line) => JSON.parse(line) as FaultRow[]);
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
