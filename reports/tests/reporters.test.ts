import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';
import { mergeRuns } from '../merge-runs.ts';
import type { Outcome } from '../record/record.ts';
import { githubReport, githubSummary } from '../reporters/github.ts';
import { type JsonReport, jsonReport } from '../reporters/json.ts';
import { junitReport } from '../reporters/junit.ts';
import { ktapReport } from '../reporters/ktap.ts';
import { tapReport } from '../reporters/tap.ts';
import { writeSampleRun } from './sample-run.ts';
import { splitRun } from './split-run.ts';

const work = t.testdir();
writeSampleRun(join(work, 'run'), { cases: 70, failing: 9 });
const run = mergeRuns([join(work, 'run')]);
const [shard = ''] = splitRun(join(work, 'run'), work, 2);
const part = mergeRuns([shard]);

function count(...verdicts: Outcome[]): number {
  return run.results.filter(({ record }) => verdicts.includes(record.verdict)).length;
}

function matches(lines: readonly string[], pattern: RegExp): number {
  return lines.filter((line) => pattern.test(line)).length;
}

t.test('TAP: a test point for each planned result', (t) => {
  const lines = tapReport(run).split('\n');
  t.equal(lines[0], 'TAP version 14');
  t.equal(lines[1], `1..${run.results.length}`);
  const points = lines.filter((line) => /^(not )?ok /.test(line));
  t.strictSame(
    points.map((line) => Number(/^(?:not )?ok (\d+) - /.exec(line)?.[1])),
    points.map((_, index) => index + 1),
  );
  t.equal(points.length, run.results.length);
  t.equal(matches(points, /^not ok (?!.*# TODO)/), count('fail', 'error'));
  t.equal(matches(points, /^not ok .*# TODO inconclusive/), count('inconclusive'));
  t.equal(matches(points, /^ok .*# SKIP/), count('not-run', 'not-applicable'));
  t.equal(matches(points, /^ok (?!.*# SKIP)/), count('pass'));
  for (const line of lines) t.match(line, /^(TAP version 14|1\.\.\d+|(not )?ok .*| {2}.*|)$/);
  t.match(tapReport(part), `# SKIP no shard ran it`);
  t.equal(matches(tapReport(part).split('\n'), /no shard ran it/), part.missing.length);
  t.end();
});

t.test('TAP: diagnostics are YAML that holds on to hostile text', (t) => {
  const lines = tapReport(run).split('\n');
  const scalars = lines.filter((line) => line.startsWith('    - ') || /^ {2}(error|rerun): /.test(line));
  t.ok(scalars.length > 10);
  for (const line of scalars) {
    const scalar = line.replace(/^ +(- |error: |rerun: )/, '');
    t.type(JSON.parse(scalar), 'string', line);
  }
  t.equal(matches(lines, /^ {2}---$/), matches(lines, /^ {2}\.\.\.$/));
  t.end();
});

t.test('KTAP: a subtest for each target', (t) => {
  const lines = ktapReport(run).split('\n');
  t.strictSame(lines.slice(0, 3), ['KTAP version 1', '1..4', '  KTAP version 1']);
  t.strictSame(
    lines.filter((line) => /^(not )?ok /.test(line)),
    ['not ok 1 qemu-storage-daemon', 'not ok 2 dpdk-testpmd', 'ok 3 reference', 'not ok 4 kernel-vhost-mdev'],
  );
  const points = lines.filter((line) => /^ {2}(not )?ok /.test(line));
  t.equal(points.length, run.results.length);
  t.equal(matches(points, /^ {2}not ok \d+ [^#]*$/), count('fail'));
  t.equal(matches(points, /^ {2}not ok \d+ .* # ERROR /), count('error'));
  t.equal(matches(points, /^ {2}ok \d+ .* # SKIP /), count('inconclusive', 'not-run', 'not-applicable'));
  t.equal(matches(points, /^ {2}ok \d+ [^#]*$/), count('pass'));
  t.equal(matches(ktapReport(part).split('\n'), /# SKIP no shard ran it/), part.missing.length);
  t.end();
});

t.test('what an expectations file knows is no failure in any of them', (t) => {
  const expected = { reason: 'known #12' };
  const known = {
    ...run,
    results: run.results.map(({ record, root }) => ({
      root,
      record: record.verdict === 'fail' ? { ...record, expected } : record,
    })),
  };
  t.equal(matches(tapReport(known).split('\n'), /^not ok (?!.*# TODO)/), count('error'));
  t.equal(matches(tapReport(known).split('\n'), /# TODO known: known \\#12$/), count('fail'));
  t.equal(
    matches(ktapReport(known).split('\n'), /^ {2}ok \d+ \S.* # XFAIL known ＃12: \S+ \(.*\): .*expected /),
    count('fail'),
  );
  t.equal(matches(ktapReport(known).split('\n'), /^ *not ok .*# XFAIL/), 0);
  t.notMatch(junitReport(known), '<failure');
  t.match(junitReport(known), '<skipped message="known: known #12"/>');
  t.end();
});

t.test('JUnit: one failure for each case that failed, however many findings it has', (t) => {
  const twice = {
    ...run,
    results: run.results.map(({ record, root }) => ({
      root,
      record: { ...record, findings: record.findings.flatMap((finding) => [finding, { ...finding, what: 'more' }]) },
    })),
  };
  const text = junitReport(twice);
  t.equal(text.split('<failure ').length - 1, count('fail'));
  t.equal(text.split(': more: expected ').length - 1, count('fail'), 'the text holds every finding');
  const levels = new Set([...text.matchAll(/<property name="level" value="([^"]+)"/g)].map(([, level]) => level));
  t.ok(levels.has('MUST'));
  t.equal(text.split('<property name="level"').length - 1, count('fail'));
  if (spawnSync('xmllint', ['--version']).status === 0) {
    const { status, stderr } = spawnSync('xmllint', ['--noout', '-'], { input: text, encoding: 'utf8' });
    t.equal(status, 0, stderr);
  } else t.comment('xmllint is not installed');
  t.end();
});

t.test('JSON: a finding has its level, its weight and the line that runs it again', (t) => {
  const { findings } = JSON.parse(jsonReport(run)) as JsonReport;
  for (const { rerun, weight, level, basis, results } of findings) {
    t.match(rerun, /^npx vhost-conformance run /);
    t.ok(results > 0);
    t.equal(weight === 'beyond', basis === 'choice' || basis === 'robustness');
    t.equal(level === null, weight === 'beyond');
  }
  t.end();
});

t.test('GitHub: an annotation for each finding that counts, and a summary', (t) => {
  const lines = githubReport(run).trimEnd().split('\n');
  for (const line of lines) t.match(line, /^::(error|warning|notice) title=[^:\n]*::[^\n]+$/);
  t.ok(lines.length <= 30);
  t.ok(lines.some((line) => line.startsWith('::error ')));
  t.notOk(lines.some((line) => line.includes('\u001b') || line.includes('\r')));
  const summary = githubSummary(run);
  const { findings } = JSON.parse(jsonReport(run)) as JsonReport;
  const violated = findings.filter(({ weight }) => weight === 'text');
  const targets = new Set(violated.map(({ target }) => target));
  t.ok(violated.length > 1);
  t.match(summary, `## ${violated.length} violations on ${targets.size} of 4 targets`);
  t.match(summary, '| qemu-storage-daemon |');
  t.notMatch(summary, /<img/);
  t.end();
});

t.test('JSON: everything that the page says', (t) => {
  const document = JSON.parse(jsonReport(run)) as JsonReport;
  t.equal(document.results.length, run.results.length);
  t.equal(document.findings.length, new Set(document.findings.map(({ anchor }) => anchor)).size);
  const indirect = document.features.find(({ name }) => name === 'VIRTIO_F_INDIRECT_DESC');
  t.strictSame(Object.keys(indirect?.verdicts ?? {}), [
    'qemu-storage-daemon',
    'dpdk-testpmd',
    'reference',
    'kernel-vhost-mdev',
  ]);
  const failed = document.requirements.filter(({ verdicts }) => Object.values(verdicts).includes('fail'));
  t.strictSame(new Set(failed.map(({ id }) => id)), new Set(document.findings.map(({ requirement }) => requirement)));
  t.equal((JSON.parse(jsonReport(part)) as JsonReport).missing.length, part.missing.length);
  t.end();
});
