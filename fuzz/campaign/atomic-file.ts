import { renameSync, writeFileSync } from 'node:fs';

/**
 * Writes a file so that a reader, also behind a kill, finds the old contents, or none, or all of the new ones. A machine that
 * loses its power may leave it empty.
 */
export function writeAtomically(path: string, contents: Uint8Array | string): void {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, contents);
  renameSync(temporary, path);
}
