import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { split } from 'shlex';
import type { BackEnd } from '../../fixtures/back-ends/back-end.ts';
import { backEnds } from '../../fixtures/back-ends/index.ts';
import { readingOfFinding } from '../../fixtures/back-ends/readings.ts';
import { VhostConformanceError } from '../../reference-impl/errors.ts';
import type { DifferingResult } from '../../reports/differing-results.ts';
import type { CaseRecord } from '../../reports/record/record.ts';
import { readRecords } from '../../reports/record/record-reader.ts';
import { runDirectory } from '../../reports/record/run-directory.ts';
import { several } from '../several.ts';
import { UsageError } from '../usage-error.ts';
import { type ComparedRuns, comparedRuns, type RepeatedResult, ratesOf } from './compared-runs.ts';
import { ranToEnd } from './interruptible-run.ts';
import { run, unpackedSuite } from './unpacked-suites.ts';

const program = fileURLToPath(new URL('../main.js', import.meta.url));
const defaultCache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'vhost-conformance/back-ends');

interface Options {
  readonly cache: string;
  readonly case: readonly string[];
  readonly out?: string;
  readonly prepare: boolean;
  readonly installed: boolean;
  readonly json: boolean;
}

/** Two runs, and what differed between them repeated. */
type Judged = ComparedRuns & { readonly again: readonly RepeatedResult[] };

/** Writes the target file of a back-end, with all that it names in place, and returns its path. */
function prepared({ suite, packages, build, target }: BackEnd, name: string, cache: string, isHere: boolean): string {
  const unpacked = isHere ? { root: '' } : unpackedSuite(cache, suite, packages);
  const built = join(cache, `built-${name}`);
  const command = build?.(unpacked, built);
  if (command !== undefined && !existsSync(built)) run(command[0], command.slice(1));
  const file = join(cache, `${name}.json`);
  writeFileSync(file, JSON.stringify(target(unpacked, built), undefined, 2));
  return file;
}

/** One run; its results, with every exit status. @throws UsageError where it left none. */
async function judged(file: string, out: string, choice: readonly string[]): Promise<CaseRecord[]> {
  if (existsSync(runDirectory(out).results)) throw new UsageError(`${out} holds a run already`);
  const words = ['--enable-source-maps', program, 'run', '--target-file', file, '--out', out];
  const status = await ranToEnd([...words, ...choice]);
  const { results } = runDirectory(out);
  if (!existsSync(results)) throw new UsageError(`${file}: the run ended with ${status} and left no results`);
  return [...readRecords(results).cases];
}

const repetitions = 8;
/** Words of a rerun line that are not for a repetition of the whole case. */
const ofOneRun = ['--point', '--seed'];

/** The words that choose a result, of the line that runs it again. */
function choiceOf({ rerun }: CaseRecord): string[] {
  const words = split(rerun);
  const first = words.indexOf('--case');
  const choice: string[] = [];
  for (let at = first; at >= 0 && at < words.length; at += 2) {
    const [option = '', value = ''] = words.slice(at, at + 2);
    if (!ofOneRun.includes(option)) choice.push(option, value);
  }
  return choice;
}

/** Runs what differed again and again, alone. */
async function repeated(
  file: string,
  out: string,
  flickers: readonly DifferingResult[],
  first: CaseRecord[],
): Promise<RepeatedResult[]> {
  const rates: RepeatedResult[] = [];
  for (const [n, flicker] of flickers.entries()) {
    const record = first.find(({ key }) => key === flicker.key);
    const choice = record === undefined ? undefined : [...choiceOf(record), '--repeat', String(repetitions)];
    const again = choice === undefined ? [] : await judged(file, join(out, `again-${n + 1}`), choice);
    const same = again.filter(({ key }) => key === flicker.key);
    rates.push(record === undefined ? { ...ratesOf(flicker, []), isUnstable: false } : ratesOf(flicker, same));
  }
  return rates;
}

function printed(name: string, { counts, findings, reasons }: ComparedRuns, again: readonly RepeatedResult[]): string {
  const lines = [
    `${name}: ${Object.entries(counts)
      .map(([verdict, count]) => `${count} ${verdict}`)
      .join(
        ', ',
      )}; ${again.length} differ in the second run, ${again.filter(({ isUnstable }) => isUnstable).length} of them are unstable`,
  ];
  for (const { key, rates, isUnstable } of again) {
    const runs = rates.reduce((sum, { times }) => sum + times, 0);
    const seen = rates.map(({ what, times }) => `${times} of ${runs} runs: ${what}`);
    lines.push(`  ${isUnstable ? 'unstable' : 'differs'}  ${key}: ${seen.join(' | ')}`);
  }
  for (const { requirement, level, basis, apart, how, what, expected, actual, keys, reading } of findings) {
    const label = [level ?? basis, ...(apart === undefined ? [] : [apart])].join(', ');
    lines.push(`  ${how}  ${requirement} (${label}) in ${keys.length}, as ${keys[0]}`);
    lines.push(`    ${what}: expected ${expected}; ${actual}`);
    lines.push(
      `    ${reading === undefined ? 'NOT READ against the text' : `read: ${reading.standing}: ${reading.why}`}`,
    );
  }
  for (const { outcome, why, results } of reasons) lines.push(`  ${outcome}  ${results}: ${why}`);
  return `${lines.join('\n')}\n`;
}

/**
 * Prepares back-ends and judges each twice. Exit status 1 where a result differs and is the same each time that it is
 * repeated alone, where one is an error of ours, or where no reader has compared a finding with the text.
 */
async function main(): Promise<number> {
  const command = new Command('back-ends')
    .description('fetches back-ends of Debian into a private cache, judges each twice and compares')
    .argument('[name...]', backEnds.map(({ name }) => name).join(', '))
    .option('--cache <dir>', 'where packages are unpacked', defaultCache)
    .option('--case <glob>', 'only these cases (several allowed)', several, [])
    .option('--out <dir>', 'where the runs go (default: a temporary directory)')
    .option('--prepare', 'write the target files and judge nothing', false)
    .option('--installed', 'take the programs that are installed on this system, and fetch nothing', false)
    .option('--json', 'print {name: {counts, flickers, findings, reasons, again}}', false);
  command.parse();
  const { cache, case: cases, out, prepare, installed, json } = command.opts<Options>();
  const unknown = command.args.find((name) => backEnds.every((one) => one.name !== name));
  if (unknown !== undefined) throw new UsageError(`${unknown}: no such back-end`);
  const wanted = backEnds.filter(({ name }) => command.args.length === 0 || command.args.includes(name));
  mkdirSync(cache, { recursive: true });
  const root = out ?? mkdtempSync(join(tmpdir(), 'vhost-conformance-back-ends-'));
  const found: Record<string, Judged> = {};
  for (const backEnd of wanted) {
    const { name } = backEnd;
    const file = prepared(backEnd, name, cache, installed);
    if (prepare) {
      process.stdout.write(`${file}\n`);
      continue;
    }
    const choice = cases.flatMap((glob) => ['--case', glob]);
    const first = await judged(file, join(root, name, '1'), choice);
    const second = await judged(file, join(root, name, '2'), choice);
    const compared = comparedRuns(first, second, (found) => readingOfFinding(name, found));
    const again = await repeated(file, join(root, name), compared.flickers, first);
    found[name] = { ...compared, again };
    if (!json) process.stdout.write(printed(name, compared, again));
  }
  if (json) process.stdout.write(`${JSON.stringify(found)}\n`);
  const isSound = ({ again, counts, findings }: Judged): boolean =>
    again.every(({ isUnstable }) => isUnstable) &&
    (counts.error ?? 0) === 0 &&
    findings.every(({ reading }) => reading !== undefined);
  return Object.values(found).every(isSound) ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof VhostConformanceError)) throw error;
  process.stderr.write(`back-ends: ${error.message}\n`);
  process.exitCode = 2;
}
