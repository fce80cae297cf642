import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { mergeRuns } from '../../reports/merge-runs.ts';
import { ktapReport } from '../../reports/reporters/ktap.ts';
import { writeSampleRun } from '../../reports/tests/sample-run.ts';
import { CacheDirectory } from '../guest/cache-directory.ts';
import { defaultCachePath } from '../guest/cache-path.ts';
import { type LinuxSource, linuxSource } from '../guest/linux-source.ts';
import { referenceServer } from './bundled-programs.ts';
import { emptyDirectory } from './command-line.ts';
import { sharedRun } from './shared-run.ts';

/**
 * Our KTAP as `kunit.py parse` of Linux reads it. It is read where Linux's source was fetched before, and `npm run kunit`
 * fetches it (153 MB).
 */
const source: LinuxSource = {
  package: 'linux-source-6.12',
  suites: ['bookworm', 'bookworm-backports'],
  files: ['tools/testing/kunit'],
};
const isFetched = process.env['VHOST_CONFORMANCE_KUNIT'] === '1';
const name = `kunit-${source.package}`;

async function parser(): Promise<string | undefined> {
  const cache = new CacheDirectory(defaultCachePath());
  const there = cache.entries().includes(name);
  if (!there && !isFetched) return undefined;
  const options = {
    mirror: 'http://deb.debian.org/debian',
    signal: new AbortController().signal,
    say: (line: string) => t.comment(line),
  };
  const place = await cache.entry(
    () => cache.entries().find((entry) => entry === name),
    async (directory) => {
      await linuxSource(directory, source, options);
      return name;
    },
    (pid) => t.comment(`waiting for process ${pid}`),
  );
  return join(place, 'tree/tools/testing/kunit/kunit.py');
}

/** A test as `kunit.py parse --json` tells of it. */
interface Parsed {
  readonly name: string;
  readonly status?: 'PASS' | 'FAIL' | 'SKIP' | 'ERROR';
  readonly test_cases?: readonly Parsed[];
  readonly sub_groups?: readonly Parsed[];
}

const parsedWith = (kunit: string, cwd: string, file: string) => {
  const json = join(cwd, 'parsed.json');
  const words = [kunit, 'parse', `--json=${json}`, join(cwd, file)];
  // It writes what it compiles of itself beside itself.
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' };
  const { status, stdout, stderr } = spawnSync('python3', words, { cwd, env, encoding: 'utf8' });
  const groups: readonly Parsed[] = existsSync(json) ? (JSON.parse(readFileSync(json, 'utf8')).sub_groups ?? []) : [];
  return { status, text: stdout + stderr, groups, tests: groups.flatMap(({ test_cases = [] }) => test_cases) };
};

const kunit = await parser();
const why = kunit === undefined ? `${source.package} was not fetched: npm run kunit` : false;

t.test('each result of a run is read with its status, whatever its texts are', { skip: why }, async (t) => {
  const cwd = emptyDirectory(t);
  // Every verdict, every kind of finding and hostile text.
  writeSampleRun(join(cwd, 'run'), { cases: 70, failing: 9 });
  const merged = mergeRuns([join(cwd, 'run')]);
  const ktap = ktapReport(merged);
  writeFileSync(join(cwd, 'report.ktap'), ktap);
  const { groups, tests, status, text } = parsedWith(kunit ?? '', cwd, 'report.ktap');
  t.equal(status, 1, 'some failed');
  const points = ktap.split('\n').filter((line) => /^ {2}(not )?ok /.test(line));
  t.equal(tests.length, merged.results.length, 'each result is a test');
  t.equal(tests.length, points.length);
  const count = (wanted: string): number => tests.filter((test) => test.status === wanted).length;
  const [failed, skipped] = [/^ {2}not ok/, / # SKIP /].map((what) => points.filter((line) => what.test(line)).length);
  t.ok((failed ?? 0) > 5 && (skipped ?? 0) > 5);
  t.equal(count('FAIL'), failed);
  t.equal(count('SKIP'), skipped);
  t.equal(count('ERROR'), 0, 'no line that it cannot make sense of');
  t.equal(groups.length, merged.targets.length, 'each target is a group');
  t.match(text, `Testing complete. Ran ${points.length} tests: passed: ${count('PASS')}, failed: ${failed}`);
  t.notMatch(text, '[ERROR]');
});

t.test('a known deviation passes, an unknown one fails, and the exit status says it', { skip: why }, async (t) => {
  const cwd = emptyDirectory(t);
  const faulty = `${process.execPath} '${referenceServer}' --socket {socket} --device block --fault other-version-accepted`;
  const words = ['run', '--exec', faulty, '--case', 'vhost-user/header', '--negotiation', 'minimal'];
  const ran = await sharedRun([...words, '--reporter', 'ktap,json', '--out', 'unknown'], { cwd });
  t.equal(ran.code, 1, ran.stderr);
  const unknown = parsedWith(kunit ?? '', cwd, 'unknown/report.ktap');
  t.equal(unknown.status, 1);
  t.ok(unknown.tests.some(({ status }) => status === 'FAIL'));

  const updated = [...words, '--expect', 'known.json', '--update-expectations', '--reporter', 'ktap'];
  writeFileSync(join(cwd, 'known.json'), '[]');
  await sharedRun([...updated, '--out', 'learnt'], { cwd });
  const known = JSON.parse(readFileSync(join(cwd, 'known.json'), 'utf8'));
  t.ok(known.length > 0);
  const again = await sharedRun([...words, '--expect', 'known.json', '--reporter', 'ktap', '--out', 'known'], { cwd });
  t.equal(again.code, 0, again.stderr);
  t.match(readFileSync(join(cwd, 'known/report.ktap'), 'utf8'), / # XFAIL /);
  const parsed = parsedWith(kunit ?? '', cwd, 'known/report.ktap');
  t.equal(parsed.status, 0, parsed.text);
  t.equal(parsed.tests.length, unknown.tests.length);
  t.notOk(parsed.tests.some(({ status }) => status === 'FAIL' || status === 'ERROR'));
});
