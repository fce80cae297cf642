import { join } from 'node:path';
import { Random } from '../mutators/random.ts';
import { BucketStore, type KeptBucket, type ReplayWords } from './bucket-store.ts';
import type { CampaignProgress } from './campaign-options.ts';
import { type CampaignState, freshState, withMoment, writeState } from './campaign-state.ts';
import { Corpus } from './corpus.ts';
import { instanceDirectory, untriagedDirectory } from './instances.ts';
import { mostPrograms, programOf, type Slice, type SliceResult } from './slice.ts';
import { Untriaged } from './untriaged.ts';

/** What of a slice does not depend on what is known. */
export type SliceFrame = Omit<Slice, 'number' | 'seed' | 'corpus' | 'buckets'> & { readonly seed: number };

/** Far enough apart that slices make other mutants. */
const seedsApart = 0x1_0001;
/** Of the runs of a slice, so many at most go to what is known. */
const partOfCorpus = 1 / 4;
/** The one instance of a campaign whose slices ran elsewhere. */
const instance = 'queue';

/**
 * What the slices of a campaign found, put together in the order of their numbers: whoever ran them, and whenever, the same
 * results give the same corpus, buckets and counts. Each result is taken once.
 */
export class MergedSlices {
  readonly #directory: string;
  readonly #store: BucketStore;
  readonly #corpusOnDisk: Corpus;
  readonly #untriaged: Untriaged;
  readonly #corpus = new Set<string>();
  readonly #buckets = new Map<string, Slice['buckets'][number]>();
  readonly #reached = new Set<number>();
  readonly #state: CampaignState = { ...freshState(), starts: 1 };
  readonly #openNames = new Set<string>();

  constructor(directory: string, replayWords: ReplayWords) {
    this.#directory = directory;
    this.#store = new BucketStore(join(directory, 'buckets'), replayWords);
    this.#corpusOnDisk = new Corpus(join(directory, 'corpus'));
    this.#untriaged = new Untriaged(join(instanceDirectory(directory, instance), untriagedDirectory));
  }

  get progress(): CampaignProgress {
    const { runs, elapsedMs, calls, judgedCalls, repeated, unconfirmed, restarts, signals } = this.#state;
    return {
      ...{ runs, elapsedMs, calls, judgedCalls, repeated, unconfirmed, restarts, signals },
      edges: 0,
      corpus: this.#corpus.size,
      buckets: this.#buckets.size,
    };
  }

  /** The slice that goes on from what is known now. */
  next(number: number, { seed, ...frame }: SliceFrame): Slice {
    const own = (seed + Math.imul(number, seedsApart)) | 0;
    return {
      ...frame,
      number,
      seed: own,
      corpus: chosen([...this.#corpus], Math.min(mostPrograms, Math.ceil(frame.runs * partOfCorpus)), new Random(own)),
      buckets: [...this.#buckets.values()],
    };
  }

  /** Takes the result of a slice. Returns the buckets that were not known. */
  take({ state, corpus, buckets, untriaged }: SliceResult): KeptBucket[] {
    for (const text of corpus) {
      this.#corpus.add(text);
      this.#corpusOnDisk.add(programOf(text));
    }
    const found = buckets.flatMap((bucket) => this.#found(bucket));
    this.#count(state);
    for (const { name, program } of untriaged) {
      if (this.#buckets.has(name)) continue;
      this.#untriaged.add(name, programOf(program));
      this.#openNames.add(name);
    }
    for (const name of this.#openNames) {
      if (!this.#buckets.has(name)) continue;
      this.#untriaged.remove(name);
      this.#openNames.delete(name);
    }
    this.#save();
    return found;
  }

  /** Of two slices that found a cause, the first keeps it; one that was known may get a smaller program. */
  #found({ name, program, before, told }: SliceResult['buckets'][number]): KeptBucket[] {
    const known = this.#buckets.get(name);
    const isFinished = told.isMinimal || before.length > 0;
    const bucket = { name, program: programOf(program), before: before.map(programOf), told: this.#later(told) };
    if (known === undefined) {
      this.#buckets.set(name, { name, program, isFinished });
      this.#store.keep(bucket);
      return [bucket];
    }
    this.#state.repeated++;
    this.#state.seen[name] = (this.#state.seen[name] ?? 0) + 1;
    if (known.isFinished || program.length > known.program.length) return [];
    this.#buckets.set(name, { name, program, isFinished });
    this.#store.exchange(bucket);
    return [];
  }

  /** When it was found, counted from the begin of the campaign. */
  #later(told: KeptBucket['told']): KeptBucket['told'] {
    const { runs, elapsedMs } = this.#state;
    return { ...told, afterRuns: told.afterRuns + runs, afterMs: told.afterMs + Math.round(elapsedMs) };
  }

  #count({ seen, reached, signals, ...counts }: SliceResult['state']): void {
    const state = this.#state;
    for (const name of ['runs', 'elapsedMs', 'calls', 'judgedCalls', 'repeated', 'unconfirmed', 'restarts'] as const)
      state[name] += counts[name];
    for (const [name, times] of Object.entries(seen)) state.seen[name] = (state.seen[name] ?? 0) + times;
    for (const cell of reached) this.#reached.add(cell);
    state.signals = Math.max(state.signals, signals);
    state.reached = [...this.#reached].sort((left, right) => left - right);
    const { runs, elapsedMs } = state;
    const moment = { elapsedMs: Math.round(elapsedMs), runs, signals: state.signals, corpus: this.#corpus.size };
    state.history = [...withMoment(state.history, moment)];
  }

  #save(): void {
    writeState(instanceDirectory(this.#directory, instance), this.#state);
  }
}

function chosen(all: readonly string[], most: number, random: Random): string[] {
  const left = [...all];
  while (left.length > most) left.splice(random.below(left.length), 1);
  return left;
}
