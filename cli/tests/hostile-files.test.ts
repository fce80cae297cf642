import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { emptyDirectory, run } from './command-line.ts';
import { sharedRun } from './shared-run.ts';

/**
 * Every command that reads a file or a directory of someone else, with things in its place that no such file is. Each ends
 * by itself with one line that says what it is, in bounded memory; nothing is written.
 */

/** A program that waits for a FIFO or reads without an end waits longer. */
const patienceMs = 120_000;
/** Of one process that runs them all. What node and the program take by themselves is a third of it. */
const mostMemoryKb = 600_000;

const brackets = 'a million brackets';

/** What is put in the place of a file. */
const strangers: Readonly<Record<string, (path: string) => void>> = {
  'a FIFO': (path) => void execFileSync('mkfifo', [path]),
  'a link to a device without an end': (path) => symlinkSync('/dev/zero', path),
  'a file of 64 GiB': (path) => {
    writeFileSync(path, '');
    truncateSync(path, 64 * 2 ** 30);
  },
  [brackets]: (path) => writeFileSync(path, '['.repeat(1_000_000)),
};

interface Reader {
  readonly words: readonly string[];
  /** What is replaced: a file of a copy of the run or of the campaign, or one that is named. */
  readonly file: string;
  /** It says on standard output what it found, and exits with 1, where any bytes are. */
  readonly judges?: RegExp;
}

const readers: readonly Reader[] = [
  { words: ['report', 'run', '--out', 'new'], file: 'run/results.jsonl' },
  { words: ['report', 'run', '--out', 'new'], file: 'run/plan.json' },
  { words: ['report', 'run', '--out', 'new'], file: 'run/catalogue.json' },
  { words: ['report', 'run', '--check', '--expect', 'named.json', '--out', 'new'], file: 'named.json' },
  { words: ['report', 'campaign', '--out', 'new'], file: 'campaign/target.json' },
  { words: ['compare', 'whole', 'run'], file: 'run/results.jsonl' },
  { words: ['compare', 'whole', 'named.json'], file: 'named.json' },
  { words: ['trace', 'named.pb'], file: 'named.pb' },
  { words: ['trace', 'run', '--case', 'KEY'], file: 'run/results.jsonl' },
  { words: ['trace', 'run', '--case', 'KEY'], file: 'run/TRACE' },
  { words: ['run', 'reference', '--expect', 'named.json', '--out', 'new'], file: 'named.json' },
  { words: ['run', '--target-file', 'named.json', '--out', 'new'], file: 'named.json' },
  { words: ['run', '--resume', 'run'], file: 'run/results.jsonl' },
  { words: ['replay', 'named.pb', '--show'], file: 'named.pb' },
  { words: ['replay', 'seed.txt', 'reference', '--before', 'named.txt'], file: 'named.txt' },
  { words: ['minimize', 'named.pb', 'reference'], file: 'named.pb' },
  { words: ['fuzz', 'reference', '--runs', '1', '--expect', 'named', '--out', 'new'], file: 'named' },
  { words: ['verify', 'named.tgz'], file: 'named.tgz', judges: /^Not verified: is no bundle/ },
  { words: ['verify', 'named.tgz', '--trust', 'named.pem'], file: 'named.pem' },
  {
    words: ['countersign', 'named.tgz', '--trust', 'named.pem', '--key', 'named.pem', '--out', 'new'],
    file: 'named.pem',
  },
  { words: ['certify', '--claim', 'named.json', '--key', 'named.pem', '--out', 'new'], file: 'named.json' },
];

t.test('files of strangers', async (t) => {
  const cwd = emptyDirectory(t);
  const made = await run(
    ['run', 'reference', '--case', 'vhost-user/header/unknown-request-is-survived', '--traces', 'all', '--out', 'run'],
    { cwd },
  );
  t.equal(made.code, 0, made.stderr);
  const campaign = ['fuzz', 'reference', '--runs', '4', '--no-seeds', '--out', 'campaign'];
  const fuzzed = await run(campaign, { cwd });
  t.equal(fuzzed.code, 0, fuzzed.stderr);
  const [trace = ''] = readdirSync(join(cwd, 'run/traces'));
  const [key = ''] = /"key":"([^"]+)"/.exec(readFileSync(join(cwd, 'run/results.jsonl'), 'utf8'))?.slice(1) ?? [];
  const actual = (word: string): string => word.replace('TRACE', `traces/${trace}`).replace('KEY', key);
  for (const [name, put] of Object.entries(strangers)) {
    for (const { words, file, judges } of readers) {
      const place = join(cwd, 'place');
      mkdirSync(place);
      for (const [from, to] of [
        ['run', 'run'],
        ['run', 'whole'],
        ['campaign', 'campaign'],
      ] as const) {
        cpSync(join(cwd, from), join(place, to), { recursive: true });
      }
      writeFileSync(join(place, 'seed.txt'), '');
      const path = join(place, actual(file));
      rmSync(path, { force: true });
      put(path);
      const before = readdirSync(place).sort();
      const what = `${words.join(' ')}, where ${file} is ${name}`;
      const { code, stdout, stderr, memoryKb } = await sharedRun(words.map(actual), {
        cwd: place,
        withinMs: patienceMs,
      });
      if (judges !== undefined && name === brackets) {
        t.equal(code, 1, what);
        t.match(stdout, judges, what);
        rmSync(place, { recursive: true });
        continue;
      }
      t.equal(code, 2, `${what}: exit 2: ${stderr.slice(0, 300)}`);
      t.equal(stdout, '', `${what}: says nothing else`);
      t.match(stderr, /^vhost-conformance: [^\n]+\n$/, `${what}: one line`);
      t.ok(stderr.length < 2500, `${what}: a short one`);
      t.notMatch(stderr, / at \S+ \(|node:internal/, `${what}: no stack`);
      t.same(readdirSync(place).sort(), before, `${what}: nothing is written`);
      t.ok(memoryKb < mostMemoryKb, `${what}: ${memoryKb} KiB`);
      rmSync(place, { recursive: true });
    }
  }
});

t.test('a corpus of strangers: what is no program is left out', async (t) => {
  const cwd = emptyDirectory(t);
  const place = join(cwd, 'place');
  mkdirSync(join(place, 'corpus'), { recursive: true });
  for (const name of ['a file of 64 GiB', brackets]) strangers[name]?.(join(place, 'corpus', `${name.length}.pb`));
  const words = ['fuzz', 'reference', '--runs', '1', '--no-seeds', '--corpus', 'corpus', '--out', 'new'];
  const { code, stderr, memoryKb } = await sharedRun(words, { cwd: place, withinMs: patienceMs });
  t.equal(code, 0, stderr);
  t.ok(memoryKb < mostMemoryKb, `${memoryKb} KiB`);
});
