import t from 'tap';
import type { ObservedEvent, RingWriteObservation } from '../../reference-impl/observations/event.ts';
import { type RingHistory, ringAt, ringHistories } from '../rings/ring-steps.ts';

type What = RingWriteObservation['what'];

function trace(writes: readonly (readonly [What, number, readonly number[]])[]): RingHistory {
  const events = writes.map(([what, address, bytes], seq): ObservedEvent => {
    return {
      seq,
      timeUs: seq,
      kind: 'ring-write',
      what,
      index: 0,
      address: BigInt(address),
      bytes: Uint8Array.from(bytes),
    };
  });
  const [ring] = ringHistories({ target: 'x', key: 'k', repetition: 0, dropped: 0, events });
  if (ring === undefined) throw new Error('no ring');
  return ring;
}

const u16 = (value: number): number[] => [value & 0xff, value >>> 8];
const u32 = (value: number): number[] => [...u16(value & 0xffff), ...u16(value >>> 16)];
const splitDescriptor = (address: number, length: number, flags: number, next: number): number[] => [
  ...u32(address),
  ...u32(0),
  ...u32(length),
  ...u16(flags),
  ...u16(next),
];
const packedDescriptor = (address: number, length: number, id: number, flags: number): number[] =>
  splitDescriptor(address, length, id, flags);

const owners = (ring: RingHistory, seq: number): Record<string, string> =>
  Object.fromEntries(
    [...ringAt(ring, seq).values()]
      .filter(({ area }) => area === 'descriptor')
      .map(({ place, owner }) => [place, owner]),
  );

t.test('a split ring: slots, indices, and whose each descriptor is', (t) => {
  const ring = trace([
    ['descriptor', 0x1050, splitDescriptor(0x8000, 16, 1, 7)],
    ['descriptor', 0x1070, splitDescriptor(0x9000, 512, 2, 0)],
    ['available', 0x2004 + 2 * 3, u16(5)],
    ['available-idx', 0x2002, u16(4)],
    ['used-seen', 0x3004, [...u32(5), ...u32(513)]],
    ['available-flags', 0x2000, u16(1)],
  ]);
  t.equal(ring.layout, 'split');
  t.equal(ring.origin, 'slot 0 at 0x1000', 'by the head that was entered');
  t.strictSame(owners(ring, 1), { 5: 'driver', 7: 'driver' });
  t.strictSame(owners(ring, 2), { 5: 'device', 7: 'device' });
  t.strictSame(owners(ring, 4), { 5: 'driver', 7: 'driver' });
  const end = ringAt(ring, 9);
  t.equal(end.get('descriptor 5')?.text, 'addr 0x8000, len 16, flags NEXT, next 7');
  t.equal(end.get('driver ring[3]')?.text, 'head 5');
  t.equal(end.get('driver idx')?.text, '4');
  t.equal(end.get('driver flags')?.text, 'NO_INTERRUPT');
  t.equal(end.get('device element +0')?.text, 'id 5, len 513');
  t.strictSame(ring.steps.map(({ status }) => status).slice(2, 5), [
    'available idx not written yet · used elements taken 0',
    'available idx 4 · used elements taken 0',
    'available idx 4 · used elements taken 1',
  ]);
  t.end();
});

t.test('a packed ring: chains, wrap counters, and whose each descriptor is', (t) => {
  const avail = 1 << 7;
  const used = 1 << 15;
  const ring = trace([
    ['descriptor', 0x1000, packedDescriptor(0x8000, 16, 0, 1 | avail)],
    ['descriptor', 0x1010, packedDescriptor(0x9000, 512, 4, 2 | avail)],
    ['descriptor', 0x1020, packedDescriptor(0xa000, 8, 5, avail)],
    ['used-seen', 0x1000, packedDescriptor(0, 513, 4, 2 | avail | used)],
    ['descriptor', 0x1000, packedDescriptor(0x8000, 16, 4, used)],
  ]);
  t.equal(ring.layout, 'packed');
  t.strictSame(owners(ring, 2), { 0: 'device', 1: 'device', 2: 'device' });
  t.strictSame(owners(ring, 3), { 0: 'driver', 1: 'driver', 2: 'device' }, 'the whole chain comes back');
  t.strictSame(owners(ring, 4), { 0: 'device', 1: 'driver', 2: 'device' });
  t.equal(ringAt(ring, 3).get('device used at slot 0')?.text, 'addr 0x0, len 513, id 4, flags WRITE|AVAIL|USED');
  t.equal(ring.steps[3]?.status, 'wrap counter of the driver 1, of the device 1');
  t.equal(ring.steps[4]?.status, 'wrap counter of the driver 0, of the device 1', 'the driver began its second lap');
  t.end();
});

t.test('an indirect table is drawn with the descriptor that leads to it, has its owner, and goes with it', (t) => {
  const table = (seq: number, ...entries: number[][]): ObservedEvent => {
    const bytes = Uint8Array.from(entries.flat());
    return { seq, timeUs: seq, kind: 'indirect-table', index: 0, address: 0x9000n, bytes };
  };
  const write = (seq: number, what: What, address: number, bytes: readonly number[]): ObservedEvent => {
    return {
      seq,
      timeUs: seq,
      kind: 'ring-write',
      what,
      index: 0,
      address: BigInt(address),
      bytes: Uint8Array.from(bytes),
    };
  };
  const split = [
    table(0, splitDescriptor(0x8000, 16, 1, 1), splitDescriptor(0xa000, 512, 2, 0)),
    write(1, 'descriptor', 0x1000, splitDescriptor(0x9000, 32, 4, 0)),
    write(2, 'available', 0x2004, u16(0)),
    write(3, 'used-seen', 0x3004, [...u32(0), ...u32(512)]),
    write(4, 'descriptor', 0x1000, splitDescriptor(0xb000, 8, 0, 0)),
  ];
  const avail = 1 << 7;
  const packed = [
    table(0, packedDescriptor(0x8000, 16, 0, 0), packedDescriptor(0xa000, 512, 0, 2)),
    write(1, 'descriptor', 0x1000, packedDescriptor(0x9000, 32, 3, 4 | avail)),
    write(2, 'available-flags', 0x2002, u16(0)),
    write(3, 'used-seen', 0x1000, packedDescriptor(0x9000, 512, 3, 2 | avail | (1 << 15))),
    write(4, 'descriptor', 0x1000, packedDescriptor(0xb000, 8, 3, 1 << 15)),
  ];
  for (const [layout, events, owner] of [
    ['split', split, 'driver'],
    ['packed', packed, 'device'],
  ] as const) {
    const [ring] = ringHistories({ target: 'x', key: 'k', repetition: 0, dropped: 0, events });
    if (ring === undefined) throw new Error('no ring');
    t.equal(ring.layout, layout);
    const tables = (seq: number): unknown[] =>
      [...ringAt(ring, seq).values()]
        .filter(({ area }) => area === 'indirect')
        .map(({ place, text, owner: whose }) => [place, text.slice(0, text.indexOf(',')), whose]);
    const drawn = (whose: string): unknown[] => [
      ['0 [0]', 'addr 0x8000', whose],
      ['0 [1]', 'addr 0xa000', whose],
    ];
    t.match(ring.steps[0]?.title, /^indirect table at 0x9000: \[0\] addr 0x8000, len 16/);
    t.strictSame(tables(1), drawn(owner), layout);
    t.strictSame(tables(2), drawn('device'));
    t.strictSame(tables(3), drawn('driver'));
    t.strictSame(tables(4), [], 'another descriptor stands there');
  }
  t.end();
});

t.test('another connection places its rings anew', (t) => {
  const write = (seq: number, address: bigint): ObservedEvent => {
    const bytes = Uint8Array.from(splitDescriptor(0x8000, 16, 0, 0));
    return { seq, timeUs: 0, kind: 'ring-write', what: 'descriptor', index: 0, address, bytes };
  };
  const opened = (seq: number): ObservedEvent => {
    return { seq, timeUs: 0, kind: 'connection', state: 'opened', session: seq, detail: '' };
  };
  const events = [opened(0), write(1, 0x1000n), opened(2), write(3, 0x9000n)];
  const rings = ringHistories({ target: 'x', key: 'k', repetition: 0, dropped: 0, events });
  t.strictSame(
    rings.map(({ index, connection, origin }) => [index, connection, origin]),
    [
      [0, 1, 'slot 0 at 0x1000'],
      [0, 2, 'slot 0 at 0x9000'],
    ],
  );
  t.end();
});

t.test('bytes that are cut, and a ring of which little was seen, are told as they are', (t) => {
  const ring = trace([
    ['descriptor', 0x1000, [1, 2]],
    ['used-seen', 0x3000, [1]],
    ['available', 0x2004, []],
  ]);
  t.equal(ring.steps.length, 3);
  t.match(ring.steps[0]?.title, /cut: 2 of 16 bytes/);
  t.end();
});
