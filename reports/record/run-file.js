import { randomBytes } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

const { O_RDONLY, O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
/**
 * Reads a file of a run. The directory may come from a stranger: a link is not followed, and what is no regular file (a
 * FIFO would be waited for) is refused.
 * @throws Error of the system call, or one that says what the file is not.
 */
export function readRunFile(path) {
  const descriptor = openUnlinked(path, O_RDONLY);
  try {
    if (!fstatSync(descriptor).isFile()) throw new Error('it is not a regular file');
    return readFileSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
/** Opens a file of a run to append to it and to read its end; made where it is missing. @throws as `readRunFile`. */
export function openRunFile(path) {
  const descriptor = openUnlinked(path, O_RDWR | O_APPEND | O_CREAT);
  if (!fstatSync(descriptor).isFIFO()) return descriptor;
  closeSync(descriptor);
  throw new Error('it is a FIFO');
}
/** Puts a whole file in the place of what has that name, which is neither followed nor ever seen half written. */
export function replaceRunFile(path, content) {
  const staged = `${path}.${process.pid}-${randomBytes(4).toString('hex')}`;
  try {
    writeFileSync(staged, content, { flag: 'wx' });
    renameSync(staged, path);
  } catch (error) {
    rmSync(staged, { force: true });
    throw error;
  }
}
function openUnlinked(path, flags) {
  return openSync(path, flags | O_NOFOLLOW | O_NONBLOCK, 0o644);
}
//# sourceMappingURL=run-file.js.map
