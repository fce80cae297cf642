import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import t from 'tap';
import { readReport, reportsIn } from '../../drivers/sanitizers/sanitizer-report.ts';
import { parseTarget, readTargetFile } from '../../drivers/target-file.ts';
import { parseProgram } from '../../fuzz/program/parse-program.ts';
import { printProgram } from '../../fuzz/program/print-program.ts';
import { type Program, ProgramError } from '../../fuzz/program/program.ts';
import { decodeProgram, encodeProgram } from '../../fuzz/program/program-encoding.ts';
import { resolved } from '../../fuzz/program/references.ts';
import { DriverUsageError } from '../../reference-impl/errors.ts';
import { decodeReply } from '../../reference-impl/wire/decode-reply.ts';
import { decodeRequest } from '../../reference-impl/wire/decode-request.ts';
import { MessageAssembler } from '../../reference-impl/wire/framing.ts';
import { messageById } from '../../reference-impl/wire/vhost-user-messages.ts';
import { htmlReport } from '../../reports/html/html-report.ts';
import { mergeRuns } from '../../reports/merge-runs.ts';
import { RecordError } from '../../reports/record/record-error.ts';
import { parseRecords } from '../../reports/record/record-reader.ts';
import { decodeTrace } from '../../reports/trace/trace-encoding.ts';
import { TraceError } from '../../reports/trace/trace-error.ts';
import { readExpectations } from '../../suites/runner/expectations.ts';
import { readKnownBuckets } from '../fuzz/known-buckets.ts';
import { readProgram } from '../fuzz/program-file.ts';
import { oneLine } from '../one-line.ts';
import { UsageError } from '../usage-error.ts';
import { emptyDirectory } from './command-line.ts';

/** More are tried where it is told: VHOST_CONFORMANCE_TRIES=20000 and another seed, VHOST_CONFORMANCE_SEED. */
const tries = Number(process.env['VHOST_CONFORMANCE_TRIES'] ?? 300);
const seed = Number(process.env['VHOST_CONFORMANCE_SEED'] ?? 1);
/** What is read in so little time is read without a loop that a file decides on. */
const mostMs = 4000;

const fixture = (path: string): string => fileURLToPath(new URL(`../../../fixtures/${path}`, import.meta.url));

const document = (name: string): string => fileURLToPath(new URL(`../../../docs/${name}`, import.meta.url));

/** One change of bytes, its places as parts of the whole. */
type Edit = (bytes: Buffer) => Buffer;

const part = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const few = fc.nat(12);
const oddBytes = fc.oneof(
  fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes)),
  fc
    .constantFrom(
      '\n',
      '"',
      '{',
      '}',
      '[',
      ']',
      '=',
      '*',
      '.',
      ',',
      '#',
      '-1',
      '99999999999999999999',
      '1e999',
      '\\u0000',
    )
    .map((text) => Buffer.from(text)),
  fc.constantFrom('ffffffff0f', 'ffffffffffffffffff01', '00', '80').map((hex) => Buffer.from(hex, 'hex')),
);

const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc.tuple(part, oddBytes).map(
    ([at, odd]) =>
      (bytes: Buffer) =>
        spliced(bytes, at, 0, odd),
  ),
  fc.tuple(part, few).map(
    ([at, length]) =>
      (bytes: Buffer) =>
        spliced(bytes, at, length, Buffer.alloc(0)),
  ),
  fc.tuple(part, oddBytes).map(
    ([at, odd]) =>
      (bytes: Buffer) =>
        spliced(bytes, at, odd.length, odd),
  ),
  part.map((at) => (bytes: Buffer) => bytes.subarray(0, Math.floor(at * bytes.length))),
  fc.tuple(part, part, fc.nat(64)).map(([from, to, length]) => (bytes: Buffer) => {
    const start = Math.floor(from * bytes.length);
    return spliced(bytes, to, 0, bytes.subarray(start, start + length));
  }),
);

function spliced(bytes: Buffer, at: number, removed: number, added: Buffer): Buffer {
  const place = Math.floor(at * bytes.length);
  return Buffer.concat([bytes.subarray(0, place), added, bytes.subarray(place + removed)]);
}

/** One of the samples with some bytes changed; now and then no sample at all. */
const damaged = (samples: readonly Buffer[]): fc.Arbitrary<Buffer> =>
  fc.oneof(
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)) },
    {
      weight: 9,
      arbitrary: fc
        .tuple(fc.constantFrom(...samples), fc.array(edit, { minLength: 1, maxLength: 3 }))
        .map(([sample, edits]) => edits.reduce<Buffer>((bytes, change) => change(bytes), sample)),
    },
  );

const oddValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    -1,
    0.5,
    2 ** 53,
    1e300,
    '',
    ' ',
    '\n',
    '\u0000',
    '__proto__',
    'constructor',
    [],
    {},
  ),
  fc.string({ maxLength: 20 }),
  fc.constant('x'.repeat(5000)),
);

/** A value with one part of it replaced, removed or doubled. */
const damagedValue = (value: unknown): fc.Arbitrary<unknown> =>
  fc.tuple(fc.array(part, { minLength: 1, maxLength: 6 }), oddValue, fc.nat(3)).map(([path, odd, how]) => {
    const whole: unknown = structuredClone(value);
    let parent: unknown = whole;
    for (const step of path) {
      if (typeof parent !== 'object' || parent === null) break;
      const names = Object.keys(parent);
      const name = names[Math.floor(step * names.length)];
      if (name === undefined) break;
      const child: unknown = Reflect.get(parent, name);
      const isLast = step === path.at(-1) || typeof child !== 'object' || child === null;
      if (isLast && how === 0) Reflect.deleteProperty(parent, name);
      else if (isLast && how === 1) Reflect.set(parent, `${name}x`, child);
      else if (isLast) Reflect.set(parent, name, odd);
      if (isLast) break;
      parent = child;
    }
    return whole;
  });

/** An error that a reader of ours may throw: one line, for a person who gave the file. */
type Refusal = abstract new (...words: never[]) => Error;

/** A parser answers, or refuses in its own words, which are printed as one line. Whether it answered. */
function answers(refusals: readonly Refusal[], parse: () => void): boolean {
  const from = performance.now();
  const refused = refusalOf(parse);
  const took = performance.now() - from;
  if (took > mostMs) throw new Error(`took ${Math.round(took)} ms`);
  if (refused === undefined) return true;
  if (!refusals.some((refusal) => refused instanceof refusal)) throw refused;
  if (/[\n\r]/.test(oneLine(refused.message))) throw new Error('more than a line', { cause: refused });
  return false;
}

function refusalOf(parse: () => void): Error | undefined {
  try {
    parse();
    return undefined;
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
}

/** Tries a parser; some samples have to be answered and some refused, else nothing was tried. */
function holds<Value>(
  name: string,
  values: fc.Arbitrary<Value>,
  refusals: readonly Refusal[],
  parse: (value: Value) => void,
  times = tries,
): void {
  t.test(name, (t) => {
    let answered = 0;
    fc.assert(
      fc.property(values, (value) => {
        if (answers(refusals, () => parse(value))) answered++;
      }),
      { seed, numRuns: times },
    );
    t.ok(answered > 0, `${answered} of ${times} were answered`);
    if (refusals.length > 0) t.ok(answered < times, 'some were refused');
    t.end();
  });
}

const sessions = readdirSync(fixture('wire-vectors/sessions')).map((name) =>
  readFileSync(fixture(`wire-vectors/sessions/${name}`)),
);
const messages = [
  Buffer.from('010000000100000000000000', 'hex'),
  Buffer.from('0500000001000000080000000100000000000000', 'hex'),
  Buffer.from('1800000001000000140000000000000008000000010000000102030405060708', 'hex'),
  ...sessions,
];

holds('messages cut from a stream, as requests and as replies', damaged(messages), [], (bytes) => {
  for (const direction of ['front-end', 'back-end'] as const) {
    const assembler = new MessageAssembler();
    for (let at = 0; at < bytes.length; at += 7) {
      assembler.push(bytes, at, Math.min(7, bytes.length - at));
      for (let frame = assembler.next(); frame !== undefined; frame = assembler.next()) {
        if (frame.kind === 'problem') return;
        const message = frame.buffer.slice(frame.offset, frame.offset + frame.length);
        decodeRequest(direction, message, frame.descriptors.length);
        const description = messageById(direction, frame.request);
        if (description !== undefined) decodeReply(description, message, 0);
      }
    }
  }
});

const recorded = ['1.0', '1.1', '1.2', '1.3'].map((version) =>
  readFileSync(fixture(`records/${version}/results.jsonl`)),
);
holds('records', damaged(recorded), [RecordError], (bytes) => {
  parseRecords('results.jsonl', bytes.toString('utf8'));
});

const lines =
  recorded
    .at(-1)
    ?.toString('utf8')
    .split('\n')
    .filter((line) => line !== '') ?? [];
const damagedLine = fc
  .nat(lines.length - 1)
  .chain((at) =>
    damagedValue(JSON.parse(lines[at] ?? '')).map((value) => lines.with(at, JSON.stringify(value)).join('\n')),
  );
holds('records with a value changed', damagedLine, [RecordError], (text) => {
  parseRecords('results.jsonl', text);
});

const traces = ['1.3', '1.2'].flatMap((version) =>
  readdirSync(fixture(`records/${version}/traces`)).map((name) =>
    readFileSync(fixture(`records/${version}/traces/${name}`)),
  ),
);
holds('traces', damaged(traces), [TraceError], (bytes) => {
  decodeTrace(bytes);
});

const programs = readdirSync(fixture('corpus')).map((name) => readFileSync(fixture(`corpus/${name}`)));
/** What was read is written and read again the same, and can be run. */
function isProgram(program: Program): void {
  resolved(program);
  const again = decodeProgram(encodeProgram(program));
  if (printProgram(again) !== printProgram(program)) throw new Error('another program as protobuf');
  if (printProgram(parseProgram(printProgram(program))) !== printProgram(program)) throw new Error('another as text');
}
holds('programs as text', damaged(programs), [ProgramError], (bytes) => {
  isProgram(parseProgram(bytes.toString('utf8')));
});
const encoded = programs.map((text) => Buffer.from(encodeProgram(parseProgram(text.toString('utf8')))));
holds('programs as protobuf', damaged(encoded), [ProgramError], (bytes) => {
  isProgram(decodeProgram(bytes));
});

/** The whole target file of docs/TARGETS.md. */
const targetText = /```json\n(\{\n {2}"facts"[^`]+)```/.exec(readFileSync(document('TARGETS.md'), 'utf8'))?.[1] ?? '';
const target: unknown = JSON.parse(targetText);
holds('targets', fc.oneof(fc.constant(target), damagedValue(target), oddValue), [DriverUsageError], (value) => {
  parseTarget(value, 'mine.json');
});

const report = Buffer.from(
  [
    '==12==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x60200000eff8 at pc 0x4f bp 0x7f sp 0x7f',
    'WRITE of size 4 at 0x60200000eff8 thread T0',
    '    #0 0x4f7a in set_num /src/back-end.c:12:3',
    '    #1 0x4f7b in main /src/back-end.c:40',
    '',
    'SUMMARY: AddressSanitizer: heap-buffer-overflow',
    "back-end.c:7:3: runtime error: index 9 out of bounds for type 'int[8]'",
    '    #0 0x4f7a in set_num back-end.c:7',
    '',
  ].join('\n'),
);
holds('reports of sanitizers', damaged([report]), [], (bytes) => {
  for (const { text } of reportsIn(bytes.toString('utf8'))) readReport(text);
});

t.test('files that a person gives', (t) => {
  const directory = emptyDirectory(t);
  const expectations = readFileSync(fixture('expectations/vhost-mdev-faithful.json'));
  const files: readonly (readonly [string, readonly Buffer[], readonly Refusal[], (path: string) => void])[] = [
    ['target.json', [Buffer.from(targetText)], [DriverUsageError], (path) => readTargetFile(path)],
    [
      'expectations.json',
      [expectations],
      [DriverUsageError, UsageError, RecordError],
      (path) => readExpectations(path),
    ],
    ['known.txt', [Buffer.from('crash-set-num # one\n\nhang-kick\n')], [UsageError], (path) => readKnownBuckets(path)],
    ['program.txt', [...programs, ...encoded], [UsageError], (path) => readProgram(path)],
  ];
  for (const [name, samples, refusals, read] of files) {
    const path = join(directory, name);
    fc.assert(
      fc.property(damaged(samples), (bytes) => {
        writeFileSync(path, bytes);
        answers(refusals, () => read(path));
      }),
      { seed, numRuns: tries },
    );
    t.pass(name);
  }
  t.end();
});

t.test('a whole report of a damaged run', (t) => {
  const directory = emptyDirectory(t);
  const names = ['results.jsonl', 'catalogue.json', 'plan.json'] as const;
  const whole = fixture('records/1.3');
  let written = 0;
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.array(edit, { minLength: 1, maxLength: 2 }), (name, edits) => {
      const root = join(directory, 'run');
      rmSync(root, { recursive: true, force: true });
      cpSync(whole, root, { recursive: true });
      const changed = edits.reduce<Buffer>((bytes, change) => change(bytes), readFileSync(join(root, name)));
      writeFileSync(join(root, name), changed);
      if (answers([RecordError], () => htmlReport(mergeRuns([root])))) written++;
    }),
    { seed, numRuns: Math.ceil(tries / 10) },
  );
  t.ok(written > 0, `${written} were written all the same`);
  t.end();
});
