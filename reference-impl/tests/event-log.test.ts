import assert from 'node:assert/strict';
import t from 'tap';
import { EventLog } from '../observations/event-log.ts';
import {
  deviceLayoutNumber,
  ioctlPlaceNumber,
  type RingWriteName,
  regionAccessNumber,
  ringWriteNumber,
} from '../observations/event-numbers.ts';

/** A log whose clock moves on by one microsecond whenever it is read. */
const ticking = (): EventLog => {
  let now = 1000;
  return new EventLog(() => now++);
};

const bytesOf = (length: number, seed = 0): Uint8Array => Uint8Array.from({ length }, (_, at) => (at + seed) & 0xff);

t.test('what is put in comes out, in order and with its time', (t) => {
  const log = ticking();
  t.equal(log.next, 0);
  t.equal(log.message(0, 0, 3, bytesOf(30), 10, 12, 2), 0);
  t.equal(log.message(1, 1, 70_000, bytesOf(100), 0, 100, 0), 1);
  t.equal(log.notification(1, 5, 7, 9), 2);
  t.equal(log.ringWrite(ringWriteNumber['used-seen'], 4, 0xffff_ffff_ffff_f000n, 0x14, bytesOf(20), 4, 8), 3);
  t.equal(log.note('a step'), 4);
  t.equal(log.observe({ kind: 'process', state: 'died', detail: 'killed by SIGSEGV' }), 5);
  t.same(log.events(), [
    {
      seq: 0,
      timeUs: 1,
      kind: 'message',
      channel: 'front-end',
      direction: 'to-iut',
      session: 3,
      bytes: bytesOf(12, 10),
      length: 12,
      descriptors: 2,
    },
    {
      seq: 1,
      timeUs: 2,
      kind: 'message',
      channel: 'back-end',
      direction: 'from-iut',
      session: 70_000,
      bytes: bytesOf(100),
      length: 100,
      descriptors: 0,
    },
    { seq: 2, timeUs: 3, kind: 'notification', what: 'call', session: 5, index: 7, count: 9 },
    {
      seq: 3,
      timeUs: 4,
      kind: 'ring-write',
      what: 'used-seen',
      index: 4,
      address: 0xffff_ffff_ffff_f014n,
      bytes: bytesOf(8, 4),
    },
    { seq: 4, timeUs: 5, kind: 'note', text: 'a step' },
    { seq: 5, timeUs: 6, kind: 'process', state: 'died', detail: 'killed by SIGSEGV' },
  ]);
  t.equal(log.next, 6);
  t.equal(log.dropped, 0);
  t.end();
});

t.test('messages are copied from a place on, and not where events before the end fell out', (t) => {
  const log = ticking();
  log.message(0, 0, 1, bytesOf(12), 0, 12, 0);
  log.note('between');
  log.message(0, 1, 1, bytesOf(20), 0, 20, 0);
  const lengths = (from: number) => log.messagesFrom(from)?.map(({ length }) => length);
  t.same(lengths(0), [12, 20]);
  t.same(lengths(1), [20]);
  t.same(lengths(3), []);
  while (log.dropped === 0) log.note('filling');
  const last = log.message(0, 0, 1, bytesOf(30), 0, 30, 0);
  t.equal(lengths(1), undefined);
  t.same(lengths(last), [30]);
  t.end();
});

t.test('every name of a notification and of a ring write', (t) => {
  const log = ticking();
  for (const what of [0, 1, 2, 3] as const) log.notification(what, 0, 0, 1);
  const names = Object.keys(ringWriteNumber) as RingWriteName[];
  for (const name of names) log.ringWrite(ringWriteNumber[name], 0, 0n, 0, bytesOf(2), 0, 2);
  t.same(
    log.events().map((event) => (event.kind === 'notification' || event.kind === 'ring-write' ? event.what : '')),
    ['kick', 'call', 'err', 'log', ...names],
  );
  t.end();
});

t.test('an access to a region has its bytes and what came of it', (t) => {
  const log = ticking();
  const { read, write, map, store } = regionAccessNumber;
  const written = bytesOf(24);
  t.equal(log.beginRegionAccess(write, deviceLayoutNumber['mdev-l2'], 100_000, 1, 2 ** 40 - 1, 24, written), 0);
  written.fill(0);
  log.endCall(24);
  log.beginRegionAccess(read, deviceLayoutNumber['mdev-l1'], 0, 7, 4, 64);
  log.endCall(8, bytesOf(64, 3));
  log.beginRegionAccess(read, deviceLayoutNumber.unknown, 0, 0xffff_ffff, 0, 24);
  log.endCall(-22, bytesOf(24));
  log.beginRegionAccess(map, deviceLayoutNumber['mdev-l2'], 0, 1, 4096, 4096);
  log.endCall(0);
  log.beginRegionAccess(store, deviceLayoutNumber['mdev-l2'], 0, 1, 4096, 2, bytesOf(2, 9));
  log.endCall(2);
  const kind = 'region-access';
  const none = new Uint8Array();
  const l2 = { kind, session: 0, layout: 'mdev-l2', region: 1 };
  t.same(log.events(), [
    {
      ...l2,
      seq: 0,
      timeUs: 1,
      access: 'write',
      session: 100_000,
      offset: 2 ** 40 - 1,
      length: 24,
      bytes: bytesOf(24),
      result: 24,
    },
    {
      kind,
      seq: 1,
      timeUs: 2,
      access: 'read',
      session: 0,
      layout: 'mdev-l1',
      region: 7,
      offset: 4,
      length: 64,
      bytes: bytesOf(8, 3),
      result: 8,
    },
    {
      kind,
      seq: 2,
      timeUs: 3,
      access: 'read',
      session: 0,
      layout: 'unknown',
      region: 0xffff_ffff,
      offset: 0,
      length: 24,
      bytes: none,
      result: -22,
    },
    { ...l2, seq: 3, timeUs: 4, access: 'map', offset: 4096, length: 4096, bytes: none, result: 0 },
    { ...l2, seq: 4, timeUs: 5, access: 'store', offset: 4096, length: 2, bytes: bytesOf(2, 9), result: 2 },
  ]);
  t.end();
});

t.test('a call on a device has its argument before and after', (t) => {
  const log = ticking();
  const argument = bytesOf(100);
  log.beginIoctl(ioctlPlaceNumber.container, deviceLayoutNumber['mdev-l2'], 4, 0xc008_af12, argument);
  log.note('while it is made');
  argument.fill(7);
  log.endCall(3, argument);
  log.beginIoctl(ioctlPlaceNumber.device, deviceLayoutNumber.unknown, 0, 0x3b6f, new Uint8Array());
  const [first, , second] = log.events();
  t.same(first, {
    seq: 0,
    timeUs: 1,
    kind: 'ioctl',
    on: 'container',
    session: 4,
    layout: 'mdev-l2',
    request: 0xc008_af12,
    length: 100,
    before: bytesOf(100),
    after: new Uint8Array(100).fill(7),
    result: 3,
  });
  t.match(second, { on: 'device', request: 0x3b6f, length: 0, result: undefined }, 'it has not come back');
  t.equal(second?.kind === 'ioctl' && second.result, undefined);
  t.end();
});

t.test('a write whose buffer ends early has the bytes of its buffer, and none that lay there before', (t) => {
  const log = ticking();
  const { write } = regionAccessNumber;
  for (const there of [24, 5, 0]) {
    log.beginRegionAccess(write, deviceLayoutNumber['mdev-l2'], 0, 0, 0, 24, bytesOf(there, 7));
    log.endCall(there === 24 ? 24 : -22);
  }
  t.match(
    log.events().map((event) => event.kind === 'region-access' && [event.length, event.bytes.length, event.result]),
    [
      [24, 24, 24],
      [24, 5, -22],
      [24, 0, -22],
    ],
  );
  t.end();
});

t.test('calls keep at most 4,096 bytes, and the end of one that fell out has no effect', (t) => {
  const log = ticking();
  const long = bytesOf(10_000);
  log.beginIoctl(ioctlPlaceNumber.device, deviceLayoutNumber.unknown, 0, 1, long);
  log.endCall(0, long);
  log.beginRegionAccess(regionAccessNumber.read, deviceLayoutNumber.unknown, 0, 0, 0, 10_000);
  log.endCall(10_000, long);
  const [call, access] = log.events();
  t.match(call, { length: 10_000, before: long.slice(0, 4096), after: long.slice(0, 4096) });
  t.match(access, { length: 10_000, bytes: long.slice(0, 4096), result: 10_000 });
  for (let n = 0; n < 4096; n++) log.note(`${n}`);
  const seq = log.beginRegionAccess(regionAccessNumber.read, deviceLayoutNumber.unknown, 0, 0, 0, 8);
  for (let n = 0; n < 3 * 4096; n++) log.notification(0, 0, 0, n);
  const before = log.events();
  log.endCall(8, bytesOf(8));
  t.same(log.events(), before);
  t.notOk(before.some((event) => event.seq === seq));
  log.endCall(8, bytesOf(8));
  t.same(log.events(), before, 'an end without a call');
  t.end();
});

t.test('bytes are a copy, at most 4,096 of them', (t) => {
  const log = ticking();
  const bytes = bytesOf(10_000);
  log.message(0, 1, 0, bytes, 100, 9000, 0);
  const before = bytes.slice(100, 4196);
  bytes.fill(0);
  const [event] = log.events();
  t.ok(event?.kind === 'message');
  if (event?.kind !== 'message') return t.end();
  t.equal(event.length, 9000);
  t.same(event.bytes, before);
  event.bytes.fill(1);
  t.not(log.events(), [event], 'what was handed out can be changed without harm');
  const [again] = log.events();
  t.same(again?.kind === 'message' && again.bytes, before);
  t.end();
});

t.test('both ends are kept, and what falls out between them is counted', (t) => {
  for (const total of [4096, 4097, 8192, 12_288, 12_289, 20_000, 50_001]) {
    const log = ticking();
    for (let n = 0; n < total; n++) assert.equal(log.notification(0, 0, 0, n), n);
    const events = log.events();
    const counts = events.map((event) => (event.kind === 'notification' ? event.count : -1));
    t.same(
      events.map(({ seq }) => seq),
      counts,
      'each event has the number that it was given',
    );
    t.equal(events.length + log.dropped, total, `${total}: none is lost without being counted`);
    t.same(
      counts.slice(0, 4096),
      Array.from({ length: Math.min(total, 4096) }, (_, n) => n),
    );
    const last = Array.from({ length: Math.min(total, 4096) }, (_, n) => total - Math.min(total, 4096) + n);
    t.same(counts.slice(-4096), last);
    t.ok(
      counts.every((count, at) => at === 0 || count > (counts[at - 1] ?? 0)),
      'in order',
    );
  }
  t.end();
});

t.test('long messages fill a page by their bytes', (t) => {
  const log = ticking();
  for (let n = 0; n < 1000; n++) log.message(0, 0, 0, bytesOf(4096, n), 0, 4096, 0);
  const events = log.events();
  t.equal(events.length + log.dropped, 1000);
  t.equal(events.at(0)?.seq, 0);
  t.equal(events.at(-1)?.seq, 999);
  t.ok(events.length >= 256);
  for (const event of events) if (event.kind === 'message') assert.deepEqual(event.bytes, bytesOf(4096, event.seq));
  t.end();
});

t.test('notes that fell out are gone, those that stayed are whole', (t) => {
  const log = ticking();
  for (let n = 0; n < 15_000; n++) log.note(`${n}`);
  for (const event of log.events()) assert.equal(event.kind === 'note' && event.text, `${event.seq}`);
  t.equal(log.events().length + log.dropped, 15_000);
  t.end();
});

t.test('restart forgets all and starts the clock again', (t) => {
  const log = ticking();
  for (let n = 0; n < 10_000; n++) log.note('before');
  log.restart();
  t.equal(log.next, 0);
  t.equal(log.dropped, 0);
  t.same(log.events(), []);
  log.note('after');
  t.same(log.events(), [{ seq: 0, timeUs: 1, kind: 'note', text: 'after' }]);
  t.end();
});
