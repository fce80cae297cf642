import { existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';

/** This machine, as a part of names of files that several machines may share. */
export const machine: string = hostname().replace(/[^\w-]+/g, '-') || 'machine';

/** What is written under this name is not there yet: no reader takes it. */
export const temporaryName = (name: string): string => `.${name}.${machine}.${process.pid}.tmp`;

/**
 * Writes a file so that a reader, also behind a kill, finds the old contents, or none, or all of the new ones. A machine that
 * loses its power may leave it empty.
 */
export function writeAtomically(directory: string, name: string, contents: Uint8Array | string): void {
  const temporary = join(directory, temporaryName(name));
  // What a stranger may have put there is not followed.
  rmSync(temporary, { recursive: true, force: true });
  writeFileSync(temporary, contents, { flag: 'wx' });
  renameSync(temporary, join(directory, name));
}

/** Removes what processes of this machine were writing when they were killed. */
export function removeTemporary(directory: string): void {
  for (const name of readdirSync(directory)) {
    const [, owner, pid] = /\.([\w-]+)\.(\d+)\.tmp$/.exec(name) ?? [];
    if (owner !== machine || existsSync(`/proc/${pid}`)) continue;
    rmSync(join(directory, name), { recursive: true, force: true });
  }
}
