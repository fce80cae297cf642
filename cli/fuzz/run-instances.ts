import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { writeAtomically } from '../../fuzz/campaign/atomic-file.ts';
import { readState } from '../../fuzz/campaign/campaign-state.ts';
import { cellCalls, cellStates } from '../../fuzz/campaign/cells.ts';
import { claimInstances, instanceDirectory, instanceStates, releaseInstances } from '../../fuzz/campaign/instances.ts';
import { journalName } from '../../fuzz/campaign/journal.ts';
import { counted } from '../counted.ts';
import type { CampaignWork, HostMessage } from '../host-protocol.ts';
import { thisKernel } from '../host-supervisor.ts';
import { instancesOf } from '../instances.ts';
import { ScratchDirectory } from '../scratch-directory.ts';
import type { TargetArgument } from '../target-argument.ts';
import { complain } from '../terminal.ts';
import { UsageError } from '../usage-error.ts';
import { CampaignLine } from './campaign-line.ts';
import { oneHost } from './one-host.ts';
import { SummedProgress } from './summed-progress.ts';

/** Hosts of one instance that die before a campaign is given up. */
const mostDeaths = 3;
/** Far enough apart that instances make other mutants. */
const seedsApart = 0x1_0001;

export interface InstancesOptions {
  readonly jobs: number;
  readonly time?: number;
  readonly runs?: number;
  readonly endsAt?: number;
  /** What all instances are given alike. */
  readonly work: Pick<CampaignWork, 'corpus' | 'seeds' | 'seed'>;
}

/** Runs the instances of a campaign to their end. An exit code where a signal ended them. @throws UsageError */
export async function runInstances(
  argument: TargetArgument,
  directory: string,
  options: InstancesOptions,
): Promise<number | undefined> {
  const { target } = argument;
  const { count, note } = instancesOf(target, options, availableParallelism());
  if (note !== undefined) complain(note);
  writeAbout(directory, argument);
  const names = claimInstances(directory, count);
  const scratch = new ScratchDirectory();
  const campaign = new RunningCampaign(argument, directory, scratch.path);
  try {
    const works = worksOf(directory, names, argument, options);
    return await campaign.toItsEnd(works, options.endsAt);
  } finally {
    campaign.line.end();
    scratch.remove();
    releaseInstances(directory, names);
  }
}

/** What the report of a campaign says of its target and of its cells. */
export function writeAbout(directory: string, { target: { facts } }: TargetArgument): void {
  const about = {
    schema: 1,
    target: facts.name,
    identity: facts.identity,
    device: facts.device,
    transport: facts.transport,
    calls: cellCalls.map((name) => name ?? null),
    states: cellStates,
  };
  writeAtomically(directory, 'target.json', `${JSON.stringify(about)}\n`);
}

/** What each instance is to do: time and programs are counted over all that ever ran. */
function worksOf(
  directory: string,
  names: readonly string[],
  { words }: TargetArgument,
  { time, runs, endsAt, work }: InstancesOptions,
): CampaignWork[] {
  const states = instanceStates(directory);
  const elapsedMs = Math.max(0, ...states.map((state) => state.elapsedMs));
  const ran = states.reduce((sum, state) => sum + state.runs, 0);
  return names.map((instance, number) => {
    const own = readState(instanceDirectory(directory, instance));
    const share = runs === undefined ? undefined : Math.ceil(Math.max(runs - ran - number, 0) / names.length);
    return {
      kind: 'campaign',
      directory,
      instance,
      ...work,
      seed: work.seed + number * seedsApart,
      ...(time === undefined ? {} : { timeMs: own.elapsedMs + Math.max(time * 1000 - elapsedMs, 0) }),
      ...(share === undefined ? {} : { runs: own.runs + share }),
      ...(endsAt === undefined ? {} : { endsAt }),
      targetWords: words,
    };
  });
}

/** The hosts of a campaign, and the line that tells of all of them. */
class RunningCampaign {
  readonly line: CampaignLine;
  readonly #argument: TargetArgument;
  readonly #directory: string;
  readonly #scratch: string;
  readonly #progress = new SummedProgress();
  readonly #stop = new AbortController();

  constructor(argument: TargetArgument, directory: string, scratch: string) {
    this.line = new CampaignLine(argument.target.facts.name);
    this.#argument = argument;
    this.#directory = directory;
    this.#scratch = scratch;
  }

  /** Where one is given up, the others are ended. */
  async toItsEnd(works: readonly CampaignWork[], endsAt: number | undefined): Promise<number | undefined> {
    const ends = await Promise.allSettled(
      works.map(async (work, number) => {
        try {
          return await this.#instance(work, number, endsAt);
        } catch (error) {
          this.#stop.abort();
          throw error;
        }
      }),
    );
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    return ends.flatMap((end) => (end.status === 'fulfilled' && end.value !== undefined ? [end.value] : []))[0];
  }

  async #instance(work: CampaignWork, number: number, endsAt: number | undefined): Promise<number | undefined> {
    const { target } = this.#argument;
    const scratch = join(this.#scratch, String(number));
    mkdirSync(scratch);
    for (let deaths = 0; ; ) {
      const end = await oneHost(
        thisKernel,
        { target, scratch, root: this.#directory, parentPid: process.pid, work },
        (message) => this.#take(message, number),
        { stop: this.#stop.signal, ...(endsAt === undefined ? {} : { endsAt }) },
      );
      this.line.end();
      if (end.exitCode !== undefined) return end.exitCode;
      if (end.kind === 'completed') return undefined;
      const name = target.facts.name;
      if (!end.isDeath) throw new UsageError(`${name}: ${end.why}`);
      const kept = this.#keptJournal(work.instance, deaths);
      complain(kept === undefined ? end.why : `${end.why}\nthe program is in ${kept}`);
      if (++deaths === mostDeaths) throw new UsageError(`${name}: ${deaths} host processes died`);
    }
  }

  #take(message: HostMessage, number: number): void {
    if (message.kind === 'fuzzing') this.line.show(this.#progress.with(number, message.progress));
    if (message.kind === 'said') this.line.say(message.line);
    if (message.kind !== 'bucket') return;
    const { name, what, shown, runs } = message;
    this.line.say(`bucket ${name}: ${what} (${shown} of ${counted(runs, 'run')})`);
  }

  /** Keeps the program under which a host died; undefined where it died before it ran one. */
  #keptJournal(instance: string, number: number): string | undefined {
    const journal = join(instanceDirectory(this.#directory, instance), journalName);
    if (!existsSync(journal)) return undefined;
    const kept = join(this.#directory, `host-death-${instance}-${process.pid}-${number}.pb`);
    renameSync(journal, kept);
    return kept;
  }
}
