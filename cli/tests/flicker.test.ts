import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import type { CaseRecord } from '../../reports/record/record.ts';
import { differingResults, linesOf } from '../flicker/differing-results.ts';

const result = (key: string, verdict: CaseRecord['verdict'], failed: readonly string[] = []): CaseRecord => ({
  event: 'case',
  key,
  target: 'daemon',
  caseId: key,
  repetition: 0,
  title: key,
  variant: {},
  verdict,
  outcomes: [{ requirement: 'split/used-idx-wraps', outcome: verdict, checks: 1 }],
  findings: [],
  durationMs: 1,
  seed: 1,
  rerun: '',
  ...(failed.length === 0 ? {} : { points: { count: 3, failed: [...failed] } }),
});

t.test('what differs between runs is told with the runs that saw it', async (t) => {
  const differing = differingResults([
    { name: '1', results: [result('a', 'pass'), result('b', 'pass'), result('c', 'fail', ['x', 'y'])] },
    { name: '2', results: [result('a', 'pass'), result('b', 'inconclusive'), result('c', 'fail', ['y', 'x'])] },
    { name: '1 beside a load', results: [result('b', 'pass'), result('c', 'fail', ['x'])] },
  ]);
  t.same(
    differing.map(({ key }) => key),
    ['a', 'b', 'c'],
  );
  t.same(differing.flatMap(linesOf), [
    'not ok daemon a',
    '    pass: runs 1; 2',
    '    no result: run 1 beside a load',
    'not ok daemon b',
    '    pass: runs 1; 1 beside a load',
    '    inconclusive: run 2',
    'not ok daemon c',
    '    fail at x, y: runs 1; 2',
    '    fail at x: run 1 beside a load',
  ]);
});

t.test('runs that agree differ in nothing', async (t) => {
  t.same(differingResults([1, 2].map((n) => ({ name: `${n}`, results: [result('a', 'fail')] }))), []);
});

const flicker = fileURLToPath(new URL('../flicker.js', import.meta.url));

t.test('the reference is judged alike, quiet and beside a load', async (t) => {
  const words = ['--repeat', '1', '--case', 'vhost-user/log/*', 'reference'];
  const { stdout, status } = spawnSync(process.execPath, [flicker, ...words], { encoding: 'utf8' });
  t.match(stdout, /^ok reference: \d+ results alike in 2 runs$/m);
  t.equal(status, 0);
});

t.test('wrong words are refused with what is meant', async (t) => {
  const { stderr, status } = spawnSync(process.execPath, [flicker, 'qemu-storage-demon'], { encoding: 'utf8' });
  t.match(stderr, /qemu-storage-demon: no such target.*qemu-storage-daemon/);
  t.equal(status, 2);
  t.equal(spawnSync(process.execPath, [flicker, '--repeat', '0']).status, 2);
});
