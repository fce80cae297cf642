import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** The last bytes of a file as text, from the start of a line; empty when there is no such file. */
export function tailOfFile(path: string, maxBytes: number): string {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch {
    return '';
  }
  try {
    const { size } = fstatSync(descriptor);
    const start = Math.max(0, size - maxBytes);
    const bytes = Buffer.alloc(Math.min(size, maxBytes));
    const text = bytes.toString('utf8', 0, readSync(descriptor, bytes, 0, bytes.length, start));
    const lineStart = start === 0 ? 0 : text.indexOf('\n') + 1;
    return text.slice(lineStart);
  } finally {
    closeSync(descriptor);
  }
}
