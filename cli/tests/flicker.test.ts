import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { differingResults, repetitionsOf, sightingsOf } from '../../reports/differing-results.ts';
import type { CaseRecord } from '../../reports/record/record.ts';
import { summaryOf } from '../run-summary.ts';
import { isNightly } from './nightly.ts';

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
  t.same(
    differing.map((one) => sightingsOf(one, 'run')),
    [
      ['pass: runs 1; 2', 'no result: run 1 beside a load'],
      ['pass: runs 1; 1 beside a load', 'inconclusive: run 2'],
      ['fail at x, y: runs 1; 2', 'fail at x: run 1 beside a load'],
    ],
  );
});

t.test('runs that agree differ in nothing', async (t) => {
  t.same(differingResults([1, 2].map((n) => ({ name: `${n}`, results: [result('a', 'fail')] }))), []);
});

t.test('repetitions of one run are compared in the same way', async (t) => {
  const repeated = [
    { ...result('a', 'pass'), repetition: 1 },
    { ...result('a', 'fail'), repetition: 0 },
    { ...result('b', 'pass'), repetition: 0 },
    { ...result('b', 'pass'), repetition: 1 },
  ];
  const [only, ...others] = differingResults(repetitionsOf(repeated));
  t.match(only, {
    key: 'a',
    seen: [
      { what: 'fail', runs: ['1'] },
      { what: 'pass', runs: ['2'] },
    ],
  });
  t.same(others, []);
});

t.test('the summary of a run with repetitions names what flickers', async (t) => {
  const rules = { expectations: [], today: '2026-01-01', strictTargets: [], texts: [] };
  const remains = { problems: [], givenUp: [], missing: 0, paths: [], resume: '' };
  const steady = [0, 1].map((repetition) => ({ ...result('steady', 'pass'), repetition }));
  const { text } = summaryOf(
    [...steady, { ...result('b', 'pass'), repetition: 1 }, result('b', 'fail')],
    rules,
    remains,
  );
  t.match(text, /Flicker: 1 result not the same in every repetition/);
  t.match(text, /daemon: b\n {4}fail: repetition 1\n {4}pass: repetition 2\n/);
  t.notMatch(text, 'daemon: steady');
  t.notMatch(summaryOf(steady, rules, remains).text, 'Flicker');
});

const flicker = fileURLToPath(new URL('../flicker.js', import.meta.url));

t.test('the reference is judged alike, quiet and beside a load', async (t) => {
  const words = ['--repeat', '1', '--case', isNightly ? 'vhost-user/log/*' : 'vhost-user/log/pages-*', 'reference'];
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
