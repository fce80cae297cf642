import { join } from 'node:path';
import t from 'tap';
import { differenceLines } from '../compare/difference-words.ts';
import { type ChangeKind, runDifference } from '../compare/run-difference.ts';
import { historyRows, historySteps } from '../compare/run-history.ts';
import { type OutlinedResult, outlineOf, type RunOutline, readOutline, writeOutline } from '../compare/run-outline.ts';
import { mergeRuns } from '../merge-runs.ts';
import type { Outcome } from '../record/record.ts';
import { RecordError } from '../record/record-error.ts';
import { standingOf } from '../result-explanation.ts';
import { writeSampleRun } from './sample-run.ts';

function result(key: string, verdict: Outcome, requirement = 'r'): OutlinedResult {
  const findings = verdict === 'fail' ? [{ requirement, how: 'wrong' as const, weight: 'text' as const }] : [];
  const standing = standingOf({ verdict, findings: [] });
  return { target: 'x', key, verdict, standing, rerun: `run ${key}`, ...(findings.length === 0 ? {} : { findings }) };
}

function outline(results: readonly OutlinedResult[], more: Partial<RunOutline> = {}): RunOutline {
  return {
    kind: 'vhost-conformance baseline',
    schema: { major: 1, minor: 0 },
    suite: { name: 'vhost-conformance', version: '1' },
    catalogueHash: 'a',
    startedAt: '2026-01-01T00:00:00.000Z',
    missing: 0,
    targets: [{ target: 'x', identity: 'x', version: '1' }],
    requirements: ['r', 's'],
    features: {},
    results,
    ...more,
  };
}

const before = outline([
  result('a', 'pass'),
  result('b', 'fail'),
  result('c', 'fail'),
  result('d', 'pass'),
  result('e', 'not-applicable'),
  result('f', 'fail'),
  result('g', 'pass'),
  result('n', 'not-applicable'),
]);
const after = outline(
  [
    result('a', 'fail'),
    result('b', 'pass'),
    result('c', 'fail', 's'),
    result('d', 'inconclusive'),
    result('e', 'pass'),
    result('f', 'fail'),
    result('h', 'fail'),
    result('i', 'pass'),
    result('n', 'fail'),
  ],
  { suite: { name: 'vhost-conformance', version: '2' }, catalogueHash: 'b', requirements: ['r', 'u'] },
);

t.test('each way in which a result differs', (t) => {
  const { changes, same } = runDifference(before, after);
  const kinds = changes.map(({ kind, key }): [ChangeKind, string] => [kind, key]);
  t.strictSame(kinds, [
    ['broke', 'a'],
    ['broke', 'n'],
    ['appeared-failing', 'h'],
    ['fails-otherwise', 'c'],
    ['no-longer-judged', 'd'],
    ['mended', 'b'],
    ['went', 'g'],
    ['appeared', 'i'],
    ['judged-now', 'e'],
  ]);
  t.equal(same, 1, 'what failed in the same way before is no news');
  t.strictSame(runDifference(before, before).changes, []);
  t.end();
});

t.test('catalogues and suites may differ, and retired names go on', (t) => {
  const difference = runDifference(before, after, {
    cases: (id) => (id === 'g' ? ['i', 'j'] : undefined),
    requirement: (slug) => (slug === 's' ? 'u' : slug),
  });
  t.strictSame(difference.rulesAppeared, []);
  t.strictSame(difference.rulesWent, []);
  t.notOk(
    difference.changes.some(({ key }) => key === 'i'),
    'i was g, which passed',
  );
  const plain = runDifference(before, after);
  t.strictSame([plain.rulesAppeared, plain.rulesWent], [['u'], ['s']]);
  t.end();
});

t.test('two runs of one target each are compared whatever its name; of others the name counts', (t) => {
  const named = (target: string, all: readonly OutlinedResult[]): OutlinedResult[] =>
    all.map((one) => ({ ...one, target }));
  const other = outline(named('y', before.results), { targets: [{ target: 'y', identity: 'y', version: '2' }] });
  t.strictSame(runDifference(before, other).changes, []);
  const two = outline([...before.results, ...named('y', after.results)], {
    targets: [...before.targets, ...other.targets],
  });
  const difference = runDifference(before, two);
  t.strictSame(difference.changes, [], 'all of a target that is new is new');
  t.strictSame(difference.targetsAppeared, ['y']);
  t.strictSame(runDifference(two, before).targetsWent, ['y']);
  t.end();
});

t.test('what is known, or does not count, breaks nothing', (t) => {
  const known = outline([{ ...result('a', 'fail'), standing: 'known' }]);
  const apart = outline([{ ...result('a', 'fail'), standing: 'apart' }]);
  const passed = outline([result('a', 'pass')]);
  const kindOf = (from: RunOutline, to: RunOutline): (ChangeKind | undefined)[] =>
    runDifference(from, to).changes.map(({ kind }) => kind);
  t.strictSame(kindOf(passed, known), ['stands-apart-otherwise']);
  t.strictSame(kindOf(passed, apart), ['stands-apart-otherwise']);
  t.strictSame(kindOf(apart, passed), ['mended']);
  t.strictSame(kindOf(known, outline([result('a', 'fail')])), ['broke']);
  t.strictSame(kindOf(known, known), []);
  t.end();
});

t.test('as lines: what broke first, how, and how to see it again', (t) => {
  const lines = differenceLines(runDifference(before, after), ['old', 'new'], [before, after]);
  t.strictSame(lines.slice(0, 4), [
    'old: x 1',
    'new: x 1',
    'Suite: 1, now 2',
    'Catalogue: 1 requirements are new, 1 are gone',
  ]);
  const broke = lines.indexOf('Broke (2):');
  t.strictSame(lines.slice(broke + 1, broke + 4), ['  x  a', '    was pass, is fail (r: wrong)', '    run a']);
  t.ok(lines.indexOf('Mended (1):') > broke);
  t.ok(lines.includes('    was fail (r: wrong), is pass'));
  t.end();
});

t.test('a history has a row for each result that changed, the latest first', (t) => {
  const runs = [before, after, before].map((run, index) => ({ name: `run ${index}`, run }));
  const steps = historySteps(runs);
  t.equal(steps.length, 2);
  const rows = historyRows(runs, steps);
  t.strictSame(rows.find(({ key }) => key === 'a')?.verdicts, ['pass', 'fail', 'pass']);
  t.strictSame(rows.find(({ key }) => key === 'h')?.verdicts, [undefined, 'fail', undefined]);
  t.notOk(rows.some(({ key }) => key === 'f'));
  t.end();
});

t.test('a baseline that was written and read says what the run says', (t) => {
  const work = t.testdir({ 'other.json': '{"kind":"something"}' });
  writeSampleRun(join(work, 'run'), { cases: 70, failing: 9 });
  const run = outlineOf(mergeRuns([join(work, 'run')]));
  const path = join(work, 'baseline.json');
  writeOutline(path, run);
  const { changes, features, same } = runDifference(readOutline(path), run);
  t.strictSame([changes, features], [[], []]);
  t.equal(same, run.results.length);
  t.ok(
    Object.values(run.features).some((cells) => Object.values(cells).some((words) => /^fail \d+\/\d+$/.test(words))),
  );
  const broken = {
    ...run,
    results: run.results.map((one) => ({ ...one, verdict: 'pass' as const, standing: 'ok' as const })),
  };
  t.ok(runDifference(broken, readOutline(path)).changes.some(({ kind }) => kind === 'broke'));
  t.throws(() => readOutline(join(work, 'other.json')), RecordError);
  t.end();
});
