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

/** The count since the last read, 0 for none. A blocking eventfd (made so, or by its peer) waits instead. */
export function eventfdRead(fd: number): number {
  const count = addon.eventfdRead(fd);
  if (count < 0) fail(count, 'read', 'eventfd');
  return count;
}

/** Adds to the count. SystemCallError EAGAIN where a nonblocking one would overflow. */
export function eventfdWrite(fd: number, value: number | bigint = 1): void {
  const result = addon.eventfdWrite(fd, value);
  if (result < 0) fail(result, 'write', 'eventfd');
}
