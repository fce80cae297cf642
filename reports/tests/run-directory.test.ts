import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { readRecords } from '../record/record-reader.ts';
import { RecordWriter } from '../record/record-writer.ts';
import { claimRunDirectory, openRunDirectory, RunClaimedError, type RunDirectory } from '../record/run-directory.ts';

const emptyDirectory = (test: { teardown(handler: () => void): void }): string => {
  const root = mkdtempSync(join(tmpdir(), 'vc-'));
  test.teardown(() => rmSync(root, { recursive: true, force: true }));
  return root;
};

const filling =
  (text: string) =>
  ({ results, plan }: RunDirectory): void => {
    writeFileSync(results, text);
    writeFileSync(plan, text);
  };

t.test('of two runs that want one directory the second is refused, and takes nothing away', async (t) => {
  const root = emptyDirectory(t);
  const place = join(root, 'a', 'b');
  const directory = claimRunDirectory(place, filling('first'));
  t.throws(() => claimRunDirectory(place, filling('second')), RunClaimedError);
  t.equal(readFileSync(directory.results, 'utf8'), 'first');
  t.equal(readFileSync(directory.plan, 'utf8'), 'first');
  t.same(readdirSync(place).sort(), ['plan.json', 'results.jsonl'], 'nothing of the preparations is left');
});

t.test('a run that cannot be prepared leaves nothing, and no directory that it made', async (t) => {
  const root = emptyDirectory(t);
  const fail = (): void => {
    throw new RangeError('no');
  };
  t.throws(() => claimRunDirectory(join(root, 'a', 'b'), fail), RangeError);
  t.same(readdirSync(root), []);
});

t.test('what a run left that was killed while it was prepared is no obstacle', async (t) => {
  const root = emptyDirectory(t);
  mkdirSync(join(root, '.vhost-conformance-4194305-abcdef'));
  claimRunDirectory(root, filling('x'));
  t.same(readdirSync(root).sort(), ['plan.json', 'results.jsonl']);
});

t.test('a file in the way is no claim of another run', async (t) => {
  const root = emptyDirectory(t);
  writeFileSync(join(root, 'file'), '');
  t.throws(() => claimRunDirectory(join(root, 'file'), filling('x')), {
    code: 'record',
    message: /cannot be made \(ENOTDIR/,
  });
});

t.test('no link of a directory from elsewhere is followed, neither to read nor to write', async (t) => {
  const root = emptyDirectory(t);
  const secret = join(root, 'secret');
  writeFileSync(secret, 'secret');
  const strange = join(root, 'strange');
  mkdirSync(strange);
  symlinkSync(secret, join(strange, 'results.jsonl'));
  const { results } = openRunDirectory(strange);
  t.throws(() => readRecords(results), { code: 'record', message: /cannot be read \(ELOOP/ });
  t.throws(() => new RecordWriter(results), { code: 'record', message: /cannot be opened for writing \(ELOOP/ });
  symlinkSync(root, join(strange, 'traces'));
  t.throws(() => openRunDirectory(strange), { code: 'record', message: /traces: is not a directory/ });
  t.equal(readFileSync(secret, 'utf8'), 'secret');
  t.ok(existsSync(results));
});
