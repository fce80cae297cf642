import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { journalName } from '../../fuzz/campaign/journal.ts';
import { counted } from '../counted.ts';
import type { CampaignWork } from '../host-protocol.ts';
import { thisKernel } from '../host-supervisor.ts';
import { ScratchDirectory } from '../scratch-directory.ts';
import type { TargetArgument } from '../target-argument.ts';
import { complain, print } from '../terminal.ts';
import { UsageError } from '../usage-error.ts';
import { CampaignLine } from './campaign-line.ts';
import { type FuzzOptions, smokeSeconds } from './command-options.ts';
import { distillCorpus } from './distill-corpus.ts';
import { comparedBuckets, readKnownBuckets } from './known-buckets.ts';
import { oneHost } from './one-host.ts';
import { targetOf } from './one-target.ts';

/** Hosts that die before a campaign is given up. */
const mostDeaths = 3;
/** What ends a smoke behind its campaign: the processes, and the summary. */
const endOfSmokeMs = 1500;

/** Runs a campaign on a target, or distills its corpus. Returns the exit code. @throws UsageError */
export async function fuzzTarget(name: string | undefined, options: FuzzOptions): Promise<number> {
  const { smoke, distill } = options;
  if (smoke && (options.time !== undefined || options.runs !== undefined)) {
    throw new UsageError('--smoke says how long: leave --time and --runs out');
  }
  if (distill !== undefined && (smoke || options.expect !== undefined)) {
    throw new UsageError('--distill runs no campaign: leave --smoke and --expect out');
  }
  const known = options.expect === undefined ? undefined : readKnownBuckets(options.expect);
  const argument = await targetOf(name, options);
  const out = options.out ?? join('vhost-conformance-fuzz', argument.target.facts.name.replace(/[^\w.-]+/g, '-'));
  if (distill !== undefined) {
    return await distillCorpus(argument.target, options.corpus ?? join(out, 'corpus'), distill);
  }
  const directory = madeDirectory(out);
  const exitCode = await campaign(argument, directory, options);
  return exitCode ?? told(directory, known);
}

/** Runs a campaign to its end. An exit code where a signal ended it. @throws UsageError */
async function campaign(
  { target, words }: TargetArgument,
  directory: string,
  options: FuzzOptions,
): Promise<number | undefined> {
  const endsAt = options.smoke ? startedAt() + smokeSeconds * 1000 - endOfSmokeMs : undefined;
  const work: CampaignWork = {
    kind: 'campaign',
    directory,
    ...(options.corpus === undefined ? {} : { corpus: madeDirectory(options.corpus) }),
    seeds: options.seeds ? seedsFor(target.facts.device) : [],
    seed: options.seed,
    ...(options.time === undefined ? {} : { timeMs: options.time * 1000 }),
    ...(options.runs === undefined ? {} : { runs: options.runs }),
    ...(endsAt === undefined ? {} : { endsAt }),
    targetWords: words,
  };
  const scratch = new ScratchDirectory();
  const line = new CampaignLine(target.facts.name);
  try {
    for (let deaths = 0; ; ) {
      const end = await oneHost(
        thisKernel,
        { target, scratch: scratch.path, root: directory, parentPid: process.pid, work },
        (message) => {
          if (message.kind === 'fuzzing') line.show(message.progress);
          if (message.kind === 'said') line.say(message.line);
          if (message.kind !== 'bucket') return;
          line.say(`bucket ${message.name}: ${message.what} (${message.shown} of ${counted(message.runs, 'run')})`);
        },
        endsAt,
      );
      line.end();
      if (end.exitCode !== undefined) return end.exitCode;
      if (end.kind === 'completed') return undefined;
      if (!end.isDeath) throw new UsageError(`${target.facts.name}: ${end.why}`);
      complain(`${end.why}\nthe program is in ${keptJournal(directory, deaths)}`);
      if (++deaths === mostDeaths) throw new UsageError(`${target.facts.name}: ${deaths} host processes died`);
    }
  } finally {
    line.end();
    scratch.remove();
  }
}

/** Says what was found, beside what is known. Returns the exit code. */
function told(directory: string, known: ReadonlySet<string> | undefined): number {
  const found = bucketsIn(directory);
  const untriaged = programsIn(join(directory, 'untriaged'));
  for (const name of found) print(join(directory, 'buckets', name));
  for (const file of untriaged) print(`not looked into: ${join(directory, 'untriaged', file)}`);
  print(`${counted(found.length, 'bucket')} in ${directory}`);
  const all = [...found, ...untriaged.map((file) => file.replace(/\.pb$/, ''))];
  if (known === undefined) return all.length === 0 ? 0 : 1;
  const { lines, isAllKnown } = comparedBuckets([...new Set(all)], known);
  for (const line of lines) print(line);
  return isAllKnown ? 0 : 1;
}

const bucketsIn = (directory: string): string[] =>
  namesIn(join(directory, 'buckets')).filter((name) => programsIn(join(directory, 'buckets', name)).length > 0);

const programsIn = (directory: string): string[] => namesIn(directory).filter((file) => file.endsWith('.pb'));

/** None where there is no such directory: a campaign can end before it made it. */
const namesIn = (directory: string): string[] => (existsSync(directory) ? readdirSync(directory).sort() : []);

/** When this process began, as `Date.now()`. */
const startedAt = (): number => Date.now() - process.uptime() * 1000;

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
