import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { createRunDirectory, RunClaimedError } from '../record/run-directory.ts';

t.test('of two runs that want one directory the second is refused, and takes nothing away', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'vc-'));
  t.teardown(() => rmSync(root, { recursive: true, force: true }));
  const directory = createRunDirectory(join(root, 'a', 'b'));
  t.ok(existsSync(directory.results), 'it is claimed before anything is written');
  t.throws(() => createRunDirectory(join(root, 'a', 'b')), RunClaimedError);
  t.ok(existsSync(directory.results));
});

t.test('a file in the way is no claim of another run', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'vc-'));
  t.teardown(() => rmSync(root, { recursive: true, force: true }));
  writeFileSync(join(root, 'file'), '');
  t.throws(() => createRunDirectory(join(root, 'file')), { code: 'record', message: /cannot be made \(ENOTDIR/ });
});
