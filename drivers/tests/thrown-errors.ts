import type { Test } from 'tap';
import { DriverUsageError, SystemCallError } from '../errors.ts';

function thrown(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

/** That `run` throws the SystemCallError of that errno and, if given, that call. */
export function throwsErrno(t: Test, run: () => unknown, errnoName: string, syscall?: string): void {
  const error = thrown(run);
  t.ok(error instanceof SystemCallError, `SystemCallError expected, thrown: ${error}`);
  if (!(error instanceof SystemCallError)) return;
  t.equal(error.errnoName, errnoName);
  t.equal(error.code, 'system-call');
  t.ok(error.message.includes(errnoName) && error.message.startsWith(error.syscall), error.message);
  if (syscall !== undefined) t.equal(error.syscall, syscall);
}

/** That `run` throws a DriverUsageError. */
export function throwsUsage(t: Test, run: () => unknown, comment?: string): void {
  const error = thrown(run);
  t.ok(
    error instanceof DriverUsageError,
    `DriverUsageError expected, thrown: ${error}${comment ? ` (${comment})` : ''}`,
  );
}
