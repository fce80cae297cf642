import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { RecordError } from './record-error.ts';
import { reasonOf } from './record-writer.ts';

/** Below its root a campaign has `instances/NAME/untriaged/FILE`: nothing of it lies deeper. */
const deepest = 4;

/**
 * A directory that comes from a stranger may have links in it, which lead elsewhere, and FIFOs, for which a reader waits:
 * a campaign makes none. The root is the user's word, and may be a link.
 * @throws RecordError for the first entry that is neither a file nor a directory.
 */
export function refuseStrangeEntries(root: string): void {
  refuse(root, deepest);
}

function refuse(directory: string, levels: number): void {
  for (const name of namesIn(directory)) {
    const path = join(directory, name);
    // What another campaign was writing may be gone by now.
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found === undefined || found.isFile()) continue;
    if (!found.isDirectory()) throw new RecordError(path, 'is neither a file nor a directory: no campaign makes one');
    if (levels > 1) refuse(path, levels - 1);
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new RecordError(directory, `cannot be read (${reasonOf(cause)})`, { cause });
  }
}
