import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openBundle, runFolder, type Trust } from '../../certificates/bundle.ts';
import { type Verification, verified } from '../../certificates/verification.ts';
import { suiteFacts } from './suite-facts.ts';

export const today = (): string => new Date().toISOString().slice(0, 10);

/** Opens and judges a bundle. What it holds is written to a directory of its own, which is gone behind this. */
export async function verifiedBundle(archive: Buffer, trust: Trust): Promise<Verification> {
  const bundle = await openBundle(archive, trust);
  const root = mkdtempSync(join(tmpdir(), 'vhost-conformance-'));
  try {
    mkdirSync(join(root, 'traces'));
    for (const [name, content] of bundle.files) {
      // Each name is one that bundles have: it leads nowhere else.
      if (name.startsWith(runFolder)) writeFileSync(join(root, name.slice(runFolder.length)), content, { flag: 'wx' });
    }
    return verified(bundle, root, suiteFacts(), today());
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
