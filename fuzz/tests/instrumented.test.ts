import t from 'tap';
import type { Coverage, DriverPort, Guest, RedZone } from '../../drivers/port/port.ts';
import { plainGuest } from '../../reference-impl/memory/guest.ts';
import { SignalMap } from '../campaign/signals.ts';
import { EdgeSignals, firstEdgeSignal } from '../coverage/edge-signals.ts';
import { bucketOf, isReportBucket } from '../executor/bucket.ts';
import { MadeThings } from '../executor/made-things.ts';
import { RedZoneWatch } from '../executor/red-zones.ts';
import { parseProgram } from '../program/parse-program.ts';

/** Counters of a program with few edges. */
class Counters implements Coverage {
  readonly counts: number[] = [];
  program: bigint | undefined = 1n;

  read(each: (edge: number, times: number) => void): void {
    for (const [edge, times] of this.counts.entries()) if (times > 0) each(edge, times);
  }

  clear(): void {
    this.counts.length = 0;
  }
}

t.test('an edge with the class of its count is a signal', (t) => {
  const counters = new Counters();
  const edges = new EdgeSignals(counters);
  const signalsOf = (...counts: number[]): readonly number[] => {
    counters.counts.push(...counts);
    edges.read();
    return edges.signals;
  };
  const classes = [1, 2, 3, 4, 8, 16, 32, 128].map((times) => signalsOf(times)[0]);
  t.equal(new Set(classes).size, classes.length, 'classes differ');
  for (const [least, most] of [
    [4, 7],
    [8, 15],
    [16, 31],
    [32, 127],
    [128, 255],
  ] as const) {
    t.same(signalsOf(least), signalsOf(most), `${least} to ${most} is one class`);
  }
  t.not(signalsOf(0, 1)[0], signalsOf(1)[0], 'edges differ');
  t.same(signalsOf(), [], 'what was read is cleared');
  t.ok(classes.every((signal) => (signal ?? 0) >= firstEdgeSignal));
  t.end();
});

t.test('edges are counted apart from calls, and forgotten with their program', (t) => {
  const map = new SignalMap();
  map.add([1, 2, firstEdgeSignal, firstEdgeSignal + 9]);
  map.mask([3, firstEdgeSignal + 1]);
  t.same([map.size, map.edges], [2, 2]);
  t.same(map.newIn(new Set([2, 3, 4, firstEdgeSignal + 1, firstEdgeSignal + 2])), [4, firstEdgeSignal + 2]);
  map.forgetEdges();
  t.same([map.size, map.edges], [2, 0]);
  t.same(map.newIn(new Set([2, 3, firstEdgeSignal, firstEdgeSignal + 1])), [firstEdgeSignal, firstEdgeSignal + 1]);
  map.add(Array.from({ length: 20_000 }, (_, signal) => signal));
  t.same(map.newIn(new Set([30_000, firstEdgeSignal])), [firstEdgeSignal], 'too many calls leave room for edges');
  t.end();
});

t.test('a bucket is named by the cause that a sanitizer tells', (t) => {
  const report = {
    tool: 'AddressSanitizer',
    error: 'heap-buffer-overflow WRITE',
    functions: ['put', 'take', 'main'],
    text: '',
  };
  const crash = (exit: object) =>
    bucketOf({ kind: 'crash', place: 0, exit: { signal: 'SIGABRT', ...exit } }, undefined);
  t.equal(crash({ report }), 'crash-SIGABRT-heap-buffer-overflow-WRITE-put-take');
  const gaveUp = { ...report, error: 'ABRT' };
  const stderr = "daemon: queue.c:338: bool take(Queue *, int): Assertion `rc == size' failed.\n";
  t.equal(crash({ report: gaveUp, stderr }), 'crash-SIGABRT-take-rc-size', 'an assertion says itself what failed');
  t.equal(crash({ report: gaveUp }), 'crash-SIGABRT-ABRT-put-take');
  t.equal(crash({ report: { ...report, functions: [] }, lastFunction: 'close_all' }), 'crash-SIGABRT-behind-close-all');
  const coroutine = 'daemon: vu_panic: a request\nCo-routine re-entered recursively\n';
  t.equal(crash({ stderr: coroutine }), 'crash-SIGABRT-Co-routine-re-entered-recursively');
  const trace = 'daemon: vu_panic: a request\n----- Native stack trace -----\n 1: 0x7f main [daemon]\n';
  t.equal(crash({ stderr: trace }), 'crash-SIGABRT-end', 'neither a refusal nor a stack is a cause');
  const told = bucketOf({ kind: 'report', place: 0, report }, undefined);
  t.equal(told, 'report-heap-buffer-overflow-WRITE-put-take');
  t.ok(isReportBucket(told));
  t.end();
});

t.test('a write beside a region is harm unless the program gave that place', (t) => {
  const guest = plainGuest();
  const [region] = guest.regions;
  const zone: RedZone = {
    backing: region?.backing,
    mmapOffset: BigInt(region?.size ?? 0),
    size: 4096,
    changedAt: () => 5,
  };
  const harmBehind = (text: string, zones: readonly RedZone[] = [zone]): string | undefined => {
    const made = new MadeThings();
    made.guests.set(1, guest);
    const port = { redZonesOf: (of: Guest) => (of === guest ? zones : []) } as unknown as DriverPort;
    const watch = new RedZoneWatch(port, made);
    return parseProgram(text)
      .calls.map((call) => watch.after(call)?.what)
      .at(-1);
  };
  t.match(harmBehind('r9 = kick'), /^byte 5 behind a region/);
  t.equal(harmBehind('r9 = kick', [{ ...zone, changedAt: () => undefined }]), undefined);
  t.match(harmBehind('r9 = memory-table regions=[{memory=r1}]'), /byte 5/, 'a region as it is');
  t.equal(harmBehind('r9 = memory-table regions=[{memory=r1 size=0x100800}]\nr10 = kick'), undefined, 'a larger one');
  t.match(harmBehind('r9 = memory-table regions=[{memory=r1 size=0x100800 file=no}]'), /byte 5/, 'without a file');
  t.match(harmBehind('r9 = memory-table regions=[{memory=r1 size=0x800}]'), /byte 5/, 'a smaller one');
  t.equal(
    harmBehind('r9 = message request=6 descriptors=[{kind=region memory=r1}]\nr10 = kick'),
    undefined,
    'the file',
  );
  t.match(harmBehind('r9 = message request=6 descriptors=[{kind=memory-file}]'), /byte 5/, 'another file');
  t.end();
});
