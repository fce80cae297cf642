import { errno } from '../../reference-impl/wire/errno.ts';
import type { ControlOutcome } from '../port/outcome.ts';

/** Whether an error number says that there is no device any more. */
export const isDeviceGone = (error: number): boolean => error === errno.ENODEV || error === errno.EBADF;

/** What came of calls that return an error number, or 0. @param error of either sign. */
export function callOutcome(error: number): ControlOutcome {
  const value = Math.abs(error);
  if (value === 0) return { kind: 'done', by: 'return' };
  return isDeviceGone(value) ? { kind: 'closed' } : { kind: 'refused', by: 'errno', value };
}
