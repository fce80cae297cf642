import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';

/** A directory for sockets, removed after the test: the path of a socket has only 107 bytes. */
export function socketDirectory(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'vhost-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  return directory;
}
