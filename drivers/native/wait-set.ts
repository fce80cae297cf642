import { addon, checked, fail } from './addon.ts';
import type { Pinned } from './pin.ts';

const ENOENT = 2;
const EBADF = 9;

/** A set of descriptors that many waits have in common (epoll, and a timer that stays armed between waits). */
export type WaitSetHandle = number;

export function waitSetCreate(): WaitSetHandle {
  return checked(addon.waitSetCreate(), 'epoll_create1');
}

/** A descriptor that is readable while one of the set is. */
export function waitSetFd(set: WaitSetHandle): number {
  return checked(addon.waitSetFd(set), 'waitSetFd');
}

/** @param slot comes back when the descriptor is readable, hung up or broken. */
export function waitSetAdd(set: WaitSetHandle, fd: number, slot: number): void {
  checked(addon.waitSetAdd(set, fd, slot), 'epoll_ctl');
}

/** Before the descriptor is closed. False where it was not there any more. */
export function waitSetRemove(set: WaitSetHandle, fd: number): boolean {
  const result = addon.waitSetRemove(set, fd);
  if (result >= 0) return true;
  return result === -ENOENT || result === -EBADF ? false : fail(result, 'epoll_ctl');
}

/**
 * How many are ready, after at most `timeoutUs` microseconds (negative: no end). It may end sooner with none.
 * @param ready an Int32Array that becomes pairs of a slot and its poll events.
 */
export function waitSetWait(set: WaitSetHandle, ready: Pinned, timeoutUs: number): number {
  const count = addon.waitSetWait(set, ready, timeoutUs);
  if (count < 0) fail(count, 'epoll_wait');
  return count;
}

export function waitSetClose(set: WaitSetHandle): void {
  checked(addon.waitSetClose(set), 'waitSetClose');
}
