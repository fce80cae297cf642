import { addon, fail } from './addon.ts';

export const POLLIN = 0x001;
export const POLLPRI = 0x002;
export const POLLOUT = 0x004;
export const POLLERR = 0x008;
export const POLLHUP = 0x010;
export const POLLNVAL = 0x020;
export const POLLRDHUP = 0x2000;

/**
 * How many of the first `count` descriptors are ready, after at most
 * `timeoutUs` microseconds (negative: no end). A negative descriptor is
 * skipped. An interruption does not lengthen the wait.
 */
export function poll(
  fds: Int32Array,
  events: Int16Array,
  revents: Int16Array,
  count: number,
  timeoutUs: number,
): number {
  const ready = addon.poll(fds, events, revents, count, timeoutUs);
  if (ready < 0) fail(ready, 'ppoll');
  return ready;
}

const oneFd = new Int32Array(1);
const oneEvent = new Int16Array(1);
const oneResult = new Int16Array(1);

/** As `poll`, of one descriptor: what it is ready for, 0 where nothing came in time. */
export function pollOne(fd: number, events: number, timeoutUs: number): number {
  oneFd[0] = fd;
  oneEvent[0] = events;
  return poll(oneFd, oneEvent, oneResult, 1, timeoutUs) === 0 ? 0 : (oneResult[0] ?? 0);
}

/** Microseconds of CLOCK_MONOTONIC: the clock of every deadline. */
export function monotonicUs(): number {
  return addon.monotonicUs();
}
