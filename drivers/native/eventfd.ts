import { addon, checked, fail } from './addon.ts';

export interface EventfdOptions {
  /** The first count, below 2^32. */
  readonly initial?: number;
  /** Default true: reads and writes that would block answer at once. */
  readonly nonblocking?: boolean;
  /** A read then takes one from the count, not all. */
  readonly semaphore?: boolean;
}

export function eventfdCreate(options: EventfdOptions = {}): number {
  return checked(
    addon.eventfdCreate(options.initial ?? 0, options.nonblocking ?? true, options.semaphore ?? false),
    'eventfd',
  );
}

/** The count since the last read, 0 for none, also where its peer made it a blocking one. */
export function eventfdRead(fd: number): number {
  const count = addon.eventfdRead(fd);
  if (count < 0) fail(count, 'read', 'eventfd');
  return count;
}

const EAGAIN = 11;

/**
 * Adds to the count. False where it would overflow, which has no effect; it takes up to 200 ms to say so where its peer
 * made it a blocking one.
 */
export function eventfdWrite(fd: number, value: number | bigint = 1): boolean {
  const result = addon.eventfdWrite(fd, value);
  if (result === -EAGAIN) return false;
  if (result < 0) fail(result, 'write', 'eventfd');
  return true;
}
