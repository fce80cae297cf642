import { join, split } from 'shlex';
import { UsageError } from './usage-error.ts';

/** A command line that a POSIX shell splits into exactly these words. */
export function shellLine(words: readonly string[]): string {
  return join(words);
}

/**
 * Splits a command line at blanks, as a shell does: quotes and backslashes keep blanks, nothing is expanded.
 * @throws UsageError for an open quote, or a backslash at the end.
 */
export function splitShellLine(line: string): string[] {
  try {
    return split(line);
  } catch {
    throw new UsageError(`${line}: a quote or an escape is not closed`);
  }
}
