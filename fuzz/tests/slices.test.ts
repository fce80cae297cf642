import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { BucketStore } from '../campaign/bucket-store.ts';
import { freshState } from '../campaign/campaign-state.ts';
import { Corpus } from '../campaign/corpus.ts';
import { MergedSlices, type SliceFrame } from '../campaign/merged-slices.ts';
import { programOf, type Slice, type SliceResult, slice as sliceSchema, textOf } from '../campaign/slice.ts';
import { layOut, resultIn } from '../campaign/slice-directory.ts';
import type { ToldFinding } from '../campaign/told-finding.ts';
import { parseProgram } from '../program/parse-program.ts';

const frame: SliceFrame = {
  ...{ schema: 1, campaign: '0'.repeat(32), suite: 'suite', target: 'target', seed: 3, runs: 8, seeds: [] },
};
const program = (text: string): string => textOf(parseProgram(text));
const long = program('r1 = message request=99 flags=9\nr2 = fence\n');
const short = program('r1 = message request=99\n');

function emptyDirectory(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'fuzz-slices-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const told: ToldFinding = {
  ...{ kind: 'hang', what: 'it serves no longer', shown: 3, runs: 3, isMinimal: true, afterRuns: 4, afterMs: 50 },
};

function result(number: number, more: Partial<SliceResult> = {}): SliceResult {
  const { schema: _, starts: __, history: ___, ...state } = freshState();
  return {
    ...{ schema: 1, campaign: frame.campaign, number, served: { identity: 'target', version: '1' } },
    state: { ...state, runs: 8, elapsedMs: 100, calls: 20, judgedCalls: 10, signals: 5 + number, reached: [number] },
    ...{ corpus: [], buckets: [], untriaged: [], deaths: [] },
    ...more,
  };
}

t.test('what slices found is put together once, and later slices know it', (t) => {
  const directory = emptyDirectory(t);
  const merged = new MergedSlices(directory, (path) => `replay ${path}`);
  t.strictSame(merged.next(0, frame).corpus, []);
  const unfinished = { name: 'hang-fence', program: long, before: [], told: { ...told, isMinimal: false } };
  const untriaged = [
    { name: 'hang-wait', program: short },
    { name: 'hang-fence', program: long },
  ];
  t.strictSame(merged.take(result(0, { corpus: [long, short], untriaged })), []);
  const instance = join(directory, 'instances', 'queue');
  t.strictSame(readdirSync(join(instance, 'untriaged')), ['hang-fence.pb', 'hang-wait.pb']);
  t.match(merged.take(result(1, { corpus: [short], buckets: [unfinished] })), [{ name: 'hang-fence' }]);
  t.strictSame(readdirSync(join(instance, 'untriaged')), ['hang-wait.pb'], 'what has a bucket was looked into');
  t.strictSame(merged.next(9, frame).buckets, [{ name: 'hang-fence', program: long, isFinished: false }]);
  const least = { name: 'hang-fence', program: short, before: [], told };
  t.strictSame(merged.take(result(2, { buckets: [least] })), [], 'it was known');
  t.strictSame(merged.take(result(3, { buckets: [unfinished] })), [], 'and keeps its least program');
  const next = merged.next(9, frame);
  t.strictSame(next.buckets, [{ name: 'hang-fence', program: short, isFinished: true }]);
  t.strictSame([...next.corpus].sort(), [long, short].sort());
  t.ok(sliceSchema.safeParse(next).success);
  t.not(next.seed, merged.next(10, frame).seed, 'slices make other mutants');
  const finding = JSON.parse(readFileSync(join(directory, 'buckets', 'hang-fence', 'finding.json'), 'utf8'));
  t.match(finding, { bucket: 'hang-fence', isMinimal: true, afterRuns: 12, afterMs: 150, replay: /^replay / });
  t.match(merged.progress, { runs: 32, elapsedMs: 400, calls: 80, judgedCalls: 40, signals: 8, corpus: 2, buckets: 1 });
  const state = JSON.parse(readFileSync(join(instance, 'campaign.json'), 'utf8'));
  t.match(state, { runs: 32, repeated: 2, seen: { 'hang-fence': 2 }, reached: [0, 1, 2, 3] });
  t.end();
});

t.test('a slice has as much of a corpus as its runs allow, the same each time', (t) => {
  const merged = new MergedSlices(emptyDirectory(t), () => '');
  merged.take(result(0, { corpus: [...Array(30).keys()].map((at) => program(`r1 = message request=${at}\n`)) }));
  const { corpus } = merged.next(4, frame);
  t.equal(corpus.length, 2, 'a quarter of the runs');
  t.strictSame(merged.next(4, frame).corpus, corpus);
  t.equal(merged.next(4, { ...frame, runs: 1000 }).corpus.length, 30);
  t.end();
});

t.test('of a directory, what the slice was given is no result', (t) => {
  const directory = emptyDirectory(t);
  const given: Slice = {
    ...{ ...frame, number: 1, corpus: [short] },
    buckets: [
      { name: 'hang-fence', program: long, isFinished: false },
      { name: 'hang-wait', program: short, isFinished: true },
    ],
  };
  layOut(directory, given);
  const store = new BucketStore(join(directory, 'buckets'), () => '');
  t.strictSame(
    [...store.known.values()].map(({ name, isFinished }) => [name, isFinished]),
    [
      ['hang-fence', false],
      ['hang-wait', true],
    ],
  );
  const served = { identity: 'target', version: '1' };
  t.match(resultIn(directory, 'slice', given, served, []), { corpus: [], buckets: [], untriaged: [], deaths: [] });
  new Corpus(join(directory, 'corpus')).add(programOf(long));
  store.exchange({ name: 'hang-fence', program: programOf(short), before: [], told });
  store.keep({ name: 'leak-descriptors-fence', program: programOf(long), before: [programOf(short)], told });
  const { corpus, buckets, deaths } = resultIn(directory, 'slice', given, served, [Buffer.from(short, 'base64')]);
  t.strictSame([corpus, deaths], [[long], [short]]);
  t.match(buckets, [
    { name: 'hang-fence', program: short, before: [] },
    { name: 'leak-descriptors-fence', program: long, before: [short] },
  ]);
  t.equal(buckets.length, 2);
  t.notOk(existsSync(join(directory, 'program.c')));
  t.end();
});
