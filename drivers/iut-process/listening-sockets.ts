import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';

/** `__SO_ACCEPTCON` in the Flags column: the socket listens. */
const listens = '00010000';

const nowInKernel = (): string => readFileSync('/proc/net/unix', 'latin1');

/** The content of /proc/net/unix in each network namespace of a process but ours, as far as we may look. */
function* elsewhereInKernel(): Generator<string> {
  const known = new Set([readlinkSync('/proc/self/ns/net')]);
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      const namespace = readlinkSync(`/proc/${pid}/ns/net`);
      if (known.has(namespace)) continue;
      known.add(namespace);
      yield readFileSync(`/proc/${pid}/net/unix`, 'latin1');
    } catch {
      // It ended, or is another user's.
    }
  }
}

/** Whether a Unix socket listens that is bound to the file at `path`. @param text as of `listenerAt`. */
export function isListening(path: string, text?: string): boolean {
  return listenerAt(path, text) !== undefined;
}

/**
 * The inode of the Unix socket that listens and is bound to the file at `path`, told without connecting: some back-ends
 * serve one connection and end. It may be bound by another spelling of the path, also relative to the directory of
 * `path`, so files of the same name are compared by device and inode. A back-end that binds its socket anew has a
 * listener of another inode. A back-end may have a network namespace of its own, as in a container: where its file is
 * there and no socket of ours is bound to it, the others are looked at.
 * @param text the content of /proc/net/unix to look at alone.
 */
export function listenerAt(path: string, text?: string): string | undefined {
  const here = listenerIn(text ?? nowInKernel(), path);
  if (here !== undefined || text !== undefined) return here;
  if (statSync(path, { throwIfNoEntry: false })?.isSocket() !== true) return undefined;
  for (const other of elsewhereInKernel()) {
    const there = listenerIn(other, path);
    if (there !== undefined) return there;
  }
  return undefined;
}

function listenerIn(text: string, path: string): string | undefined {
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
