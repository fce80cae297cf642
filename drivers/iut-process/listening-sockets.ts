import { readFileSync, readlinkSync, statSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';

/** `__SO_ACCEPTCON` in the Flags column: the socket listens. */
const listens = '00010000';

const nowInKernel = (): string => readFileSync('/proc/net/unix', 'latin1');

/** Whether a Unix socket listens that is bound to the file at `path`. */
export function isListening(path: string, text?: string): boolean {
  return listenerAt(path, text) !== undefined;
}

/**
 * The inode of the Unix socket that listens and is bound to the file at `path`, told without connecting: some back-ends
 * serve one connection and end. It may be bound by another spelling of the path, also relative to the directory of
 * `path`, so files of the same name are compared by device and inode. A back-end that binds its socket anew has a
 * listener of another inode. `text` is the content of /proc/net/unix.
 */
export function listenerAt(path: string, text: string = nowInKernel()): string | undefined {
  const name = basename(path);
  const wanted = Buffer.from(name, 'utf8').toString('latin1');
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + 1)) {
    const after = text[at + wanted.length];
    if (after !== undefined && after !== '\n') continue;
    // Num RefCount Protocol Flags Type St Inode Path
    const line = /^\S+ \S+ \S+ (\S+) +\S+ +\S+ +(\S+) (.*)$/.exec(
      text.slice(text.lastIndexOf('\n', at) + 1, at + wanted.length),
    );
    if (line?.[1] !== listens) continue;
    const bound = Buffer.from(line[3] ?? '', 'latin1').toString('utf8');
    if (bound === path || (basename(bound) === name && isSameFile(resolve(dirname(path), bound), path))) return line[2];
  }
  return undefined;
}

/** Whether a descriptor of ours is a Unix socket that listens. */
export function isListeningSocket(descriptor: number): boolean {
  const inode = /\[(\d+)\]/.exec(readlinkSync(`/proc/self/fd/${descriptor}`))?.[1];
  return nowInKernel()
    .split('\n')
    .map((line) => line.trim().split(/ +/))
    .some((fields) => fields[6] === inode && fields[3] === listens);
}

function isSameFile(one: string, other: string): boolean {
  const [a, b] = [one, other].map((path) => statSync(path, { throwIfNoEntry: false }));
  return a !== undefined && b !== undefined && a.ino === b.ino && a.dev === b.dev;
}
