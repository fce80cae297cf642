import { randomBytes } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

const { O_RDONLY, O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;

/** Bytes of the longest file that is read whole: below what a text of Node can hold. */
const mostBytes = 400 << 20;

/**
 * Reads a file of a run. The directory may come from a stranger: a link is not followed, and what is no regular file (a
 * FIFO would be waited for) or has too many bytes is refused.
 * @throws Error of the system call, or one that says what the file is not.
 */
export function readRunFile(path: string, most: number = mostBytes): Buffer {
  return readWhole(openUnlinked(path, O_RDONLY), most);
}

/** Reads a file that the user names: it may be a link. Else as `readRunFile`. */
export function readNamedFile(path: string, most: number = mostBytes): Buffer {
  return readWhole(openSync(path, O_RDONLY | O_NONBLOCK), most);
}

function readWhole(descriptor: number, most: number): Buffer {
  try {
    const file = fstatSync(descriptor);
    if (!file.isFile()) throw new Error('it is not a regular file');
    if (file.size > most) throw new Error(`it has ${file.size} bytes, and ${most} are the most that are read`);
    return readFileSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Opens a file of a run to append to it and to read its end; made where it is missing. @throws as `readRunFile`. */
export function openRunFile(path: string): number {
  const descriptor = openUnlinked(path, O_RDWR | O_APPEND | O_CREAT);
  if (!fstatSync(descriptor).isFIFO()) return descriptor;
  closeSync(descriptor);
  throw new Error('it is a FIFO');
}

/** Puts a whole file in the place of what has that name, which is neither followed nor ever seen half written. */
export function replaceRunFile(path: string, content: string | Uint8Array): void {
  const staged = `${path}.${process.pid}-${randomBytes(4).toString('hex')}`;
  try {
    writeFileSync(staged, content, { flag: 'wx' });
    renameSync(staged, path);
  } catch (error) {
    rmSync(staged, { force: true });
    throw error;
  }
}

function openUnlinked(path: string, flags: number): number {
  return openSync(path, flags | O_NOFOLLOW | O_NONBLOCK, 0o644);
}
