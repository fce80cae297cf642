import { Redis } from 'ioredis';
import { complain } from '../../terminal.ts';
import { UsageError } from '../../usage-error.ts';
import type { QueuePlace } from './queue-place.ts';

const firstContactMs = 5000;
const mostWaitMs = 2000;

/**
 * A connection that outlives its Redis: what is asked meanwhile is answered once there is one again.
 * @throws UsageError with one line where no Redis answers now.
 */
export async function connected(place: QueuePlace): Promise<Redis> {
  await answers(place);
  // BullMQ waits for ever, too.
  const redis = new Redis({
    ...place.options,
    maxRetriesPerRequest: null,
    retryStrategy: (times) => Math.min(times * 100, mostWaitMs),
  });
  let isLost = false;
  redis.on('error', (error: Error) => {
    if (!isLost) complain(`${place.text}: no answer (${error.message}); what is to be told waits for it`);
    isLost = true;
  });
  redis.on('ready', () => {
    if (isLost) complain(`${place.text}: answers again`);
    isLost = false;
  });
  return redis;
}

async function answers({ text, options }: QueuePlace): Promise<void> {
  let last: Error | undefined;
  const redis = new Redis({
    ...options,
    lazyConnect: true,
    connectTimeout: firstContactMs,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  redis.on('error', (error: Error) => {
    last = error;
  });
  try {
    await redis.connect();
    await redis.ping();
  } catch (error) {
    const why = last?.message || (error instanceof Error ? error.message : String(error));
    throw new UsageError(
      `--queue ${text}: no Redis is to be had there (${why}); start one: redis-server --appendonly yes (apt-get install redis-server)`,
    );
  } finally {
    redis.disconnect();
  }
}
