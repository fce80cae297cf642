import { monotonicUs } from '../native/native.ts';

/** The clock of event logs, in microseconds: node's own, which costs no call of the addon. */
export const eventClock = (): number => performance.now() * 1000;

/** Microseconds of the monotonic clock at which so many milliseconds from now have passed. */
export function deadlineIn(milliseconds: number): number {
  return monotonicUs() + milliseconds * 1000;
}
