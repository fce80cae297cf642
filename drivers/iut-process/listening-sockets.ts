import { readFileSync } from 'node:fs';

/** `__SO_ACCEPTCON` in the Flags column: the socket listens. */
const listens = '00010000';

/**
 * Whether a Unix socket bound to exactly this path listens, told without connecting: some back-ends serve one
 * connection and end. `text` is the content of /proc/net/unix.
 */
export function isListening(path: string, text: string = readFileSync('/proc/net/unix', 'latin1')): boolean {
  const wanted = Buffer.from(path, 'utf8').toString('latin1');
  let from = 0;
  for (;;) {
    const at = text.indexOf(wanted, from);
    if (at < 0) return false;
    from = at + 1;
    const after = text[at + wanted.length];
    if (text[at - 1] !== ' ' || (after !== undefined && after !== '\n')) continue;
    const line = text.slice(text.lastIndexOf('\n', at) + 1, at);
    // Num RefCount Protocol Flags Type St Inode Path
    if (line.trimEnd().split(/\s+/)[3] === listens) return true;
  }
}
