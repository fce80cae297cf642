import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { makeDirectory } from '../../reports/record/run-directory.ts';
import { GuestError } from './guest-error.ts';

const unfinished = /^\.unfinished-(\d+)-/;
const retryMs = 200;

/** What was fetched and built before. Each entry is a directory that appears whole, by a rename, or not at all. */
export class CacheDirectory {
  readonly path: string;

  /** @throws GuestError where the directory cannot be made. */
  constructor(path: string) {
    this.path = resolve(path);
    try {
      makeDirectory(this.path);
    } catch (error) {
      throw new GuestError(`the cache ${this.path} cannot be made: ${reason(error)}`);
    }
  }

  /** Names of what is there. */
  entries(): string[] {
    return readdirSync(this.path).filter((name) => !name.startsWith('.'));
  }

  /**
   * Path of an entry, made by `make` in a directory of its own if `find` does not find it. One process at a time makes;
   * the others wait and find what it made.
   * @param find the name of the entry, if it is there.
   * @param make fills the directory and returns the entry's name.
   */
  async entry(
    find: () => string | undefined,
    make: (directory: string) => Promise<string>,
    waiting: (pid: number) => void,
  ): Promise<string> {
    const found = find();
    if (found !== undefined) return join(this.path, found);
    const release = await this.#lock(waiting);
    try {
      const foundNow = find();
      if (foundNow !== undefined) return join(this.path, foundNow);
      this.#removeLeftBehind();
      return await this.#made(make);
    } finally {
      release();
    }
  }

  async #made(make: (directory: string) => Promise<string>): Promise<string> {
    const directory = join(this.path, `.unfinished-${process.pid}-${randomBytes(4).toString('hex')}`);
    const remove = (): void => rmSync(directory, { recursive: true, force: true });
    process.once('exit', remove);
    try {
      mkdirSync(directory);
      const place = join(this.path, await make(directory));
      renameSync(directory, place);
      return place;
    } catch (error) {
      if (error instanceof GuestError || !(error instanceof Error)) throw error;
      if ('syscall' in error) throw new GuestError(`the cache ${this.path} cannot be filled: ${reason(error)}`);
      throw error;
    } finally {
      remove();
      process.off('exit', remove);
    }
  }

  /** A file with our process id in it: it binds as long as we live. */
  async #lock(waiting: (pid: number) => void): Promise<() => void> {
    const path = join(this.path, '.lock');
    const release = (): void => rmSync(path, { force: true });
    let said = false;
    for (;;) {
      try {
        writeFileSync(path, String(process.pid), { flag: 'wx' });
        process.once('exit', release);
        return () => {
          process.off('exit', release);
          release();
        };
      } catch (error) {
        if (!isExisting(error)) throw new GuestError(`the cache ${this.path} cannot be filled: ${reason(error)}`);
      }
      const holder = numberIn(path);
      if (holder !== undefined && !existsSync(`/proc/${holder}`)) {
        release();
        continue;
      }
      if (!said && holder !== undefined) waiting(holder);
      said = true;
      await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
  }

  #removeLeftBehind(): void {
    for (const name of readdirSync(this.path)) {
      const pid = unfinished.exec(name)?.[1];
      if (pid === undefined || existsSync(`/proc/${pid}`)) continue;
      rmSync(join(this.path, name), { recursive: true, force: true });
    }
  }
}

function numberIn(path: string): number | undefined {
  try {
    const text = readFileSync(path, 'utf8');
    return /^\d+$/.test(text) ? Number(text) : undefined;
  } catch {
    // Released at this moment.
    return undefined;
  }
}

function isExisting(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EEXIST';
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
