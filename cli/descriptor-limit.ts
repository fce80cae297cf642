import { readFileSync } from 'node:fs';

/** What this program opens at once at most, with a margin. */
const neededDescriptors = 192;

/** Why this process may not open enough files; undefined where it may. */
export function tooFewDescriptors(): string | undefined {
  const limit = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
  if (limit === undefined || Number(limit) >= neededDescriptors) return undefined;
  return `the limit of open files is ${limit}, and at least ${neededDescriptors} are needed: ulimit -n ${neededDescriptors}`;
}
