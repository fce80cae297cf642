import { MergedSlices, type SliceFrame } from '../../../fuzz/campaign/merged-slices.ts';
import type { Slice, SliceResult } from '../../../fuzz/campaign/slice.ts';
import { counted } from '../../counted.ts';
import { Interruption } from '../../interruption.ts';
import { oneLine } from '../../one-line.ts';
import { shellLine } from '../../shell-words.ts';
import type { TargetArgument } from '../../target-argument.ts';
import { complain, print } from '../../terminal.ts';
import { UsageError } from '../../usage-error.ts';
import { CampaignLine } from '../campaign-line.ts';
import { replayLineOn } from '../replay-line.ts';
import { writeAbout } from '../run-instances.ts';
import { suiteIdentity } from '../suite-identity.ts';
import type { QueuePlace } from './queue-place.ts';
import { SliceQueue } from './slice-queue.ts';
import { type QueueSettings, SliceStore } from './slice-store.ts';

export interface QueueCampaignOptions {
  readonly seed: number;
  readonly sliceRuns: number;
  /** Programs to begin with, as base64. */
  readonly seeds: readonly string[];
  readonly hasSeeds: boolean;
  readonly time?: number;
  readonly runs?: number;
}

/**
 * Slices that may be under way at once: each goes on from what is known once the slice so many before it is merged, and the
 * first ones once the very first is. So what a slice is given depends on numbers alone, and not on who runs it, or when.
 */
const underWay = 8;
const askedEveryMs = 200;
/** Results that are none, before a campaign gives up. */
const mostRefused = 10;

/** Has the workers of a queue run a campaign. An exit code where a signal ended it. @throws UsageError */
export async function campaignOverQueue(
  argument: TargetArgument,
  makeDirectory: () => string,
  place: QueuePlace,
  options: QueueCampaignOptions,
): Promise<number | undefined> {
  const { seed, sliceRuns, hasSeeds } = options;
  const target = argument.target.facts.name;
  const settings: QueueSettings = { suite: suiteIdentity(), target, seed, sliceRuns, hasSeeds };
  const queue = await SliceQueue.open(place, target);
  try {
    const directory = makeDirectory();
    const store = new SliceStore(directory, settings);
    queue.campaign = store.campaign;
    writeAbout(directory, argument);
    print(`Workers: vhost-conformance fuzz-worker ${shellLine(argument.words)} --queue ${shellLine([place.text])}`);
    return await new QueueCampaign(argument, directory, queue, store, settings, options).toItsEnd();
  } finally {
    await queue.close();
  }
}

class QueueCampaign {
  readonly #queue: SliceQueue;
  readonly #store: SliceStore;
  readonly #merged: MergedSlices;
  readonly #frame: SliceFrame;
  readonly #line: CampaignLine;
  readonly #untilMs: number;
  /** Slices that the campaign has in all. */
  readonly #count: number;
  /** Slices that have no result yet. */
  readonly #open = new Map<number, Slice>();
  readonly #builds = new Set<string>();
  /** Slices below this one are merged. */
  #next = 0;
  #interrupted = false;
  #refused = 0;

  constructor(
    { target, words }: TargetArgument,
    directory: string,
    queue: SliceQueue,
    store: SliceStore,
    { suite, seed, sliceRuns }: QueueSettings,
    { seeds, time, runs }: QueueCampaignOptions,
  ) {
    this.#queue = queue;
    this.#store = store;
    this.#merged = new MergedSlices(directory, replayLineOn(words));
    this.#frame = {
      ...{ schema: 1, suite, target: target.facts.name, campaign: store.campaign, seed, runs: sliceRuns },
      seeds: [...seeds],
    };
    this.#line = new CampaignLine(target.facts.name);
    this.#untilMs = time === undefined ? Number.POSITIVE_INFINITY : Date.now() + time * 1000;
    this.#count = runs === undefined ? Number.POSITIVE_INFINITY : Math.ceil(runs / sliceRuns);
  }

  async toItsEnd(): Promise<number | undefined> {
    const interruption = new Interruption(() => {
      this.#interrupted = true;
      // What waits for an answer of the queue ends as well.
      void this.#queue.close();
    });
    try {
      await this.#put(0);
      await this.#merge();
      while (this.#open.size > 0 && !this.#isOver()) await this.#look();
      await this.#leave();
      return undefined;
    } catch (error) {
      if (!this.#interrupted) throw error;
      return interruption.exitCode;
    } finally {
      this.#line.end();
      interruption.stopListening();
    }
  }

  #isOver(): boolean {
    return Date.now() >= this.#untilMs;
  }

  /** Each slice is asked for: events of a queue are lost with it, and so may slices be. */
  async #look(): Promise<void> {
    for (const number of [...this.#open.keys()]) await this.#ask(number);
    await this.#merge();
    await new Promise((resolve) => setTimeout(resolve, askedEveryMs));
  }

  async #ask(number: number): Promise<void> {
    const slice = this.#open.get(number);
    if (slice === undefined) return;
    const standing = await this.#queue.standingOf(number);
    if (standing.kind === 'absent') await this.#queue.put(slice);
    if (standing.kind === 'failed') {
      await this.#queue.remove(number);
      throw new UsageError(`slice ${number}: ${oneLine(standing.why)}`);
    }
    if (standing.kind !== 'completed') return;
    const problem = this.#store.keep(number, standing.result);
    if (problem === undefined) this.#open.delete(number);
    else this.#refuse(number, problem);
    await this.#queue.remove(number);
  }

  /** It is put again: what the queue has is not from a worker of ours. */
  #refuse(number: number, problem: string): void {
    const text = `slice ${number}: ${oneLine(problem)}`;
    if (++this.#refused > mostRefused) throw new UsageError(text);
    complain(`${text}; it is run again`);
  }

  /** Takes what is there in the order of numbers, and puts the slice that each makes possible. */
  async #merge(): Promise<void> {
    for (;;) {
      const result = this.#store.get(this.#next);
      if (result === undefined || this.#next >= this.#count) break;
      this.#take(result);
      const isFirst = this.#next === 0;
      for (let number = isFirst ? 1 : this.#next + underWay; number <= this.#next + underWay; number++) {
        await this.#put(number);
      }
      this.#next++;
    }
    this.#line.show(this.#merged.progress);
  }

  #take(result: SliceResult): void {
    for (const { name, told } of this.#merged.take(result)) {
      this.#line.say(`bucket ${name}: ${oneLine(told.what)} (${told.shown} of ${counted(told.runs, 'run')})`);
    }
    const { identity, version, binaryHash } = result.served;
    this.#builds.add([identity, version, binaryHash].join(', '));
    if (this.#builds.size === 2) complain(`workers have different builds: ${[...this.#builds].join(' and ')}`);
    if (result.deaths.length > 0) {
      complain(`slice ${result.number}: ${counted(result.deaths.length, 'host process')} of ours died`);
    }
  }

  async #put(number: number): Promise<void> {
    if (number >= this.#count || this.#store.get(number) !== undefined || this.#isOver()) return;
    const slice = this.#merged.next(number, this.#frame);
    this.#open.set(number, slice);
    await this.#queue.put(slice);
  }

  /** The time is over: what no worker has is taken back, the rest is waited for. */
  async #leave(): Promise<void> {
    for (const number of [...this.#open.keys()]) {
      await this.#ask(number);
      if (this.#open.has(number) && (await this.#queue.remove(number))) this.#open.delete(number);
    }
    while (this.#open.size > 0) {
      for (const number of [...this.#open.keys()]) await this.#ask(number);
      await new Promise((resolve) => setTimeout(resolve, askedEveryMs));
    }
    // Behind one that was taken back, others may have ended.
    for (const number of this.#store.numbers) {
      const result = number < this.#next ? undefined : this.#store.get(number);
      if (result !== undefined && number < this.#count) this.#take(result);
    }
  }
}
