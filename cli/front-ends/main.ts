import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import type { FrontEndPlaces, ObservedFrontEnd } from '../../fixtures/front-ends/front-end.ts';
import { observedFrontEnds } from '../../fixtures/front-ends/index.ts';
import { VhostConformanceError } from '../../reference-impl/errors.ts';
import { unpackedSuite } from '../back-ends/unpacked-suites.ts';
import { CacheDirectory } from '../guest/cache-directory.ts';
import { defaultCachePath } from '../guest/cache-path.ts';
import { isCommand, kernelFiles } from '../guest/kernel-files.ts';
import { complain, print } from '../terminal.ts';
import { UsageError } from '../usage-error.ts';
import { guestImage } from './guest-image.ts';
import { differencesFromKept, keepVerdicts, verdictLines } from './kept-verdicts.ts';
import { observedRun } from './observed-run.ts';

const suites = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'vhost-conformance/back-ends');

interface Options {
  readonly out?: string;
  readonly update: boolean;
  readonly ifInstalled: boolean;
}

async function placesOf(
  { hasGuest, unpacked }: ObservedFrontEnd,
  directory: string,
): Promise<Omit<FrontEndPlaces, 'socket'>> {
  mkdirSync(suites, { recursive: true });
  const root = unpacked === undefined ? '' : unpackedSuite(suites, unpacked.suite, unpacked.packages).root;
  if (!hasGuest) return { kernel: '', initramfs: '', root };
  const fetching = new AbortController();
  const kernel = await kernelFiles(new CacheDirectory(defaultCachePath()), {
    mirror: 'http://deb.debian.org/debian',
    signal: fetching.signal,
    say: (line) => complain(`front-ends: ${line}`),
  });
  const initramfs = join(directory, 'initramfs');
  mkdirSync(directory, { recursive: true });
  writeFileSync(initramfs, guestImage(kernel));
  return { kernel: kernel.image, initramfs, root };
}

/** Observes one front-end, and says in TAP whether it is as it was. */
async function judged(frontEnd: ObservedFrontEnd, directory: string, update: boolean): Promise<boolean> {
  const { name } = frontEnd;
  const began = performance.now();
  const { results, problems, report } = await observedRun(frontEnd, await placesOf(frontEnd, directory), directory);
  const lines = verdictLines(results);
  if (update && problems.length === 0) keepVerdicts(name, lines);
  const differing = [...problems, ...(results.length === 0 ? [] : differencesFromKept(name, lines))];
  const seconds = Math.round((performance.now() - began) / 1000);
  print(`${differing.length === 0 ? 'ok' : 'not ok'} ${name}: ${lines.length} requirements seen, ${seconds} s`);
  for (const line of differing) print(`  ${line}`);
  if (differing.length > 0) print(`  ${report}`);
  return differing.length === 0;
}

/** Why a front-end is not there to be observed; undefined where it is. */
function whyMissing({ name, program, version, unpacked }: ObservedFrontEnd): string | undefined {
  if (unpacked !== undefined) return undefined;
  if (!isCommand(program)) return `${name}: ${program} is not installed`;
  if (version === undefined) return undefined;
  const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  const [first = ''] = stdout.split('\n');
  return version.test(stdout) ? undefined : `${name}: what is installed is ${first}`;
}

async function main(): Promise<number> {
  const command = new Command('front-ends')
    .description('observes real front-ends on devices of the reference, and compares with the verdicts that are kept')
    .argument('[name...]', observedFrontEnds.map(({ name }) => name).join(', '))
    .option('--out <dir>', 'where the runs go (default: a temporary directory)')
    .option('--update', 'keep the verdicts of these runs', false)
    .option('--if-installed', 'leave out those whose program is not installed', false);
  command.parse();
  const { out, update, ifInstalled } = command.opts<Options>();
  const unknown = command.args.find((name) => observedFrontEnds.every((one) => one.name !== name));
  if (unknown !== undefined) throw new UsageError(`${unknown}: no such front-end`);
  const wanted = observedFrontEnds.filter(({ name }) => command.args.length === 0 || command.args.includes(name));
  const root = out ?? mkdtempSync(join(tmpdir(), 'vc-front-ends-'));
  let failed = 0;
  for (const frontEnd of wanted) {
    const missing = whyMissing(frontEnd);
    if (missing === undefined) {
      if (!(await judged(frontEnd, join(root, frontEnd.name), update))) failed++;
    } else if (ifInstalled) print(`left out ${missing}`);
    else throw new UsageError(missing);
  }
  return failed === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof VhostConformanceError)) throw error;
  process.stderr.write(`front-ends: ${error.message}\n`);
  process.exitCode = 2;
}
