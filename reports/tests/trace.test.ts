import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import protobuf from 'protobufjs/light.js';
import t from 'tap';
import type { ObservedEvent } from '../../reference-impl/observations/event.ts';
import { boundTrace, type Trace } from '../trace/trace.ts';
import { decodeTrace, encodeTrace } from '../trace/trace-encoding.ts';
import { readTrace, TraceWriter, tracePath } from '../trace/trace-file.ts';

const u32 = fc.nat({ max: 0xffffffff });
const bytes = fc.uint8Array({ maxLength: 48 });
const offset = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const text = fc.string({ unit: 'grapheme' });

const layout = fc.constantFrom('unknown' as const, 'mdev-l1' as const, 'mdev-l2' as const);
const result = fc.option(fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }), { nil: undefined });

const observation = fc.oneof(
  fc.record({
    kind: fc.constant('message' as const),
    channel: fc.constantFrom('front-end' as const, 'back-end' as const),
    direction: fc.constantFrom('to-iut' as const, 'from-iut' as const),
    session: u32,
    bytes,
    length: u32,
    descriptors: u32,
  }),
  fc.record({
    kind: fc.constant('notification' as const),
    what: fc.constantFrom('kick' as const, 'call' as const, 'err' as const, 'log' as const),
    session: u32,
    index: u32,
    count: offset,
  }),
  fc.record({
    kind: fc.constant('ring-write' as const),
    what: fc.constantFrom('descriptor' as const, 'available' as const, 'available-idx' as const, 'used-seen' as const),
    index: u32,
    address: fc.bigInt({ min: 0n, max: 0xffffffffffffffffn }),
    bytes,
  }),
  fc.record({
    kind: fc.constant('indirect-table' as const),
    index: u32,
    address: fc.bigInt({ min: 0n, max: 0xffffffffffffffffn }),
    bytes,
  }),
  fc.record({
    kind: fc.constant('frame' as const),
    direction: fc.constantFrom('to-iut' as const, 'from-iut' as const),
    index: u32,
    header: bytes,
    length: offset,
    bytes,
  }),
  fc.record({
    kind: fc.constant('connection' as const),
    state: fc.constantFrom('opened' as const, 'closed-by-iut' as const, 'closed-by-us' as const, 'refused' as const),
    session: u32,
    detail: text,
  }),
  fc.record({
    kind: fc.constant('process' as const),
    state: fc.constantFrom(
      'started' as const,
      'ready' as const,
      'died' as const,
      'ended' as const,
      'ended-by-us' as const,
    ),
    detail: text,
  }),
  fc.record({
    kind: fc.constant('memory-change' as const),
    region: u32,
    offset,
    length: offset,
    bytes,
    note: text,
  }),
  fc.record({ kind: fc.constant('note' as const), text }),
  fc.record({
    kind: fc.constant('region-access' as const),
    access: fc.constantFrom('read' as const, 'write' as const, 'map' as const, 'store' as const),
    session: u32,
    layout,
    region: u32,
    offset,
    length: offset,
    bytes,
    result,
  }),
  fc.record({
    kind: fc.constant('ioctl' as const),
    on: fc.constantFrom('device' as const, 'container' as const, 'group' as const),
    session: u32,
    layout,
    request: u32,
    length: u32,
    before: bytes,
    after: bytes,
    result,
  }),
);

const event: fc.Arbitrary<ObservedEvent> = fc
  .tuple(fc.record({ seq: u32, timeUs: offset }), observation)
  .map(([when, what]) => ({ ...when, ...what }));

const trace: fc.Arbitrary<Trace> = fc.record({
  target: text,
  key: text,
  repetition: u32,
  dropped: offset,
  events: fc.array(event, { maxLength: 20 }),
});

/** Buffers and typed arrays with the same bytes are one and the same here. */
function withPlainBytes(value: Trace): unknown {
  return {
    ...value,
    events: value.events.map((event) => {
      if (event.kind === 'ioctl') return { ...event, before: [...event.before], after: [...event.after] };
      if (event.kind === 'frame') return { ...event, header: [...event.header], bytes: [...event.bytes] };
      return 'bytes' in event ? { ...event, bytes: [...event.bytes] } : event;
    }),
  };
}

t.test('a trace decodes to what was encoded', (t) => {
  fc.assert(
    fc.property(trace, (original) => {
      assert.deepEqual(withPlainBytes(decodeTrace(encodeTrace(original))), withPlainBytes(original));
    }),
  );
  t.pass('200 random traces');
  t.end();
});

t.test('bytes that are no trace are refused with a TraceError', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (random) => {
      try {
        decodeTrace(random);
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'trace');
      }
    }),
  );
  t.throws(() => decodeTrace(Uint8Array.of(0xff, 0xff)), { code: 'trace', message: 'not a trace' });
  t.throws(() => decodeTrace(Uint8Array.of(0x08, 0x09)), { code: 'trace', message: /trace schema 9\.0/ });
  const noKind = Uint8Array.of(0x08, 0x01, 0x3a, 0x02, 0x08, 0x07);
  t.throws(() => decodeTrace(noKind), { code: 'trace', message: 'event 7 is of no known kind' });
  t.end();
});

const calls: readonly ObservedEvent[] = [
  {
    seq: 0,
    timeUs: 1,
    kind: 'region-access',
    access: 'write',
    session: 0,
    layout: 'mdev-l2',
    region: 0,
    offset: 0,
    length: 16,
    bytes: new Uint8Array(16),
    result: -22,
  },
  {
    seq: 1,
    timeUs: 2,
    kind: 'ioctl',
    on: 'device',
    session: 0,
    layout: 'mdev-l2',
    request: 0x3b6f,
    length: 0,
    before: new Uint8Array(),
    after: new Uint8Array(),
    result: 0,
  },
];
const callTrace: Trace = { target: 'x', key: 'k', repetition: 0, dropped: 0, events: calls };

t.test('a reader of schema 1.0 finds calls as notes', (t) => {
  const root = findRoot(import.meta.dirname);
  const described = JSON.parse(readFileSync(join(root, 'reports/trace/trace-descriptor.json'), 'utf8'));
  const types = described.nested.vhost_conformance.nested.trace.nested;
  for (const name of ['regionAccess', 'ioctl']) delete types.Event.fields[name];
  delete types.Event.oneofs.call;
  const earlier = protobuf.Root.fromJSON(described).lookupType('vhost_conformance.trace.Trace');
  const read = earlier.toObject(earlier.decode(encodeTrace(callTrace)), { oneofs: true });
  t.match(read, {
    major: 1,
    events: [
      { what: 'note', note: { text: 'write of region 0 at 0x0, 16 bytes: EINVAL' } },
      { what: 'note', note: { text: 'VFIO_DEVICE_RESET on the device: 0' } },
    ],
  });
  t.end();
});

t.test('what a later minor added is left out and counted', (t) => {
  const bytes = encodeTrace(callTrace);
  const later = protobuf.Root.fromJSON({
    nested: {
      Trace: {
        fields: { minor: { type: 'uint32', id: 2 }, events: { rule: 'repeated', type: 'Event', id: 7 } },
      },
      Event: { fields: { seq: { type: 'uint32', id: 1 }, unheard: { type: 'string', id: 100 } } },
    },
  }).lookupType('Trace');
  const added = later.encode({ minor: 99, events: [{ seq: 2, unheard: 'of' }] }).finish();
  const decoded = decodeTrace(Uint8Array.from([...bytes, ...added]));
  t.strictSame(
    decoded.events.map(({ kind }) => kind),
    ['region-access', 'ioctl'],
  );
  t.equal(decoded.dropped, 1);
  t.end();
});

t.test('a long trace keeps both ends and says how much is missing', (t) => {
  const events: ObservedEvent[] = [];
  for (let seq = 0; seq < 5000; seq += 1) {
    events.push({
      seq,
      timeUs: seq * 10,
      kind: 'message',
      channel: 'front-end',
      direction: 'to-iut',
      session: 1,
      bytes: new Uint8Array(4096),
      length: 4096,
      descriptors: 0,
    });
  }
  const long: Trace = { target: 'x', key: 'k', repetition: 0, dropped: 2, events };
  const encoded = encodeTrace(long);
  t.ok(encoded.length < 2 * 1024 * 1024, `${encoded.length} bytes`);
  const decoded = decodeTrace(encoded);
  t.equal(decoded.events.length, 768);
  t.equal(decoded.dropped, 5000 - 768 + 2);
  t.equal(decoded.events[0]?.seq, 0);
  t.equal(decoded.events.at(-1)?.seq, 4999);
  const [first] = decoded.events;
  t.ok(first?.kind === 'message' && first.bytes.length === 1024 && first.length === 4096);
  const bounds = { firstEvents: 2, lastEvents: 1, aroundFinding: 1, findings: 2, bytesPerEvent: 4 };
  t.strictSame(
    boundTrace(long, [], bounds).events.map((kept) => kept.seq),
    [0, 1, 4999],
  );
  t.strictSame(
    boundTrace(long, [2500, 2500, 4000, 100], bounds).events.map((kept) => kept.seq),
    [0, 1, 100, 2499, 2500, 2501, 3999, 4000, 4001, 4999],
    'a finding beyond those that are surrounded keeps its own event',
  );
  t.end();
});

t.test('traces are files of the run directory, one for each result', (t) => {
  const root = t.testdir();
  const writer = new TraceWriter(root);
  const made: Trace = {
    target: 'qemu/../x',
    key: 'virtio/split-ring/a[size=16]',
    repetition: 0,
    dropped: 0,
    events: [{ seq: 0, timeUs: 0, kind: 'note', text: 'begins' }],
  };
  const path = writer.write(made);
  t.match(path, /^traces\/[A-Za-z0-9._=-]+\.pb$/);
  t.ok(existsSync(join(root, path)));
  t.strictSame(readTrace(join(root, path)), made);
  t.not(tracePath({ ...made, repetition: 1 }), path);
  t.not(tracePath({ ...made, target: 'qemu/.._x' }), path);
  writeFileSync(join(root, path), 'garbage');
  t.throws(() => readTrace(join(root, path)), { code: 'trace', message: /garbage|not a trace/ });
  t.throws(() => readTrace(join(root, 'traces/none.pb')), { code: 'trace', message: /ENOENT/ });
  t.throws(() => new TraceWriter('/dev/null').write(made), { code: 'trace', message: /cannot be written/ });
  t.end();
});

t.test('the descriptor in use is the one that trace.proto compiles to', (t) => {
  const root = findRoot(import.meta.dirname);
  const compiled = execFileSync(
    process.execPath,
    [join(root, 'node_modules/protobufjs-cli/bin/pbjs'), '-t', 'json', join(root, 'reports/trace/trace.proto')],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
  );
  const inUse: unknown = JSON.parse(readFileSync(join(root, 'reports/trace/trace-descriptor.json'), 'utf8'));
  t.strictSame(inUse, JSON.parse(compiled), 'else run: npx pbjs -t json reports/trace/trace.proto');
  t.end();
});

function findRoot(from: string): string {
  return existsSync(join(from, 'package-lock.json')) ? from : findRoot(dirname(from));
}
