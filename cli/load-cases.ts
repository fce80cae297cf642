import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** What this program opens at once at most, with a margin. */
const neededDescriptors = 192;

/** Why this process may not open enough files; undefined where it may. */
export function tooFewDescriptors(): string | undefined {
  const limit = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
  if (limit === undefined || Number(limit) >= neededDescriptors) return undefined;
  return `the limit of open files is ${limit}, and at least ${neededDescriptors} are needed: ulimit -n ${neededDescriptors}`;
}

/** Loads the files of cases one after another: an import of all of them opens all at once, and each takes a descriptor. */
export async function loadCases(): Promise<void> {
  const suites = fileURLToPath(new URL('../suites/', import.meta.url));
  for (const name of readdirSync(suites, { recursive: true, encoding: 'utf8' }).sort()) {
    if (name.endsWith('.cases.js')) await import(pathToFileURL(join(suites, name)).href);
  }
}
