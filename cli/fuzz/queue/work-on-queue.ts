import { join } from 'node:path';
import { type Job, UnrecoverableError, WaitingError, Worker } from 'bullmq';
import { problemIn, type Slice, type SliceResult, slice as sliceSchema } from '../../../fuzz/campaign/slice.ts';
import { inWords } from '../../../reference-impl/schema-words.ts';
import { counted } from '../../counted.ts';
import { Interruption } from '../../interruption.ts';
import { oneLine } from '../../one-line.ts';
import { ScratchDirectory } from '../../scratch-directory.ts';
import type { TargetArgument } from '../../target-argument.ts';
import { complain, print } from '../../terminal.ts';
import { suiteIdentity } from '../suite-identity.ts';
import type { QueuePlace } from './queue-place.ts';
import { connected } from './redis-connection.ts';
import { runSlice, SliceInterrupted } from './run-slice.ts';
import { jobName, keptForS, queueNameOf, queuePrefix } from './slice-queue.ts';

export interface WorkerOptions {
  /** Slices that run at once. */
  readonly jobs: number;
  /** A worker that is silent for so long has lost its slice to another. */
  readonly lostAfterS: number;
}

/** So often a slice may be lost with its worker. */
const mostLosses = 20;
/** Behind an error of Redis. */
const againMs = 1000;

/**
 * Takes slices from a queue and runs them on the target, until a signal comes. Each slice has a host process of its own,
 * beside which this process goes on telling that it lives. Returns the exit code. @throws UsageError
 */
export async function workOnQueue(
  argument: TargetArgument,
  place: QueuePlace,
  { jobs, lostAfterS }: WorkerOptions,
): Promise<number> {
  const redis = await connected(place);
  const scratch = new ScratchDirectory();
  const slices = new SlicesOfWorker(argument, scratch.path);
  const worker = new Worker<unknown, SliceResult>(
    queueNameOf(argument.target.facts.name),
    async (job, token) => await slices.take(job, token),
    {
      connection: redis,
      prefix: queuePrefix,
      concurrency: jobs,
      lockDuration: lostAfterS * 1000,
      stalledInterval: lostAfterS * 500,
      maxStalledCount: mostLosses,
      runRetryDelay: againMs,
      removeOnComplete: { age: keptForS },
      removeOnFail: { age: keptForS },
    },
  );
  // The connection tells of its own errors; a slice that is lost is another worker's.
  worker.on('error', () => undefined);
  const lost = new Set<string>();
  worker.on('lockRenewalFailed', (ids) => {
    for (const id of ids) if (!lost.has(id)) complain(`job ${id}: another worker gets it as well`);
    for (const id of ids) lost.add(id);
  });
  print(`${argument.target.facts.name}: waits for slices at ${place.text}`);
  try {
    return await interrupted();
  } finally {
    await ended(worker);
    redis.disconnect();
    scratch.remove();
  }
}

/** Slices go back as their hosts end; a Redis that is gone is not waited for. */
async function ended(worker: Worker): Promise<void> {
  const patience = new Promise((resolve) => setTimeout(resolve, 5000).unref());
  await Promise.race([worker.close().catch(() => undefined), patience]);
}

const interrupted = (): Promise<number> =>
  new Promise((resolve) => {
    const interruption = new Interruption(() => {
      interruption.stopListening();
      resolve(interruption.exitCode);
    });
  });

class SlicesOfWorker {
  readonly #argument: TargetArgument;
  readonly #scratch: string;
  readonly #suite = suiteIdentity();
  #taken = 0;

  constructor(argument: TargetArgument, scratch: string) {
    this.#argument = argument;
    this.#scratch = scratch;
  }

  /** Runs the slice of a job. What is none of ours is refused, and never tried again. */
  async take(job: Job<unknown>, token: string | undefined): Promise<SliceResult> {
    const slice = this.#checked(job);
    const name = `slice ${slice.number} of campaign ${slice.campaign.slice(0, 8)}`;
    print(`${name}: begins`);
    try {
      const result = await runSlice(this.#argument, slice, join(this.#scratch, String(this.#taken++)));
      const { runs, elapsedMs } = result.state;
      const found = `${counted(result.buckets.length, 'bucket')}, ${counted(result.corpus.length, 'program')} kept`;
      print(`${name}: ${counted(runs, 'program')} in ${Math.round(elapsedMs / 1000)} s, ${found}`);
      return result;
    } catch (error) {
      if (error instanceof SliceInterrupted) {
        await job.moveToWait(token);
        throw new WaitingError();
      }
      complain(`${name}: ${oneLine(error instanceof Error ? error.message : String(error))}`);
      throw error;
    }
  }

  #checked(job: Job<unknown>): Slice {
    const read = sliceSchema.safeParse(job.data, inWords);
    if (job.name !== jobName || !read.success) {
      throw this.#refused(job, read.success ? `a job called ${job.name}` : problemIn(read.error));
    }
    const { target, suite } = read.data;
    const own = this.#argument.target.facts.name;
    if (target !== own) throw this.#refused(job, `it is of the target ${target}, and this worker has ${own}`);
    if (suite !== this.#suite) throw this.#refused(job, `it was made by suite ${suite}, and this is ${this.#suite}`);
    return read.data;
  }

  #refused({ id }: Job<unknown>, why: string): UnrecoverableError {
    const text = `no slice for this worker: ${why}`;
    complain(oneLine(`job ${id}: ${text}`));
    return new UnrecoverableError(text);
  }
}
