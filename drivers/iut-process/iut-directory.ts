import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { DriverUsageError } from '../errors.ts';

/** Bytes of sun_path without its closing zero. */
const socketPathMaximum = 107;

/** Throws DriverUsageError when the kernel could not bind or connect to the path. */
export function checkSocketPath(path: string): void {
  const length = Buffer.byteLength(path);
  if (length > socketPathMaximum) {
    throw new DriverUsageError(`${path}: a socket path has at most ${socketPathMaximum} bytes, this one has ${length}`);
  }
}

/** The directory of one IUT of ours: its socket, its files and its output. Readable to us alone. */
export class IutDirectory {
  readonly path: string;
  readonly socketPath: string;

  /** Makes the directory under `parent` (the system's temporary directory unless given). */
  constructor(socket: string, parent: string = tmpdir()) {
    try {
      this.path = mkdtempSync(join(parent, 'vhost-conformance-'));
    } catch (error) {
      throw new DriverUsageError(`no directory for the back-end in ${parent}: ${(error as Error).message}`);
    }
    this.socketPath = isAbsolute(socket) ? socket : join(this.path, socket);
    checkSocketPath(this.socketPath);
  }

  file(name: string): string {
    return join(this.path, name);
  }

  /** Replaces `{socket}` and `{dir}`. */
  expand(text: string): string {
    return text.replaceAll('{socket}', this.socketPath).replaceAll('{dir}', this.path);
  }

  /** Makes each file anew: sparse, all zero. */
  makeFiles(files: Readonly<Record<string, number>>): void {
    for (const [name, bytes] of Object.entries(files)) {
      const descriptor = openSync(this.file(name), 'w', 0o600);
      try {
        ftruncateSync(descriptor, bytes);
      } finally {
        closeSync(descriptor);
      }
    }
  }

  removeSocket(): void {
    rmSync(this.socketPath, { force: true });
  }

  remove(): void {
    this.removeSocket();
    rmSync(this.path, { recursive: true, force: true });
  }
}
