import {
  closeSync,
  constants,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  realpathSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, isAbsolute, join, sep } from 'node:path';
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

/** Why a path does not name something within the directory that is made for an IUT; undefined where it does. */
export function outsideOfDirectory(path: string): string | undefined {
  if (isAbsolute(path)) return 'is an absolute path; say one within the directory that is made for the back-end';
  const names = path.split(sep);
  if (names.some((name) => name === '..' || name === '.' || name === '')) {
    return 'is not the plain path of something within the directory that is made for the back-end';
  }
  return undefined;
}

/**
 * The directory of one IUT of ours: its socket and its files. Readable to us alone, and to the IUT, which may put
 * anything at their places: nothing is followed or opened that is not what we made, or a socket.
 */
export class IutDirectory {
  readonly path: string;
  readonly socketPath: string;

  /** Makes the directory under `parent` (the system's temporary directory unless given). */
  constructor(socket: string, parent: string = tmpdir()) {
    const outside = outsideOfDirectory(socket);
    if (outside !== undefined) throw new DriverUsageError(`the socket ${socket} ${outside}`);
    try {
      this.path = mkdtempSync(join(parent, 'vhost-conformance-'));
    } catch (error) {
      throw new DriverUsageError(`no directory for the back-end in ${parent}: ${(error as Error).message}`);
    }
    this.socketPath = join(this.path, socket);
    checkSocketPath(this.socketPath);
  }

  /** Replaces `{socket}` and `{dir}`. */
  expand(text: string): string {
    return text.replaceAll('{socket}', this.socketPath).replaceAll('{dir}', this.path);
  }

  /** Each value expanded. */
  expandedAll(texts: Readonly<Record<string, string>>): Record<string, string> {
    return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, this.expand(text)]));
  }

  /** Makes the directory again where the IUT has removed it, or put something else in its place. */
  restore(): void {
    if (lstatSync(this.path, { throwIfNoEntry: false })?.isDirectory() === true) return;
    rmSync(this.path, { force: true });
    mkdirSync(this.path, { mode: 0o700 });
  }

  /** Makes each file anew: sparse, all zero. */
  makeFiles(files: Readonly<Record<string, number>>): void {
    for (const [name, bytes] of Object.entries(files)) {
      const outside = outsideOfDirectory(name);
      if (outside !== undefined) throw new DriverUsageError(`the file ${name} ${outside}`);
      const path = join(this.path, name);
      rmSync(path, { recursive: true, force: true });
      const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
      const descriptor = openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
      try {
        ftruncateSync(descriptor, bytes);
      } finally {
        closeSync(descriptor);
      }
    }
  }

  /** Removes the socket, where it is one and lies in this directory. */
  removeSocket(): void {
    const isSocket = lstatSync(this.socketPath, { throwIfNoEntry: false })?.isSocket() === true;
    if (isSocket && this.#holds(dirname(this.socketPath))) rmSync(this.socketPath, { force: true });
  }

  /** Removes all of it. What cannot be removed stays for the end of the run. */
  remove(): void {
    try {
      rmSync(this.path, { recursive: true, force: true, maxRetries: 3 });
    } catch {
      // A process that is not ours to end still writes there, or made a directory that cannot be read.
    }
  }

  /** A directory of ours may have become a link to another. */
  #holds(directory: string): boolean {
    const own = realpathSync(this.path);
    const real = realpathSync(directory);
    return real === own || real.startsWith(own + sep);
  }
}
