import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';

/** What is read of a host below /sys, /proc and /dev. What is not there reads as nothing. */
export interface HostFiles {
  /** Its lines without blanks around them, or undefined. */
  text(path: string): string | undefined;
  names(path: string): string[];
  /** Where a path leads, links followed. */
  real(path: string): string | undefined;
}

/** @param root in front of every path, and in none that is answered. */
export const hostFiles = (root = ''): HostFiles => ({
  text: (path) => attempt(() => readFileSync(join(root, path), 'utf8').trim()),
  names: (path) => attempt(() => readdirSync(join(root, path))) ?? [],
  real: (path) => attempt(() => realpathSync(join(root, path)).slice(root.length)),
});

function attempt<Result>(act: () => Result): Result | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}
