import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { didYouMean } from '../drivers/near-matches.ts';
import { isOfKernel, type Target } from '../drivers/target.ts';
import { targets } from '../fixtures/targets/index.ts';
import { type DifferingResult, differingResults, type NamedRun, sightingsOf } from '../reports/differing-results.ts';
import type { CaseRecord } from '../reports/record/record.ts';
import { readRecords } from '../reports/record/record-reader.ts';
import { counted } from './counted.ts';
import { atEnd, endedByWords, isNoOptions, type NoOptions } from './development-command.ts';
import { Load } from './flicker/load.ts';

const usage = `usage: npm run flicker -- [--repeat N] [--quiet | --loaded] [--case GLOB]... [TARGET...]

Judges each target N times, and N times more beside a load of one busy process for each processor, each time in a run of
its own. Prints every result that is not the same in all runs: one is a defect of the suite, or a race of the target that
its case does not decide.

  TARGET       a target by name; all that are not in process unless told (those of the kernel run in the guest)
  --repeat N   runs of each kind; 5 unless told
  --quiet      no runs beside a load
  --loaded     only runs beside a load
  --case GLOB  only these cases (several allowed)
  --help       print this

Exit status: 0 if no result differs; 1 if one does; 2 for wrong usage or a run that did not end.
`;

interface Options {
  readonly targets: readonly Target[];
  readonly repeat: number;
  readonly loads: readonly ('quiet' | 'loaded')[];
  readonly cases: readonly string[];
}

function optionsOf(words: readonly string[]): Options | NoOptions {
  const flag = { type: 'boolean' } as const;
  try {
    const { values, positionals } = parseArgs({
      args: [...words],
      allowPositionals: true,
      options: {
        repeat: { type: 'string', default: '5' },
        quiet: flag,
        loaded: flag,
        case: { type: 'string', multiple: true, default: [] },
        help: { ...flag, short: 'h' },
      },
    });
    if (values.help === true) return 'help';
    if (!/^[1-9]\d{0,3}$/.test(values.repeat)) return { wrong: `--repeat ${values.repeat}: a number from 1 is wanted` };
    if (values.quiet === true && values.loaded === true) return { wrong: '--quiet and --loaded exclude each other' };
    const names = targets.map(({ facts }) => facts.name);
    const unknown = positionals.find((name) => !names.includes(name));
    if (unknown !== undefined) return { wrong: `${unknown}: no such target${didYouMean(unknown, names)}` };
    return {
      targets: targets.filter(({ facts, reach }) =>
        positionals.length === 0 ? reach.via !== 'in-process' : positionals.includes(facts.name),
      ),
      repeat: Number(values.repeat),
      loads: values.quiet === true ? ['quiet'] : values.loaded === true ? ['loaded'] : ['quiet', 'loaded'],
      cases: values.case,
    };
  } catch (error) {
    return { wrong: error instanceof Error ? error.message : String(error) };
  }
}

const linesOf = (one: DifferingResult): string[] => [
  `not ok ${one.target} ${one.key}`,
  ...sightingsOf(one, 'run').map((line) => `    ${line}`),
];

async function main(words: readonly string[]): Promise<number> {
  const options = optionsOf(words);
  if (isNoOptions(options)) return endedByWords('flicker', usage, options);
  const directory = mkdtempSync(join(tmpdir(), 'vhost-conformance-flicker-'));
  atEnd(() => rmSync(directory, { recursive: true, force: true }));
  let differing = 0;
  let compared = 0;
  for (const target of options.targets) {
    const runs: NamedRun[] = [];
    for (const load of options.loads) {
      for (let number = 1; number <= options.repeat; number++) {
        const name = load === 'quiet' ? `${number}` : `${number} beside a load`;
        const began = Date.now();
        const results = await judged(target, options.cases, join(directory, `${target.facts.name} ${name}`), load);
        if (typeof results === 'string') {
          process.stderr.write(`flicker: ${target.facts.name}, run ${name}: ${results}\n`);
          return 2;
        }
        runs.push({ name, results });
        const seconds = ((Date.now() - began) / 1000).toFixed(0);
        process.stderr.write(
          `${target.facts.name}, run ${name}: ${counted(results.length, 'result')} in ${seconds} s\n`,
        );
      }
    }
    const found = differingResults(runs);
    for (const one of found) process.stdout.write(`${linesOf(one).join('\n')}\n`);
    const keys = runs[0]?.results.length ?? 0;
    if (found.length === 0)
      process.stdout.write(
        `ok ${target.facts.name}: ${counted(keys, 'result')} alike in ${counted(runs.length, 'run')}\n`,
      );
    differing += found.length;
    compared += keys;
  }
  process.stdout.write(`${counted(compared, 'result')}, ${differing} differ\n`);
  return differing === 0 ? 0 : 1;
}

/** The results of a run of its own; or why there are none. */
async function judged(
  target: Target,
  cases: readonly string[],
  directory: string,
  load: 'quiet' | 'loaded',
): Promise<readonly CaseRecord[] | string> {
  const program = fileURLToPath(new URL('main.js', import.meta.url));
  const inGuest = isOfKernel(target) ? ['guest', '--'] : [];
  const words = ['run', target.facts.name, '--out', directory, ...cases.flatMap((glob) => ['--case', glob])];
  const busy = load === 'loaded' ? new Load(availableParallelism()) : undefined;
  try {
    const child = spawn(process.execPath, ['--enable-source-maps', program, ...inGuest, ...words], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const end = (): void => {
      child.kill('SIGTERM');
    };
    process.on('exit', end);
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => {
      errors = (errors + chunk.toString()).slice(-2000);
    });
    const [code] = (await once(child, 'close')) as [number | null];
    process.off('exit', end);
    if (code !== 0 && code !== 1) return `the run ended with ${code ?? 'a signal'}: ${errors.trim()}`;
  } finally {
    busy?.end();
  }
  return readRecords(join(directory, 'results.jsonl')).cases;
}

process.exitCode = await main(process.argv.slice(2));
