import { monotonicUs } from '../native/native.ts';

/** Microseconds of the monotonic clock at which so many milliseconds from now have passed. */
export function deadlineIn(milliseconds: number): number {
  return monotonicUs() + milliseconds * 1000;
}
