import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { instanceDirectory, instanceNames, untriagedDirectory } from '../../fuzz/campaign/instances.ts';
import { textOf } from '../../fuzz/campaign/slice.ts';
import { parseProgram } from '../../fuzz/program/parse-program.ts';
import { readCampaign } from '../../reports/record/campaign-directory.ts';
import { refuseStrangeEntries } from '../../reports/record/strange-entries.ts';
import { writeCampaignReport } from '../campaign-report.ts';
import { counted } from '../counted.ts';
import { checkJobs } from '../instances.ts';
import type { TargetArgument } from '../target-argument.ts';
import { print } from '../terminal.ts';
import { UsageError } from '../usage-error.ts';
import { type FuzzOptions, smokeSeconds } from './command-options.ts';
import { distillCorpus } from './distill-corpus.ts';
import { comparedBuckets, readKnownBuckets } from './known-buckets.ts';
import { targetOf } from './one-target.ts';
import { propertiesOnTarget } from './properties-on-target.ts';
import { queuePlaceOf } from './queue/queue-place.ts';
import { runInstances } from './run-instances.ts';

/** What ends a smoke behind its campaign: the processes, and the summary. */
const endOfSmokeMs = 1500;

/** Runs a campaign on a target, or distills its corpus. Returns the exit code. @throws UsageError */
export async function fuzzTarget(name: string | undefined, options: FuzzOptions): Promise<number> {
  const { smoke, distill } = options;
  if (smoke && (options.time !== undefined || options.runs !== undefined)) {
    throw new UsageError('--smoke says how long: leave --time and --runs out');
  }
  if (distill !== undefined && (smoke || options.expect !== undefined || options.queue !== undefined)) {
    throw new UsageError('--distill runs no campaign: leave --smoke, --expect and --queue out');
  }
  const known = options.expect === undefined ? undefined : readKnownBuckets(options.expect);
  const argument = await targetOf(name, options);
  const out = options.out ?? join('vhost-conformance-fuzz', argument.target.facts.name.replace(/[^\w.-]+/g, '-'));
  if (distill !== undefined) {
    return await distillCorpus(argument.target, options.corpus ?? join(out, 'corpus'), distill);
  }
  if (options.properties && options.queue !== undefined) {
    throw new UsageError('--properties runs no campaign: leave --queue out');
  }
  if (options.properties) return await propertiesOnTarget(argument, options);
  if (options.queue !== undefined) return await overQueue(argument, out, options.queue, options, known);
  if (options.differential !== undefined) throw new UsageError('--differential belongs to --properties');
  checkJobs(argument.target, options.jobs, 'run');
  const directory = ownDirectory(out);
  const exitCode = await runInstances(argument, directory, {
    jobs: options.jobs,
    ...(options.time === undefined ? {} : { time: options.time }),
    ...(options.runs === undefined ? {} : { runs: options.runs }),
    ...(smoke ? { endsAt: startedAt() + smokeSeconds * 1000 - endOfSmokeMs } : {}),
    work: {
      ...(options.corpus === undefined ? {} : { corpus: ownDirectory(options.corpus) }),
      seeds: options.seeds ? seedsFor(argument.target.facts.device) : [],
      seed: options.seed,
    },
  });
  const report = await writeCampaignReport(directory, [readCampaign(directory)]);
  return exitCode ?? told(directory, known, report);
}

/** The same by workers of a queue. Returns the exit code. @throws UsageError */
async function overQueue(
  argument: TargetArgument,
  out: string,
  url: string,
  options: FuzzOptions,
  known: ReadonlySet<string> | undefined,
): Promise<number> {
  const { allowRemoteQueue, sliceRuns, seed, time, runs, seeds } = options;
  if (options.smoke || options.corpus !== undefined || options.jobs !== 1 || options.differential !== undefined) {
    throw new UsageError(
      '--queue has its own corpus, and its workers: leave --smoke, --corpus, --jobs and --differential out',
    );
  }
  const place = queuePlaceOf(url, allowRemoteQueue);
  const { campaignOverQueue } = await import('./queue/queue-campaign.ts');
  const exitCode = await campaignOverQueue(argument, () => ownDirectory(out), place, {
    ...{ seed, sliceRuns, hasSeeds: seeds },
    seeds: seeds ? seedsFor(argument.target.facts.device).map((text) => textOf(parseProgram(text))) : [],
    ...(time === undefined ? {} : { time }),
    ...(runs === undefined ? {} : { runs }),
  });
  const directory = resolve(out);
  const report = await writeCampaignReport(directory, [readCampaign(directory)]);
  return exitCode ?? told(directory, known, report);
}

/** Says what was found, beside what is known. Returns the exit code. */
function told(directory: string, known: ReadonlySet<string> | undefined, report: string): number {
  const found = bucketsIn(directory);
  const untriaged = instanceNames(directory).flatMap((instance) => {
    const place = join(instanceDirectory(directory, instance), untriagedDirectory);
    return programsIn(place).map((file) => join(place, file));
  });
  for (const name of found) print(join(directory, 'buckets', name));
  for (const file of untriaged) print(`not looked into: ${file}`);
  print(`Report: ${report}`);
  print(`${counted(found.length, 'bucket')} in ${directory}`);
  const all = [...found, ...untriaged.map((file) => basename(file, '.pb'))];
  if (known === undefined) return all.length === 0 ? 0 : 1;
  const { lines, isAllKnown } = comparedBuckets([...new Set(all)], known);
  for (const line of lines) print(line);
  return isAllKnown ? 0 : 1;
}

const bucketsIn = (directory: string): string[] =>
  namesIn(join(directory, 'buckets')).filter(
    (name) => !name.startsWith('.') && programsIn(join(directory, 'buckets', name)).length > 0,
  );

const programsIn = (directory: string): string[] => namesIn(directory).filter((file) => file.endsWith('.pb'));

/** None where there is no such directory: a campaign can end before it made it. */
const namesIn = (directory: string): string[] => (existsSync(directory) ? readdirSync(directory).sort() : []);

/** When this process began, as `Date.now()`. */
const startedAt = (): number => Date.now() - process.uptime() * 1000;

/** A directory to write in, made where it is missing. @throws UsageError, RecordError */
function ownDirectory(path: string): string {
  try {
    mkdirSync(path, { recursive: true });
    if (!statSync(path).isDirectory()) throw new UsageError(`${path}: no directory`);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  refuseStrangeEntries(path);
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
