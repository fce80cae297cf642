import { addon, checked } from './addon.ts';

const calls = ['read', 'write', 'pread', 'pwrite', 'sendmsg', 'recvmsg', 'ppoll', 'epoll_wait', 'ioctl'] as const;
export type ScriptedCall = (typeof calls)[number];

/**
 * For tests alone: the next times the addon makes that call, each step fails
 * it (minus an errno), limits its bytes (above zero) or lets it pass (zero).
 * Returns how many steps of the script before were never taken.
 */
export function scriptSystemCall(call: ScriptedCall, steps: readonly number[]): number {
  return checked(addon.scriptSystemCall(calls.indexOf(call), Int32Array.from(steps)), 'scriptSystemCall');
}
