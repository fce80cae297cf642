import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { type CaseRecord, type RunEvent, type RunRecord, recordSchemaVersion } from '../record/record.ts';
import { parseRecords, readRecords } from '../record/record-reader.ts';
import { RecordWriter } from '../record/record-writer.ts';
import { claimRunDirectory, openRunDirectory, type RunDirectory } from '../record/run-directory.ts';

const run: RunRecord = {
  event: 'run',
  schema: { ...recordSchemaVersion },
  runId: 'r1',
  suite: { name: 'vhost-conformance', version: '0.1.0' },
  catalogueHash: 'c0',
  seed: 1,
  shard: { index: 1, of: 1 },
  planHash: 'p0',
  planned: 2,
  startedAt: '2026-11-22T12:00:00.000Z',
  command: ['run', 'reference'],
};

const passed: CaseRecord = {
  event: 'case',
  key: 'a/b',
  target: 'reference',
  repetition: 0,
  caseId: 'a/b',
  title: 'b does what a says',
  variant: {},
  verdict: 'pass',
  outcomes: [{ requirement: 'x/y', outcome: 'pass', checks: 1 }],
  findings: [],
  durationMs: 1.5,
  seed: 1,
  rerun: "vhost-conformance run reference --case 'a/b'",
};

function lines(...events: readonly object[]): string {
  return events.map((event) => `${JSON.stringify(event)}\n`).join('');
}

t.test('what is appended is read back, by several writers of one file', (t) => {
  const path = join(t.testdir(), 'results.jsonl');
  const first = new RecordWriter(path);
  const second = new RecordWriter(path);
  first.append(run);
  second.append(passed);
  first.append({ event: 'end', reason: 'completed', counts: { pass: 1 }, durationMs: 3 });
  first.close();
  first.close();
  second.close();
  const records = readRecords(path);
  t.strictSame(records.run, run);
  t.strictSame(records.cases, [passed]);
  t.equal(records.ends[0]?.reason, 'completed');
  t.strictSame(records.tornLines, []);
  t.throws(() => first.append(run), { code: 'record', message: /is closed/ });
  t.end();
});

t.test('a torn last line is left out, and the next record starts a line of its own', (t) => {
  const path = join(t.testdir(), 'results.jsonl');
  const writer = new RecordWriter(path);
  writer.append(run);
  writer.append(passed);
  writer.close();
  appendFileSync(path, JSON.stringify(passed).slice(0, 40));
  const torn = readRecords(path);
  t.equal(torn.cases.length, 1);
  t.strictSame(torn.tornLines, [3]);
  const resumed = new RecordWriter(path);
  resumed.append({ ...passed, key: 'a/c' });
  resumed.close();
  const after = readRecords(path);
  t.strictSame(
    after.cases.map((result) => result.key),
    ['a/b', 'a/c'],
  );
  t.strictSame(after.tornLines, [3]);
  t.end();
});

t.test('each prefix of a file that begins with its run record can be read', (t) => {
  const text = lines(run, { event: 'begin', key: 'a/b', target: 'reference', repetition: 0 }, passed);
  for (let length = text.indexOf('\n') + 1; length <= text.length; length += 1) {
    const { cases } = parseRecords('x', text.slice(0, length));
    if (cases.length !== (length >= text.length - 1 ? 1 : 0)) t.fail(`wrong number of cases at ${length} bytes`);
  }
  t.equal(parseRecords('x', text).cases.length, 1);
  t.end();
});

t.test('unknown fields and later events are accepted', (t) => {
  const text = lines(
    { ...run, schema: { major: recordSchemaVersion.major, minor: 99, patch: 'x' }, colour: 'blue' },
    { ...passed, mood: 'fine' },
    { event: 'weather', temperature: 3 },
  );
  const records = parseRecords('x', text);
  t.equal(records.cases.length, 1);
  t.strictSame(records.unknownLines, [3]);
  t.end();
});

t.test('what is no record of ours is refused in one line', (t) => {
  const refused: [string, string, RegExp][] = [
    ['another major version', lines({ ...run, schema: { major: 2, minor: 0 } }), /record schema 2\.0; this version/],
    ['an unknown verdict', lines(run, { ...passed, verdict: 'splendid' }), /line 2 .*: verdict: is none of /],
    [
      'an unknown outcome',
      lines(run, { ...passed, outcomes: [{ requirement: 'x', outcome: 'ok', checks: 1 }] }),
      /outcome/,
    ],
    ['a missing field', lines(run, { ...passed, key: undefined }), /line 2 .*: key: is missing$/],
    ['no run record', lines(passed), /its first line is not a run record/],
    ['another format', 'TAP version 14\n1..0\n', /its first line is not a run record/],
    ['nothing', '', /is empty/],
    ['two plans', lines(run, { ...run, planHash: 'other' }), /two different plans/],
    ['a number', `${lines(run)}7\n`, /line 2 is not a record/],
  ];
  for (const [what, text, message] of refused) {
    t.throws(() => parseRecords('some/results.jsonl', text), { code: 'record', message }, what);
    try {
      parseRecords('some/results.jsonl', text);
    } catch (error) {
      t.match(String(error), /some\/results\.jsonl: /, `${what}: names the file`);
      t.notMatch(String(error), /\n/, `${what}: one line`);
    }
  }
  t.end();
});

t.test('a record that no reader would accept is not written', (t) => {
  const path = join(t.testdir(), 'results.jsonl');
  const writer = new RecordWriter(path);
  writer.append(run);
  const wrong: RunEvent = { ...passed, durationMs: Number.NaN };
  t.throws(() => writer.append(wrong), { code: 'record', message: /durationMs/ });
  writer.close();
  t.equal(readFileSync(path, 'utf8'), lines(run));
  t.end();
});

t.test('hostile text survives, still one line for each record', (t) => {
  const path = join(t.testdir(), 'results.jsonl');
  const stderr = 'a\nb\r\u2028\u2029\u0000\ud800</script>\u202e"\\';
  const writer = new RecordWriter(path);
  writer.append(run);
  const finding = { requirement: 'x/y', level: 'MUST', basis: 'keyword', how: 'crash', what: 'w' } as const;
  writer.append({ ...passed, verdict: 'fail', findings: [{ ...finding, expected: 'e', actual: 'a', stderr }] });
  writer.close();
  t.equal(readFileSync(path, 'utf8').split('\n').length, 3);
  t.equal(readRecords(path).cases[0]?.findings[0]?.stderr, stderr);
  t.end();
});

t.test('where nothing can be written, one clear line says so', (t) => {
  t.throws(() => new RecordWriter('/nonexistent/results.jsonl'), {
    code: 'record',
    message: '/nonexistent/results.jsonl: cannot be opened for writing (ENOENT: no such file or directory)',
  });
  const full = new RecordWriter('/dev/full');
  t.throws(() => full.append(run), { code: 'record', message: /ENOSPC: no space left on device/ });
  full.close();
  t.throws(() => readRecords('/nonexistent/results.jsonl'), { code: 'record', message: /cannot be read \(ENOENT/ });
  t.end();
});

t.test('a run directory is made once and opened where it holds results', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'vhost-conformance-record-'));
  t.teardown(() => rmSync(root, { recursive: true }));
  t.throws(() => openRunDirectory(root), { code: 'record', message: /holds no results/ });
  const fill = ({ results }: RunDirectory): void => {
    const writer = new RecordWriter(results);
    writer.append(run);
    writer.close();
  };
  const directory = claimRunDirectory(join(root, 'out'), fill);
  t.equal(openRunDirectory(join(root, 'out')).results, directory.results);
  t.throws(() => claimRunDirectory(join(root, 'out'), fill), { code: 'record', message: /already holds/ });
  t.throws(() => claimRunDirectory('/dev/null/out', fill), { code: 'record', message: /cannot be made \(ENOTDIR/ });
  t.end();
});
