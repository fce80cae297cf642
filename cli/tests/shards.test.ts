import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { emptyDirectory, eventsOf, run, shortCases } from './command-line.ts';
import { sharedRun } from './shared-run.ts';

const words = ['run', 'reference', ...shortCases];
const quick = ['--reporter', 'json'];
/** The same words for all: the page shows them. */
const reporters = ['--reporter', 'html,junit,ktap,tap,json'];

t.test('shards together make the run that one process makes, whatever merges them', async (t) => {
  const cwd = emptyDirectory(t);
  const [whole, first, second] = await Promise.all([
    run([...words, ...reporters, '--out', 'whole'], { cwd }),
    run([...words, ...reporters, '--shard', '1/2', '--out', 'first'], { cwd }),
    run([...words, ...reporters, '--shard', '2/2', '--out', 'second'], { cwd }),
  ]);
  for (const { code, stderr } of [whole, first, second]) t.equal(code, 0, stderr);
  const keysOf = (root: string): string[] =>
    eventsOf(join(cwd, root))
      .filter(({ event }) => event === 'case')
      .map(({ key }) => String(key));
  t.same([...keysOf('first'), ...keysOf('second')].sort(), keysOf('whole'), 'each result once, in the order of keys');

  const merged = await sharedRun(['report', 'first', 'second', '--out', 'merged', '--reporter', 'html,json'], { cwd });
  t.equal(merged.code, 0, merged.stderr);
  const verdictsOf = (root: string): unknown =>
    JSON.parse(readFileSync(join(cwd, root, 'report.json'), 'utf8')).features;
  t.same(verdictsOf('merged'), verdictsOf('whole'), 'the same verdicts of feature bits');

  const withoutTimes = (root: string): string =>
    readFileSync(join(cwd, root, 'report.html'), 'utf8')
      .replaceAll(/<dd>[\d.]+ (µs|ms|s|min)<\/dd>/g, '<dd>a time</dd>')
      .replaceAll(/<dd>[\d :-]+ UTC<\/dd>/g, '<dd>a date</dd>');
  t.match(withoutTimes('whole'), /<dd>a date<\/dd>/);
  t.match(withoutTimes('whole'), /<dd>a time<\/dd>/);
  t.ok(withoutTimes('merged') === withoutTimes('whole'), 'the same page but for times');

  for (const file of ['report.html', 'report.junit.xml', 'report.ktap', 'report.tap', 'report.json']) {
    t.ok(readFileSync(join(cwd, 'whole', file)).length > 0, file);
  }
});

t.test('a run is resumed with its own plan only', async (t) => {
  const cwd = emptyDirectory(t);
  await sharedRun([...words, ...quick, '--out', 'out'], { cwd });
  const path = join(cwd, 'out', 'results.jsonl');
  const changed = readFileSync(path, 'utf8').replaceAll(/"planHash":"[0-9a-f]{4}/g, '"planHash":"0000');
  writeFileSync(path, changed);
  const { code, stderr } = await sharedRun(['run', '--resume', 'out'], { cwd });
  t.equal(code, 2);
  t.match(stderr, /^vhost-conformance: --resume \S+: the plan of that run is another one/);
  t.equal(readFileSync(path, 'utf8'), changed, 'nothing is added to it');
  const named = await sharedRun(['run', 'reference', '--resume', 'out'], { cwd });
  t.match(named, { code: 2, stderr: /keeps its own targets; reference is none to name/ });
});

t.test('a known deviation is expected, its absence is not', async (t) => {
  const cwd = emptyDirectory(t);
  const path = join(cwd, 'expected.json');
  const entry = {
    target: 'reference',
    case: 'vhost-user/header',
    verdict: 'fail',
    reason: 'none',
    expires: '2999-01-01',
  };
  writeFileSync(path, JSON.stringify([entry]));
  const { code, stdout } = await run([...words, ...quick, '--expect', 'expected.json', '--out', 'out'], { cwd });
  t.equal(code, 1, 'an unexpected pass fails');
  t.match(stdout, /Expected, and no longer seen \(1\):\n\n {2}reference {2}vhost-user\/header\n {4}fail \(none\)\n/);
});
