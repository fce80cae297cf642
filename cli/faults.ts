import { type ChildProcess, spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { didYouMean } from '../drivers/near-matches.ts';
import { type FaultName, faultNames, isFaultName } from '../reference-impl/faults/faults.ts';
import { allCases } from '../suites/all-cases.ts';
import { counted } from './counted.ts';
import { endedByWords, isNoOptions, type NoOptions } from './development-command.ts';
import { placeText, problemsOf, problemsOfFault, problemsOfLayouts, problemsWithoutFault } from './fault-problems.ts';
import { type FaultRow, namesFault, rowsOf } from './fault-rows.ts';

const usage = `usage: npm run faults -- [--sample N] [--one-device] [--json] [FAULT...]

Runs the cases in process on the reference, without a fault and then with each fault, and prints a line for each place
of a fault: a transport that shows it and, for faults of rings and devices, a ring layout. In the first place that
shows a fault the cases that cite its requirement run, and of all others the first variant with few points of its
sweeps: that is what "also failed" counts. In the other places only the cases run that name the fault.

  FAULT       try these faults alone; without a fault, only the cases that name them run
  --sample N  of the cases that do not cite its requirement, run at most N for each fault, another choice for each;
              all of them for a fault that fails too many of those; of those that cite it, run those that name the fault
  --one-device
              run each case without a fault on one device of each transport, another for each case, and not on all
  --json      print [{fault, layer, transport, layout?, requirement, expectedBy, caughtBy, alsoFailed, others, notShown?}]
              instead; "notShown" says why nothing was tried there, "others" is how many others ran
  --help      print this

Exit status: 0 if every fault is caught by each case that names it and fails at most a tenth of the others, or a
quarter if it says why it breaks more; else 1; 2 for wrong usage.
`;

interface Options {
  readonly names: readonly FaultName[];
  readonly json: boolean;
  readonly most: number;
  readonly onOneDevice: boolean;
  /** Given to the processes that share the work: they print the rows of a fault a line and judge nothing. */
  readonly rows: boolean;
}

/** Reads the words of the command line; what is wrong with them, or 'help', instead. */
function optionsOf(words: readonly string[]): Options | NoOptions {
  const flag = { type: 'boolean' } as const;
  try {
    const { values, positionals } = parseArgs({
      args: [...words],
      allowPositionals: true,
      options: {
        sample: { type: 'string' },
        'one-device': flag,
        json: flag,
        rows: flag,
        help: { ...flag, short: 'h' },
      },
    });
    if (values.help === true) return 'help';
    const { sample } = values;
    if (sample !== undefined && !/^[1-9]\d{0,5}$/.test(sample)) {
      return { wrong: `--sample ${sample}: a number from 1 is wanted` };
    }
    const unknown = positionals.find((name) => !isFaultName(name));
    if (unknown !== undefined) return { wrong: `${unknown}: no such fault${didYouMean(unknown, faultNames)}` };
    return {
      names: faultNames.filter((name) => positionals.length === 0 || positionals.includes(name)),
      json: values.json === true,
      rows: values.rows === true,
      onOneDevice: values['one-device'] === true,
      most: sample === undefined ? Number.POSITIVE_INFINITY : Number(sample),
    };
  } catch (error) {
    return { wrong: error instanceof Error ? error.message : String(error) };
  }
}

async function main(words: readonly string[]): Promise<number> {
  const options = optionsOf(words);
  if (isNoOptions(options)) return endedByWords('faults', usage, options);
  const { names, json, most, onOneDevice } = options;
  if (options.rows) {
    for (const name of names) process.stdout.write(`${JSON.stringify(rowsOf(name, allCases, most))}\n`);
    return 0;
  }
  process.stderr.write(
    `${counted(allCases.length, 'case')} without a fault, and beside them ${counted(names.length, 'fault')}\n`,
  );
  const tried = sharedRows(options, progressIn(names.length));
  const concerned =
    names.length === faultNames.length
      ? allCases
      : allCases.filter((one) => names.some((name) => namesFault(one, name)));
  const problems = [...problemsOfLayouts(concerned), ...problemsWithoutFault(concerned, onOneDevice)];
  const rows = await tried;
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
  if (json) process.stdout.write(`${JSON.stringify(rows, undefined, 2)}\n`);
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
async function sharedRows({ names, most }: Options, tried: (count: number) => void): Promise<FaultRow[]> {
  const share = Math.min(availableParallelism(), names.length);
  const parts = Array.from({ length: share }, (_, part) => names.filter((_, place) => place % share === part));
  const rows = (await Promise.all(parts.map((part) => partOfRows(part, most, tried)))).flat();
  return rows.sort((a, b) => names.indexOf(a.fault) - names.indexOf(b.fault));
}

async function partOfRows(
  names: readonly FaultName[],
  most: number,
  tried: (count: number) => void,
): Promise<FaultRow[]> {
  const program = ['--enable-source-maps', fileURLToPath(import.meta.url)];
  const words = ['--rows', ...(Number.isFinite(most) ? ['--sample', String(most)] : []), ...names];
  const child = spawn(process.execPath, [...program, ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
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
