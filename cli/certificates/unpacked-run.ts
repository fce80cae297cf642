import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ArchiveFiles } from '../../certificates/archive.ts';
import { runFolder } from '../../certificates/bundle.ts';

/** Writes the run of a bundle to a directory of its own, which is gone behind this. @param files by names that bundles have. */
export function withUnpackedRun<Result>(files: ArchiveFiles, use: (root: string) => Result): Result {
  const root = mkdtempSync(join(tmpdir(), 'vhost-conformance-'));
  try {
    mkdirSync(join(root, 'traces'));
    for (const [name, content] of files) {
      // Each name is one that bundles have: it leads nowhere else.
      if (name.startsWith(runFolder)) writeFileSync(join(root, name.slice(runFolder.length)), content, { flag: 'wx' });
    }
    return use(root);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
