import { appendFileSync, cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { htmlReport } from '../html/html-report.ts';
import { type MergedRun, mergeRuns } from '../merge-runs.ts';
import { readRecords } from '../record/record-reader.ts';
import { RecordWriter } from '../record/record-writer.ts';
import { claimRunDirectory, type RunDirectory } from '../record/run-directory.ts';
import { writeMergedRun } from '../write-merged-run.ts';
import { writeSampleRun } from './sample-run.ts';
import { splitRun } from './split-run.ts';

const work = t.testdir();
const whole = join(work, 'whole');
writeSampleRun(whole, { cases: 40, failing: 6 });
const shards = splitRun(whole, work, 3);

const written = (run: MergedRun, root: string): RunDirectory =>
  claimRunDirectory(root, (staging) => writeMergedRun(run, staging));

t.test('shards give the same page as the run that was not split, in any order', (t) => {
  const direct = htmlReport(mergeRuns([whole]));
  t.ok(direct === htmlReport(mergeRuns(shards)), 'three shards');
  t.ok(direct === htmlReport(mergeRuns([...shards].reverse())), 'in another order');
  const merged = written(mergeRuns(shards), join(work, 'merged'));
  t.ok(direct === htmlReport(mergeRuns([merged.root])), 'written as one run');
  t.throws(() => written(mergeRuns(shards), merged.root), { code: 'record', message: /already holds/ });
  t.end();
});

t.test('what no shard ran is reported', (t) => {
  const [first = '', second = ''] = shards;
  const part = mergeRuns([first, second]);
  const all = mergeRuns(shards);
  t.equal(all.missing.length, 0);
  t.ok(part.missing.length > 0);
  t.equal(part.results.length + part.missing.length, all.results.length);
  t.match(htmlReport(part), `${part.missing.length} planned results that no shard ran`);
  t.notMatch(htmlReport(all), 'that no shard ran');
  t.end();
});

t.test('a run that was killed keeps what it finished, and says what it had begun', (t) => {
  const root = join(work, 'killed');
  cpSync(whole, root, { recursive: true });
  const results = join(root, 'results.jsonl');
  const lines = readFileSync(results, 'utf8').split('\n');
  const kept = lines.slice(0, lines.findLastIndex((line) => line.startsWith('{"event":"begin"')) + 1);
  writeFileSync(results, `${kept.join('\n')}\n{"event":"ca`);
  const run = mergeRuns([root]);
  t.equal(run.facts.ended, 'killed');
  t.equal(run.missing.length, 1);
  t.equal(run.unfinished.length, 1);
  t.match(run.remarks, [/1 unfinished line/]);
  t.match(htmlReport(run), /This run was killed before it was complete/);

  const resumed = new RecordWriter(results);
  const [record] = mergeRuns([whole]).results.slice(-1);
  if (record !== undefined) resumed.append(record.record);
  resumed.append({ event: 'end', reason: 'completed', counts: {}, durationMs: 5 });
  resumed.close();
  t.equal(mergeRuns([root]).missing.length, 0);
  t.equal(mergeRuns([root]).facts.ended, 'completed');
  t.end();
});

t.test('of a result that a resumed run repeated, the last record counts', (t) => {
  const root = join(work, 'repeated');
  cpSync(whole, root, { recursive: true });
  const { cases } = readRecords(join(root, 'results.jsonl'));
  const passed = cases.find(({ verdict }) => verdict === 'pass');
  if (passed === undefined) throw new Error('the sample has no pass');
  appendFileSync(join(root, 'results.jsonl'), `${JSON.stringify({ ...passed, verdict: 'inconclusive' })}\n`);
  const run = mergeRuns([root]);
  t.equal(run.results.length, cases.length);
  const again = run.results.find(({ record }) => record.key === passed.key && record.target === passed.target);
  t.equal(again?.record.verdict, 'inconclusive');
  t.match(run.remarks.join(), /1 results are recorded more than once; the last record counts/);
  t.same(mergeRuns([whole]).remarks, []);
  t.end();
});

t.test('what are no shards of one run is refused in one line', (t) => {
  const other = join(work, 'other');
  writeSampleRun(other, { cases: 30, failing: 6 });
  t.throws(() => mergeRuns([whole, other]), { code: 'record', message: /their plans differ/ });
  t.throws(() => mergeRuns([shards[0] ?? '', whole]), { code: 'record', message: /repeats .* which .* holds already/ });
  t.throws(() => mergeRuns([join(work, 'nowhere')]), { code: 'record', message: /holds no results/ });

  const noPlan = join(work, 'no-plan');
  cpSync(whole, noPlan, { recursive: true });
  rmSync(join(noPlan, 'plan.json'));
  t.throws(() => mergeRuns([noPlan]), { code: 'record', message: /plan\.json: is missing/ });
  writeFileSync(join(noPlan, 'plan.json'), '{"planHash":"0","results":[]}');
  t.throws(() => mergeRuns([noPlan]), { code: 'record', message: /is not the plan of this run/ });

  const otherCatalogue = join(work, 'other-catalogue');
  cpSync(whole, otherCatalogue, { recursive: true });
  const path = join(otherCatalogue, 'catalogue.json');
  writeFileSync(path, readFileSync(path, 'utf8').replace(/"hash":"[0-9a-f]+"/, '"hash":"beef"'));
  t.throws(() => mergeRuns([otherCatalogue]), { code: 'record', message: /is not the catalogue that/ });
  writeFileSync(path, 'not json');
  t.throws(() => mergeRuns([otherCatalogue]), { code: 'record', message: /cannot be read as a catalogue/ });
  t.end();
});

t.test('two builds of one target in one run are remarked', (t) => {
  const root = join(work, 'builds');
  cpSync(shards[0] ?? '', root, { recursive: true });
  const path = join(root, 'results.jsonl');
  writeFileSync(path, readFileSync(path, 'utf8').replace('"version":"7.2.22"', '"version":"9.9.9"'));
  t.match(mergeRuns([root, ...shards.slice(1)]).remarks, [/qemu-storage-daemon: 2 different builds/]);
  t.strictSame(mergeRuns(shards).remarks, []);
  t.end();
});

t.test('a trace path that leads out of the run is not followed', (t) => {
  const root = join(work, 'escape');
  cpSync(whole, root, { recursive: true });
  const path = join(root, 'results.jsonl');
  writeFileSync(path, readFileSync(path, 'utf8').replace(/"trace":"[^"]+"/g, '"trace":"traces/../../whole/plan.json"'));
  const run = mergeRuns([root]);
  t.match(htmlReport(run), /The trace traces\/\.\.\/\.\.\/whole\/plan\.json cannot be read/);
  t.throws(() => written(run, join(work, 'escape-merged')), {
    code: 'trace',
    message: /is not the path of a trace/,
  });
  t.notOk(existsSync(join(work, 'escape-merged')), 'no half of a report stays');
  t.end();
});
