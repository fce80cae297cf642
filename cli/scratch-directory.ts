import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UsageError } from './usage-error.ts';

const prefix = 'vhost-conformance-run-';

/**
 * A directory for the sockets, disks and output of what a run starts. Its name holds our process id, so that a later
 * run can remove what a killed one had to leave.
 */
export class ScratchDirectory {
  readonly path: string;

  /** @throws UsageError where the system's temporary directory cannot be written. */
  constructor() {
    try {
      removeLeftBehind();
      this.path = mkdtempSync(join(tmpdir(), `${prefix}${process.pid}-`));
    } catch (error) {
      throw new UsageError(`no place for temporary files: ${error instanceof Error ? error.message : String(error)}`);
    }
    // Also where a second signal ends us at once.
    process.once('exit', () => this.remove());
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

function removeLeftBehind(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = new RegExp(`^${prefix}(\\d+)-`).exec(name)?.[1];
    if (pid === undefined || existsSync(`/proc/${pid}`)) continue;
    try {
      rmSync(join(tmpdir(), name), { recursive: true, force: true });
    } catch {
      // Another user's: theirs to remove.
    }
  }
}
