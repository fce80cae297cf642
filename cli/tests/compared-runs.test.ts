import t from 'tap';
import type { CaseRecord, Finding, Outcome } from '../../reports/record/record.ts';
import { comparedRuns, ratesOf } from '../back-ends/compared-runs.ts';

const found = (requirement: string, how: Finding['how']): Finding => ({
  requirement,
  level: 'MUST',
  basis: 'keyword',
  how,
  what: 'it',
  expected: 'this',
  actual: 'that',
  traceEvent: 1,
});

const result = (key: string, verdict: Outcome, findings: readonly Finding[] = [], why?: string): CaseRecord => ({
  event: 'case',
  key,
  target: 'x',
  repetition: 1,
  caseId: key,
  title: key,
  variant: {},
  verdict,
  outcomes: [{ requirement: 'a', outcome: verdict, checks: 1, ...(why === undefined ? {} : { why }) }],
  findings: [...findings],
  durationMs: 1,
  seed: 1,
  rerun: 'again',
});

t.test('equal verdicts and findings do not differ, though their texts do', (t) => {
  const first = [result('a', 'pass'), result('b', 'fail', [found('r', 'wrong')])];
  const second = [result('b', 'fail', [{ ...found('r', 'wrong'), actual: 'other' }]), result('a', 'pass')];
  t.same(comparedRuns(first, second).flickers, []);
  t.same(comparedRuns(first, second).counts, { pass: 1, fail: 1 });
  t.end();
});

t.test('another verdict, another way of failing and a missing result differ', (t) => {
  const first = [result('a', 'pass'), result('b', 'fail', [found('r', 'stalled')]), result('c', 'pass')];
  const second = [result('a', 'inconclusive'), result('b', 'fail', [found('r', 'hang')]), result('d', 'pass')];
  t.same(
    comparedRuns(first, second).flickers.map(({ key, seen }) => [key, ...seen.map(({ what }) => what)]),
    [
      ['a', 'pass', 'inconclusive'],
      ['b', 'fail (r: stalled)', 'fail (r: hang)'],
      ['c', 'pass', 'no result'],
      ['d', 'no result', 'pass'],
    ],
  );
  t.end();
});

t.test('findings are gathered by requirement, reasons by their text', (t) => {
  const first = [
    result('a', 'fail', [found('r', 'wrong')]),
    result('b', 'fail', [found('r', 'wrong'), found('q', 'crash')]),
    result('c', 'not-applicable', [], 'missing: x'),
    result('d', 'not-applicable', [], 'missing: x'),
    result('e', 'inconclusive', [], 'busy'),
  ];
  const { findings, reasons } = comparedRuns(first, first);
  t.same(
    findings.map(({ requirement, keys }) => [requirement, keys]),
    [
      ['q', ['b']],
      ['r', ['a', 'b']],
    ],
  );
  t.same(reasons, [
    { outcome: 'not-applicable', why: 'missing: x', results: 2 },
    { outcome: 'inconclusive', why: 'busy', results: 1 },
  ]);
  t.end();
});

const crash = found('r', 'crash');
const sweep = (failed: string[], unstable: string[], left: string[] = []): CaseRecord => ({
  ...result('s', 'fail', [{ ...crash, points: failed }]),
  points: { count: 3, failed, unstable: unstable.map((key) => ({ key, failed: 1, of: 3 })), left },
});

t.test('a point that one run found to be unstable, or did not come to, is not compared', (t) => {
  t.same(comparedRuns([sweep(['a', 'b'], ['b'])], [sweep(['a'], [])]).flickers, []);
  t.same(comparedRuns([sweep(['a', 'c'], [])], [sweep(['a'], [], ['c'])]).flickers, []);
  t.equal(comparedRuns([sweep(['a', 'b'], [])], [sweep(['a'], [])]).flickers.length, 1);
  t.end();
});

t.test('what differed is unstable where its repetitions differ, with the rate of each thing that was seen', (t) => {
  const [flicker] = comparedRuns([result('a', 'pass')], [result('a', 'fail', [crash])]).flickers;
  if (flicker === undefined) throw new Error('nothing differs');
  const pass = result('a', 'pass');
  const fail = result('a', 'fail', [crash]);
  t.same(ratesOf(flicker, [pass, fail, pass]), {
    key: 'a',
    rates: [
      { what: 'pass', times: 3 },
      { what: 'fail (r: crash)', times: 2 },
    ],
    isUnstable: true,
  });
  t.equal(ratesOf(flicker, [pass, pass]).isUnstable, false, 'it differs for a reason that lies outside of it');
  t.end();
});
