import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Slice } from '../../../fuzz/campaign/slice.ts';
import type { QueuePlace } from './queue-place.ts';
import { connected } from './redis-connection.ts';

/** Before each key, and the only name that a job of ours has. */
export const queuePrefix = 'vhost-conformance';
export const jobName = 'slice';
/** Results that no campaign takes are forgotten behind it, in seconds. */
export const keptForS = 24 * 3600;
/** A slice that fails is tried so often, between waits of so long. */
const attempts = 3;
const backoffMs = 1000;

/** One queue for each target: a worker takes slices of its own alone. */
export const queueNameOf = (target: string): string => `slices-${target.replace(/[^\w.-]+/g, '-')}`;

export type SliceStanding =
  | { readonly kind: 'absent' | 'waiting' | 'active' }
  | { readonly kind: 'completed'; readonly result: unknown }
  | { readonly kind: 'failed'; readonly why: string };

/** The slices of a campaign as jobs of BullMQ, by their numbers. */
export class SliceQueue {
  readonly #redis: Redis;
  readonly #queue: Queue<Slice>;
  /** Part of the names of its jobs. */
  campaign = '';

  private constructor(redis: Redis, target: string) {
    this.#redis = redis;
    this.#queue = new Queue(queueNameOf(target), { connection: redis, prefix: queuePrefix });
    // The connection has told of it.
    this.#queue.on('error', () => undefined);
  }

  /** @throws UsageError where no Redis answers. */
  static async open(place: QueuePlace, target: string): Promise<SliceQueue> {
    return new SliceQueue(await connected(place), target);
  }

  /** Puts a slice into the queue, once however often it is said. */
  async put(slice: Slice): Promise<void> {
    await this.#queue.add(jobName, slice, {
      jobId: this.#idOf(slice.number),
      attempts,
      backoff: { type: 'fixed', delay: backoffMs },
      removeOnComplete: { age: keptForS },
      removeOnFail: { age: keptForS },
    });
  }

  async standingOf(number: number): Promise<SliceStanding> {
    const id = this.#idOf(number);
    const state = await this.#queue.getJobState(id);
    if (state === 'active') return { kind: 'active' };
    if (state === 'unknown') return { kind: 'absent' };
    if (state !== 'completed' && state !== 'failed') return { kind: 'waiting' };
    const job = await this.#queue.getJob(id);
    if (job === undefined) return { kind: 'absent' };
    if (state === 'completed') return { kind: 'completed', result: job.returnvalue };
    return { kind: 'failed', why: String(job.failedReason) };
  }

  /** Takes a slice out of the queue; false where a worker has it. */
  async remove(number: number): Promise<boolean> {
    try {
      await this.#queue.remove(this.#idOf(number));
      return (await this.#queue.getJobState(this.#idOf(number))) === 'unknown';
    } catch {
      return false;
    }
  }

  /** Ends also what still waits for an answer. */
  async close(): Promise<void> {
    this.#redis.disconnect();
    await this.#queue.close().catch(() => undefined);
  }

  #idOf(number: number): string {
    return `${this.campaign}-${number}`;
  }
}
