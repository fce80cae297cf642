import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { ObservedEvent, RingWriteObservation } from '../../reference-impl/observations/event.ts';
import { tracePcap } from '../export/trace-pcap.ts';
import { type TraceFacts, traceText } from '../export/trace-text.ts';
import { featureOwnerOf } from '../trace/feature-words.ts';
import { layoutsOf, ringWriteWords } from '../trace/ring-write-words.ts';
import { boundTrace, defaultTraceBounds, type Trace } from '../trace/trace.ts';
import { sampleMdevTrace } from './sample-mdev-trace.ts';
import { sampleTrace } from './sample-trace.ts';

const { events, failing } = sampleTrace('wrong', 40);
const trace: Trace = { target: 'x', key: 'a/b', repetition: 0, dropped: 0, events };
/** The lines of events, without those of fields. */
const traceLines = (of: Trace, facts: TraceFacts): string[] =>
  traceText(of, facts)
    .split('\n')
    .filter((line) => /^ *\d+ +[\d.]+ ms /.test(line));

const owner = featureOwnerOf({ transport: 'vhost-user', device: 'block' });

t.test('as text: every event, every field, and where the check failed', (t) => {
  const facts = { owner, failing: new Set([failing]) };
  const lines = traceLines(trace, facts);
  t.equal(lines.length, events.length);
  t.strictSame(
    lines.flatMap((line, index) => (line.endsWith('<== a check failed here') ? [events[index]?.seq] : [])),
    [failing],
  );
  const text = traceText(trace, facts);
  t.match(text, /^x: a\/b\n/);
  t.match(text, /-> VHOST_USER_SET_VRING_BASE {2}index 0, num 0xfffe {2}\(20 B\)\n +0-3 +request/);
  t.match(text, /descriptor, ring 0 at 0x100001000: addr 0x1000, len 16, flags NEXT, next 1/);
  t.match(text, /available idx, ring 0 at 0x2002: idx 1/);
  t.match(
    traceText({ ...trace, dropped: 3, events: events.slice(2) }, facts),
    /… 2 events were not recorded[\s\S]*3 of/,
  );
  t.end();
});

t.test('bits of a device have its names', (t) => {
  const words = (device: string): string =>
    traceText(trace, { owner: featureOwnerOf({ transport: 'vhost-user', device }), failing: new Set() });
  t.match(words('block'), /VIRTIO_BLK_F_BLK_SIZE/);
  t.notMatch(words('block'), /\bbit 6\b/);
  t.match(words('net'), /VIRTIO_NET_F_/);
  t.notMatch(words('net'), /VIRTIO_BLK/);
  t.equal(featureOwnerOf(undefined), undefined);
  t.end();
});

t.test('ring writes in the fields of their layout', (t) => {
  const write = (what: RingWriteObservation['what'], bytes: readonly number[]): RingWriteObservation => ({
    kind: 'ring-write',
    what,
    index: 0,
    address: 0n,
    bytes: Uint8Array.from(bytes),
  });
  const descriptor = [0, 0x20, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 7, 0, 0x82, 0];
  t.equal(ringWriteWords(write('descriptor', descriptor), 'packed'), 'addr 0x2000, len 16, id 7, flags WRITE|AVAIL');
  t.equal(
    ringWriteWords(write('descriptor', descriptor), 'split'),
    'addr 0x2000, len 16, flags NEXT|WRITE|INDIRECT, next 130',
  );
  t.equal(ringWriteWords(write('used-seen', [3, 0, 0, 0, 9, 0, 0, 0]), 'split'), 'id 3, len 9');
  t.equal(ringWriteWords(write('used-event', [5, 0x80]), 'packed'), 'off_wrap: slot 5, wrap counter 1');
  t.equal(ringWriteWords(write('used-event', [5, 0x80]), 'split'), 'used_event 32773');
  t.equal(ringWriteWords(write('descriptor', [1]), 'split'), 'cut: 1 of 16 bytes');
  const layout = (key: string, ...writes: RingWriteObservation[]): unknown =>
    layoutsOf(
      key,
      writes.map((one, seq) => ({ ...one, seq, timeUs: 0 })),
    ).get(0);
  t.equal(layout('a', write('descriptor', descriptor)), 'split');
  t.equal(layout('a[layout=packed]', write('descriptor', descriptor)), 'packed');
  t.equal(layout('a', write('descriptor', descriptor), write('used-seen', descriptor)), 'packed');
  t.equal(layout('a[layout=packed]', write('available-idx', [0, 0])), 'split');
  t.end();
});

t.test('the event of no finding is cut away, however many there are', (t) => {
  const many = Array.from({ length: 4000 }, (_, seq) => ({ kind: 'note' as const, text: '', seq, timeUs: seq }));
  const findings = Array.from({ length: 20 }, (_, index) => 400 + index * 150);
  const kept = new Set(boundTrace({ ...trace, events: many }, findings).events.map(({ seq }) => seq));
  for (const finding of findings) t.ok(kept.has(finding), `${finding}`);
  t.ok(kept.size < defaultTraceBounds.firstEvents + defaultTraceBounds.lastEvents + 20 + 8 * 49);
  t.end();
});

const noTshark = spawnSync('tshark', ['--version']).status === 0 ? false : 'tshark is not installed';

/** An ARP request on its way out, and how it is read. */
const frame = Buffer.from(
  `${'ff'.repeat(6)}525400123456${'0806'}0001080006040001525400123456c0a80102000000000000c0a80101`,
  'hex',
);
const frameEvent: ObservedEvent = {
  seq: events.length,
  timeUs: 1e6,
  kind: 'frame',
  direction: 'to-iut',
  index: 1,
  header: new Uint8Array(12),
  length: 60,
  bytes: frame,
};
const tableEvent: ObservedEvent = {
  seq: events.length + 1,
  timeUs: 1e6 + 1,
  kind: 'indirect-table',
  index: 0,
  address: 0x9000n,
  bytes: Uint8Array.from([0, 0x20, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 2, 0, 0, 0]),
};

t.test('frames and indirect tables as text', (t) => {
  const lines = traceLines({ ...trace, events: [...events, frameEvent, tableEvent] }, { failing: new Set() });
  t.match(lines.at(-2), /-> frame, ring 1: 52:54:00:12:34:56 to ff:ff:ff:ff:ff:ff, ARP, 60 B$/);
  t.match(lines.at(-1), /indirect table, ring 0 at 0x9000: \[0\] addr 0x2000, len 16, flags WRITE$/);
  t.end();
});

t.test('as pcapng: tshark reads frames as Ethernet, beside messages', { skip: noTshark }, (t) => {
  const path = join(t.testdir(), 'trace.pcapng');
  writeFileSync(path, tracePcap({ ...trace, events: [...events, frameEvent] }, { owner, failing: new Set() }));
  const fields = ['frame.interface_name', 'frame.len', 'eth.src', 'arp.dst.proto_ipv4'].flatMap((name) => ['-e', name]);
  const read = spawnSync('tshark', ['-r', path, '-T', 'fields', ...fields], { encoding: 'utf8' });
  t.equal(read.status, 0, read.stderr);
  const lines = read.stdout.trimEnd().split('\n');
  t.equal(lines.length, events.length + 1);
  t.equal(lines.at(-1), 'Ethernet frames\t60\t52:54:00:12:34:56\t192.168.1.1');
  t.match(lines[2], /^vhost-user front-end channel\t12\t\t?/);
  t.end();
});

for (const [name, sample] of [
  ['vhost-user', { events, failing }],
  ['vhost-mdev', sampleMdevTrace()],
] as const) {
  t.test(`as pcapng of ${name}: tshark reads every event, its bytes and its words`, { skip: noTshark }, (t) => {
    const pcap = tracePcap({ ...trace, events: sample.events }, { owner, failing: new Set([sample.failing]) });
    t.equal(Buffer.from(pcap).readUInt32LE(8), 0x1a2b3c4d);
    const path = join(t.testdir(), 'trace.pcapng');
    writeFileSync(path, pcap);
    const read = spawnSync('tshark', ['-r', path, '-T', 'fields', '-e', 'frame.len', '-e', 'frame.comment'], {
      encoding: 'utf8',
    });
    t.equal(read.status, 0, read.stderr);
    const lines = read.stdout.trimEnd().split('\n');
    t.equal(lines.length, sample.events.length);
    for (const [index, event] of sample.events.entries()) {
      const [length, comment = ''] = lines[index]?.split('\t') ?? [];
      t.match(comment, `#${event.seq} `);
      if (event.kind === 'message') t.equal(Number(length), event.length);
    }
    t.match(lines[sample.events.findIndex(({ seq }) => seq === sample.failing)], 'a check failed here');
    t.end();
  });
}
