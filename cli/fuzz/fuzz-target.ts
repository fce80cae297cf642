import { mkdirSync, readdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { journalName } from '../../fuzz/campaign/journal.ts';
import { counted } from '../counted.ts';
import { thisKernel } from '../host-supervisor.ts';
import { ScratchDirectory } from '../scratch-directory.ts';
import { complain, print } from '../terminal.ts';
import { UsageError } from '../usage-error.ts';
import { CampaignLine } from './campaign-line.ts';
import { type FuzzOptions, smokeSeconds } from './command-options.ts';
import { oneHost } from './one-host.ts';
import { targetOf } from './one-target.ts';

/** Hosts that die before a campaign is given up. */
const mostDeaths = 3;

/** Runs a campaign on a target. Returns the exit code. @throws UsageError */
export async function fuzzTarget(name: string | undefined, options: FuzzOptions): Promise<number> {
  if (options.smoke && (options.time !== undefined || options.runs !== undefined)) {
    throw new UsageError('--smoke says how long: leave --time and --runs out');
  }
  const { target, words } = targetOf(name, options);
  const seconds = options.smoke ? smokeSeconds : options.time;
  const directory = madeDirectory(
    options.out ?? join('vhost-conformance-fuzz', target.facts.name.replace(/[^\w.-]+/g, '-')),
  );
  const scratch = new ScratchDirectory();
  const line = new CampaignLine(target.facts.name);
  try {
    for (let deaths = 0; ; ) {
      const end = await oneHost(
        thisKernel,
        {
          target,
          scratch: scratch.path,
          root: directory,
          parentPid: process.pid,
          work: {
            kind: 'campaign',
            directory,
            ...(options.corpus === undefined ? {} : { corpus: madeDirectory(options.corpus) }),
            seeds: options.seeds ? seedsFor(target.facts.device) : [],
            seed: options.seed,
            ...(seconds === undefined ? {} : { timeMs: seconds * 1000 }),
            ...(options.runs === undefined ? {} : { runs: options.runs }),
            targetWords: words,
          },
        },
        (message) => {
          if (message.kind === 'fuzzing') line.show(message.progress);
          if (message.kind === 'said') line.say(message.line);
          if (message.kind !== 'bucket') return;
          line.say(`bucket ${message.name}: ${message.what} (${message.shown} of ${counted(message.runs, 'run')})`);
        },
      );
      line.end();
      if (end.exitCode !== undefined) return end.exitCode;
      if (end.kind === 'completed') break;
      if (!end.isDeath) throw new UsageError(`${target.facts.name}: ${end.why}`);
      complain(`${end.why}\nthe program is in ${keptJournal(directory, deaths)}`);
      if (++deaths === mostDeaths) throw new UsageError(`${target.facts.name}: ${deaths} host processes died`);
    }
    const found = readdirSync(join(directory, 'buckets'));
    for (const name of found) print(join(directory, 'buckets', name));
    print(`${counted(found.length, 'bucket')} in ${directory}`);
    return found.length === 0 ? 0 : 1;
  } finally {
    line.end();
    scratch.remove();
  }
}

/** @throws UsageError */
function madeDirectory(path: string): string {
  try {
    mkdirSync(path, { recursive: true });
    if (!statSync(path).isDirectory()) throw new UsageError(`${path}: no directory`);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  return resolve(path);
}

const corpusDirectory = fileURLToPath(new URL('../../../fixtures/corpus/', import.meta.url));

/** Texts of the programs that come with the suite: those of the device type, and those of none. */
function seedsFor(device: string): string[] {
  const others = ['block', 'net'].filter((other) => other !== device);
  return readdirSync(corpusDirectory)
    .filter((file) => file.endsWith('.txt') && !others.some((other) => file.startsWith(`${other}-`)))
    .sort()
    .map((file) => readFileSync(join(corpusDirectory, file), 'utf8'));
}

/** Keeps the program under which a host died. */
function keptJournal(directory: string, number: number): string {
  const kept = join(directory, `host-death-${process.pid}-${number}.pb`);
  renameSync(join(directory, journalName), kept);
  return kept;
}
