import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { targets } from '../../fixtures/targets/index.ts';
import { parseProgram } from '../../fuzz/program/parse-program.ts';
import { decodeProgram, encodeProgram } from '../../fuzz/program/program-encoding.ts';
import { readKnownBuckets } from '../fuzz/known-buckets.ts';
import { referenceServer } from './bundled-programs.ts';
import { emptyDirectory, run, start, until } from './command-line.ts';
import { isNightly } from './nightly.ts';
import { endOf, refuses } from './refusal.ts';
import { sharedRun } from './shared-run.ts';

const seed = fileURLToPath(new URL('../../../fixtures/corpus/block-split.txt', import.meta.url));

t.test('replay prints a program, and runs it', async (t) => {
  const cwd = emptyDirectory(t);
  const text = readFileSync(seed, 'utf8');
  const packed = join(cwd, 'program.pb');
  writeFileSync(packed, encodeProgram(parseProgram(text)));
  const shown = await sharedRun(['replay', '--show', packed], { cwd });
  t.same(parseProgram(shown.stdout), parseProgram(text));
  const ran = await sharedRun(['replay', packed, 'reference'], { cwd });
  t.equal(ran.code, 0, ran.stderr);
  t.match(ran.stdout, /r8 = kick queue=r6\n {4}sent\nr9 = wait queue=r6\n {4}answered, used 0:513, calls [01]\n/);
  t.match(ran.stdout, /nothing found in 1 run\n$/);
});

t.test('a process that ends is a finding, by a name for its cause', async (t) => {
  const cwd = emptyDirectory(t);
  writeFileSync(join(cwd, 'bad.txt'), 'r1 = message request=99\nr2 = fence\n');
  const { code, stdout } = await sharedRun(['replay', 'bad.txt', 'reference-exits-at-errors'], { cwd });
  t.equal(code, 1);
  t.match(stdout, /r1 = message session=r3 request=99\n {4}died\n {4}crash: the process ended by exit code 1\n/);
  t.match(stdout, /\ncrash-exit-1-request-N: 1 of 1 run\n$/);
});

t.test('lists of known buckets are of targets, and can be given to a campaign', (t) => {
  const directory = fileURLToPath(new URL('../../../fixtures/known-buckets/', import.meta.url));
  const names = new Set(targets.map(({ facts }) => facts.name));
  const lists = readdirSync(directory);
  t.ok(lists.length > 0);
  for (const list of lists) {
    t.ok(names.has(list.replace(/\.txt$/, '')), list);
    t.ok(readKnownBuckets(join(directory, list)).size > 0, list);
  }
  t.end();
});

t.test('minimize leaves the call that shows it, and says where nothing is shown', async (t) => {
  const cwd = emptyDirectory(t);
  writeFileSync(
    join(cwd, 'long.txt'),
    'r1 = connect\nr2 = negotiate\nr3 = memory\nr4 = message request=99 flags=9 bytes=0102\nr5 = ring size=64\nr6 = fence\n',
  );
  const least = await sharedRun(['minimize', 'long.txt', 'reference-exits-at-errors'], { cwd });
  t.equal(least.code, 0, least.stderr);
  t.match(least.stdout, /^# crash-exit-1-request-N: \d+ of \d+ runs, 1 call\n# the process ended/);
  t.strictSame(parseProgram(least.stdout), parseProgram('r4 = message request=99\n'));
  const none = await sharedRun(['minimize', 'long.txt', 'reference', '--out', 'least.pb', '--time', '5'], { cwd });
  t.match(none, { code: 1, stdout: '', stderr: 'long.txt shows nothing on reference\n' });
  t.notOk(existsSync(join(cwd, 'least.pb')));
});

t.test('replay answers git bisect', async (t) => {
  const cwd = emptyDirectory(t);
  writeFileSync(join(cwd, 'bad.txt'), 'r1 = message request=99\n');
  const code = async (...words: string[]): Promise<number | null> =>
    (await endOf(t, ['replay', '--bisect', 'bad.txt', ...words], { cwd })).code;
  t.equal(await code('reference'), 0, 'good');
  t.equal(await code('reference-exits-at-errors'), 1, 'bad');
  t.equal(await code('reference-exits-at-errors', '--bucket', 'crash-exit-1-request-N'), 1);
  t.equal(await code('reference-exits-at-errors', '--bucket', 'hang-wait'), 125, 'something else');
  t.equal(await code('--exec', 'false {socket}'), 125, 'it does not start');
  t.equal(await code('no-such-target'), 125);
});

t.test('known buckets do not fail a campaign, and a list says what is new and what was not found', async (t) => {
  const cwd = emptyDirectory(t);
  mkdirSync(join(cwd, 'bad'));
  writeFileSync(join(cwd, 'bad', 'bad.txt'), 'r1 = message request=99\n');
  const words = ['fuzz', 'reference-exits-at-errors', '--runs', '1', '--no-seeds', '--corpus', 'bad', '--out', 'found'];
  const first = await run(words, { cwd });
  t.equal(first.code, 1, first.stderr);
  const found = readdirSync(join(cwd, 'found', 'buckets'));
  t.ok(found.length > 0);
  const bucket = join(cwd, 'found', 'buckets', found[0] ?? '');
  t.match(readFileSync(join(bucket, 'program.c'), 'utf8'), /r1 = message session=r\d+ request=99/);
  const words99 = ['replay', join(bucket, 'program.pb'), 'reference-exits-at-errors', '--c', 'again.c'];
  t.equal((await sharedRun(words99, { cwd })).code, 1);
  t.match(readFileSync(join(cwd, 'again.c'), 'utf8'), /int main\(int argc, char \*\*argv\)/);
  writeFileSync(join(cwd, 'known.txt'), `# known\n${found.join('\n')}\nhang-wait  # an old one\n`);
  const known = await sharedRun([...words, '--expect', 'known.txt'], { cwd });
  t.equal(known.code, 0, known.stdout);
  t.match(known.stdout, /\n1 bucket known, and not found:\n {2}hang-wait\n$/);
  writeFileSync(join(cwd, 'others.txt'), 'hang-wait\n');
  const unknown = await sharedRun([...words, '--expect', 'others.txt'], { cwd });
  t.equal(unknown.code, 1);
  t.match(unknown.stdout, new RegExp(`not known:\\n  ${found[0]}\\n`));
});

t.test('a corpus is distilled to the programs that keep its signals', async (t) => {
  const cwd = emptyDirectory(t);
  const corpus = join(cwd, 'all');
  mkdirSync(corpus);
  const text = readFileSync(seed, 'utf8');
  for (const [name, part] of Object.entries({ whole: text, again: `${text}r90 = fence\n`, part: 'r1 = connect\n' })) {
    writeFileSync(join(corpus, `${name}.txt`), part);
  }
  const { code, stdout, stderr } = await sharedRun(['fuzz', 'reference', '--corpus', 'all', '--distill', 'small'], {
    cwd,
  });
  t.equal(code, 0, stderr);
  t.match(stdout, /^1 of 3 programs keep \d+ signals: small\n$/);
  t.equal(readdirSync(join(cwd, 'small')).length, 1);
});

t.test('programs and words that are none', async (t) => {
  const cwd = emptyDirectory(t);
  writeFileSync(join(cwd, 'wrong.txt'), 'r1 = connect\nr2 = kick queu=r1\n');
  await refuses(t, ['replay', 'wrong.txt', 'reference'], /wrong\.txt: line 2, column \d+: queu is no argument/, cwd);
  await refuses(t, ['fuzz', 'reference', '--smoke', '--time', '5'], /--smoke says how long/, cwd);
  await refuses(t, ['fuzz', 'reference', '--distill', 'small'], /corpus: no corpus to distill/, cwd);
  await refuses(t, ['fuzz', 'reference', '--distill', 'small', '--smoke'], /--distill runs no campaign/, cwd);
  await refuses(t, ['fuzz', 'reference', '--expect', 'none.txt'], /none\.txt/, cwd);
  writeFileSync(join(cwd, 'ids.txt'), 'crash-SIGSEGV\nbuckets/x.c:12\n');
  await refuses(t, ['fuzz', 'reference', '--expect', 'ids.txt'], /ids\.txt: line 2: buckets\/x\.c:12 is no id/, cwd);
  await refuses(t, ['fuzz', 'vhost-user:/nowhere.sock', '--jobs', '2'], /--jobs 2|nowhere\.sock/, cwd);
  await refuses(t, ['minimize', 'none.txt', 'reference'], /none\.txt/, cwd);
  await refuses(t, ['minimize', 'ids.txt'], /ids\.txt: line 1/, cwd);
  await refuses(t, ['replay', '--show', '--bisect', 'ids.txt'], /--show runs nothing/, cwd);
});

t.test('a campaign of two instances that is killed loses no entry, no bucket and no count', async (t) => {
  const cwd = emptyDirectory(t);
  const backEnd = `${process.execPath} ${referenceServer} --socket {socket} --device block --queues 2 --fault other-enable-value-crashes`;
  mkdirSync(join(cwd, 'corpus'));
  const enable = 'r1 = message request=18 fields=[{name=num value=0x2}]\n';
  writeFileSync(join(cwd, 'corpus', 'enable.txt'), enable);
  const words = ['fuzz', '--exec', backEnd, '--seed', '2', '--corpus', 'corpus', '--out', 'found', '--jobs', '2'];
  const entries = (): string[] => readdirSync(join(cwd, 'corpus')).filter((name) => name.endsWith('.pb'));
  const buckets = (): string[] => namesIn(join(cwd, 'found', 'buckets'));
  const runs = (): number =>
    namesIn(join(cwd, 'found', 'instances')).reduce(
      (sum, name) => sum + runsIn(join(cwd, 'found', 'instances', name)),
      0,
    );
  let before = { entries: entries(), buckets: buckets(), runs: runs() };
  for (let kill = 1; kill <= (isNightly ? 3 : 1); kill++) {
    const { child, ended } = start([...words, '--time', '600'], { cwd });
    const { length } = before.entries;
    const isFurther = (): boolean =>
      entries().length > length && (kill === 1 ? buckets().length > 0 : runs() > before.runs);
    await until(() => isFurther() || child.exitCode !== null, 'it goes on', 60_000);
    child.kill('SIGKILL');
    await ended;
    const now = { entries: entries(), buckets: buckets(), runs: runs() };
    t.strictSame(missing(before.entries, now.entries), [], `kill ${kill}: entries`);
    t.strictSame(missing(before.buckets, now.buckets), [], `kill ${kill}: buckets`);
    t.ok(now.runs >= before.runs, `kill ${kill}: ${now.runs} programs`);
    before = now;
  }
  for (const name of before.entries) decodeProgram(readFileSync(join(cwd, 'corpus', name)));
  const last = await sharedRun([...words, '--runs', String(before.runs + 10)], { cwd });
  t.equal(last.code, 1, last.stderr);
  t.match(last.stdout, /\d+ programs? .*, 1 bucket /);
  t.strictSame(missing(before.entries, entries()), []);
  t.strictSame(
    buckets().filter((name) => !name.startsWith('.')),
    ['crash-SIGABRT-VHOST-USER-SET-VRING-ENABLE'],
  );
  t.ok(runs() >= before.runs + 10 && runs() < before.runs + 200, `${runs()} programs in all`);
  t.ok(existsSync(join(cwd, 'found', 'buckets', 'crash-SIGABRT-VHOST-USER-SET-VRING-ENABLE', 'program.c')));
  t.match(readFileSync(join(cwd, 'found', 'report.html'), 'utf8'), /<h1>1 bucket on 1 target<\/h1>/);
  const report = await sharedRun(['report', 'found', '--out', 'page'], { cwd });
  t.match(report, { code: 0, stdout: /^Report: .*page\/report\.html\n$/ });
  const again = await sharedRun(['report', 'page', '--out', 'page-2'], { cwd });
  t.equal(again.code, 0, again.stderr);
  t.equal(
    readFileSync(join(cwd, 'page-2', 'report.html'), 'utf8'),
    readFileSync(join(cwd, 'page', 'report.html'), 'utf8'),
    'a report is made from its records alone',
  );
  await refuses(
    t,
    ['report', 'found', '--out', 'other', '--reporter', 'tap'],
    /--reporter tap: shows no campaigns/,
    cwd,
  );
});

const missing = (before: readonly string[], now: readonly string[]): string[] =>
  before.filter((name) => !name.startsWith('.') && !now.includes(name));
const namesIn = (directory: string): string[] => (existsSync(directory) ? readdirSync(directory) : []);

function runsIn(instance: string): number {
  const path = join(instance, 'campaign.json');
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as { readonly runs: number }).runs : 0;
}
