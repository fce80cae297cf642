import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { CacheDirectory } from '../guest/cache-directory.ts';
import { defaultCachePath } from '../guest/cache-path.ts';
import { type LinuxSource, linuxSource } from '../guest/linux-source.ts';
import { emptyDirectory, run } from './command-line.ts';

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
const root = fileURLToPath(new URL('../../../', import.meta.url));

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

t.test('all that a recorded run holds is read with its status, and nothing is misread', { skip: why }, async (t) => {
  const cwd = emptyDirectory(t);
  const recorded = join(root, 'fixtures/records/1.7');
  const made = await run(['report', recorded, '--out', 'out', '--reporter', 'ktap,json'], { cwd });
  t.equal(made.code, 0, made.stderr);
  const { groups, tests, status, text } = parsedWith(kunit ?? '', cwd, 'out/report.ktap');
  t.equal(status, 1, 'some failed');
  const report = JSON.parse(readFileSync(join(cwd, 'out/report.json'), 'utf8'));
  const lines = readFileSync(join(cwd, 'out/report.ktap'), 'utf8').split('\n');
  const points = lines.filter((line) => /^ {2}(not )?ok /.test(line));
  t.ok(points.length > 20);
  t.equal(tests.length, points.length, 'each result is a test');
  const count = (wanted: string): number => tests.filter((test) => test.status === wanted).length;
  t.equal(count('FAIL'), points.filter((line) => line.startsWith('  not ok')).length);
  t.equal(count('SKIP'), points.filter((line) => / # SKIP /.test(line)).length);
  t.equal(count('ERROR'), 0, 'no line that it cannot make sense of');
  t.equal(groups.length, report.targets.length, 'each target is a group');
  t.match(text, new RegExp(`Testing complete\\. Ran ${points.length} tests: passed: ${count('PASS')}, failed: `));
  t.notMatch(text, /\[ERROR\]/);
});

t.test('a known deviation passes, an unknown one fails, and the exit status says it', { skip: why }, async (t) => {
  const cwd = emptyDirectory(t);
  const one = 'vhost-user/header/unknown-version-is-refused';
  const serve = fileURLToPath(new URL('../../drivers/reference/serve.js', import.meta.url));
  const faulty = `${process.execPath} '${serve}' --socket {socket} --device block --fault other-version-accepted`;
  const words = ['run', '--exec', faulty, '--case', 'vhost-user/header', '--negotiation', 'minimal'];
  const ran = await run([...words, '--reporter', 'ktap,json', '--out', 'unknown'], { cwd });
  t.equal(ran.code, 1, ran.stderr);
  const unknown = parsedWith(kunit ?? '', cwd, 'unknown/report.ktap');
  t.equal(unknown.status, 1);
  t.ok(unknown.tests.some(({ status }) => status === 'FAIL'));

  const updated = [...words, '--expect', 'known.json', '--update-expectations', '--reporter', 'ktap'];
  writeFileSync(join(cwd, 'known.json'), '[]');
  await run([...updated, '--out', 'learnt'], { cwd });
  const known = JSON.parse(readFileSync(join(cwd, 'known.json'), 'utf8'));
  t.ok(known.length > 0, one);
  const again = await run([...words, '--expect', 'known.json', '--reporter', 'ktap', '--out', 'known'], { cwd });
  t.equal(again.code, 0, again.stderr);
  t.match(readFileSync(join(cwd, 'known/report.ktap'), 'utf8'), / # XFAIL /);
  const parsed = parsedWith(kunit ?? '', cwd, 'known/report.ktap');
  t.equal(parsed.status, 0, parsed.text);
  t.equal(parsed.tests.length, unknown.tests.length);
  t.notOk(parsed.tests.some(({ status }) => status === 'FAIL' || status === 'ERROR'));
});
