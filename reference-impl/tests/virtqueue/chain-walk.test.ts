import t from 'tap';
import { plainGuest } from '../../memory/guest.ts';
import { guestLayouts } from '../../memory/guest-layout.ts';
import { gather } from '../../memory/pieces.ts';
import type { Span } from '../../memory/span.ts';
import type { MalformedReason } from '../../virtqueue/malformed.ts';
import { readable, writable } from '../../virtqueue/segment.ts';
import { type Descriptor, SplitRing } from '../../virtqueue/split/ring-memory.ts';
import { type PairOptions, type RingPair, ringPair } from './ring-pair.ts';

const NEXT = 1;
const WRITE = 2;
const INDIRECT = 4;

type Table = readonly Partial<Descriptor>[];

/** Puts descriptors at the start of the table and makes `heads` available. */
function offer({ ring }: RingPair, table: Table, heads: readonly number[] = [0]): void {
  table.forEach((descriptor, index) => {
    ring.writeDescriptor(index, { addr: 0n, len: 0, flags: 0, next: 0, ...descriptor });
  });
  heads.forEach((head, slot) => {
    ring.setAvailHead(slot, head);
  });
  ring.setAvailIdx(heads.length);
}

/** An indirect table in guest memory, written by the same layout as the ring's own. */
function indirectTable(pair: RingPair, table: Table): Span {
  const span = pair.guest.allocate({ size: table.length * 16 });
  const parts = {
    descriptor: span.bytes,
    driver: new Uint8Array(6 + 2 * table.length),
    device: new Uint8Array(8 + 8 * table.length),
  };
  const view = new SplitRing(table.length, parts);
  table.forEach((descriptor, index) => {
    view.writeDescriptor(index, { addr: 0n, len: 0, flags: 0, next: 0, ...descriptor });
  });
  return span;
}

interface MalformedCase {
  readonly name: string;
  readonly reason: MalformedReason;
  readonly head?: number;
  readonly options?: PairOptions;
  readonly make: (pair: RingPair, buffer: Span) => void;
}

const indirectTo = (span: Span, len = span.length): Partial<Descriptor> => ({
  addr: span.guestAddress,
  len,
  flags: INDIRECT,
});

const at = (buffer: Span, flags = 0, next = 0): Partial<Descriptor> => ({
  addr: buffer.guestAddress,
  len: buffer.length,
  flags,
  next,
});

const malformed: readonly MalformedCase[] = [
  {
    name: 'a next at the queue size',
    reason: 'next-out-of-range',
    make: (pair, buffer) => offer(pair, [at(buffer, NEXT, 16)]),
  },
  {
    name: 'the largest next there is',
    reason: 'next-out-of-range',
    make: (pair, buffer) => offer(pair, [at(buffer, NEXT, 0xffff)]),
  },
  {
    name: 'a descriptor that is its own next',
    reason: 'chain-longer-than-queue',
    make: (pair, buffer) => offer(pair, [at(buffer, NEXT, 0)]),
  },
  {
    name: 'a loop of two',
    reason: 'chain-longer-than-queue',
    make: (pair, buffer) => offer(pair, [at(buffer, NEXT, 1), at(buffer, NEXT, 0)]),
  },
  {
    name: 'a buffer in no region',
    reason: 'buffer-outside-every-region',
    make: (pair) => offer(pair, [{ addr: 0x30_0000_0000n, len: 8 }]),
  },
  {
    name: 'a buffer that leaves its region by one byte',
    reason: 'buffer-region-edge',
    make: (pair) => offer(pair, [{ addr: 0x1f_ffffn, len: 2 }]),
  },
  {
    name: 'a buffer that wraps the address space',
    reason: 'buffer-wraps-address-space',
    make: (pair) => offer(pair, [{ addr: 0xffff_ffff_ffff_ffffn, len: 2 }]),
  },
  {
    name: 'a user address where a guest-physical one belongs',
    reason: 'buffer-outside-every-region',
    make: (pair, buffer) => offer(pair, [{ addr: buffer.userAddress, len: 8 }]),
  },
  {
    name: 'an I/O-virtual address without a mapping',
    reason: 'buffer-iotlb-miss',
    options: { bufferSpace: 'io-virtual' },
    make: (pair) => offer(pair, [{ addr: 0x1000n, len: 8 }]),
  },
  {
    name: 'writable before readable',
    reason: 'writable-before-readable',
    make: (pair, buffer) => offer(pair, [at(buffer, NEXT | WRITE, 1), at(buffer)]),
  },
  {
    name: 'more than 4 GiB in all',
    reason: 'longer-than-4gib',
    options: { size: 16384 },
    make: (pair) => {
      const large = pair.guest.allocate({ size: 0x4_0000 });
      offer(
        pair,
        Array.from({ length: 16384 }, (_, n) => at(large, n === 16383 ? 0 : NEXT, n + 1)),
      );
      pair.ring.writeDescriptor(16383, { len: 0x4_0001 });
    },
  },
  {
    name: 'an indirect table without the feature',
    reason: 'indirect-not-negotiated',
    options: { indirect: false },
    make: (pair, buffer) => offer(pair, [indirectTo(indirectTable(pair, [at(buffer)]))]),
  },
  {
    name: 'a table in a table',
    reason: 'indirect-nested',
    make: (pair, buffer) =>
      offer(pair, [indirectTo(indirectTable(pair, [indirectTo(indirectTable(pair, [at(buffer)]))]))]),
  },
  {
    name: 'indirect and next together',
    reason: 'indirect-with-next',
    make: (pair, buffer) =>
      offer(pair, [{ ...indirectTo(indirectTable(pair, [at(buffer)])), flags: INDIRECT | NEXT, next: 1 }, at(buffer)]),
  },
  {
    name: 'a table of no bytes',
    reason: 'indirect-table-empty',
    make: (pair, buffer) => offer(pair, [indirectTo(indirectTable(pair, [at(buffer)]), 0)]),
  },
  {
    name: 'a table of 15 bytes',
    reason: 'indirect-table-not-multiple-of-16',
    make: (pair, buffer) => offer(pair, [indirectTo(indirectTable(pair, [at(buffer)]), 15)]),
  },
  {
    name: 'a table with more entries than the queue',
    reason: 'indirect-table-longer-than-queue',
    make: (pair, buffer) => offer(pair, [indirectTo(pair.guest.spanAt(buffer.guestAddress, 17 * 16))]),
  },
  {
    name: 'a table in no region',
    reason: 'indirect-table-outside-every-region',
    make: (pair) => offer(pair, [{ addr: 0x30_0000_0000n, len: 16, flags: INDIRECT }]),
  },
  {
    name: 'a table that leaves its region',
    reason: 'indirect-table-region-edge',
    make: (pair) => offer(pair, [{ addr: 0x1f_fff0n, len: 32, flags: INDIRECT }]),
  },
  {
    name: 'a table that wraps the address space',
    reason: 'indirect-table-wraps-address-space',
    make: (pair) => offer(pair, [{ addr: 0xffff_ffff_ffff_fff8n, len: 16, flags: INDIRECT }]),
  },
  {
    name: 'a next beyond the table',
    reason: 'next-out-of-range',
    make: (pair, buffer) => offer(pair, [indirectTo(indirectTable(pair, [at(buffer, NEXT, 2), at(buffer)]))]),
  },
  {
    name: 'a loop in a table',
    reason: 'chain-longer-than-queue',
    make: (pair, buffer) => offer(pair, [indirectTo(indirectTable(pair, [at(buffer, NEXT, 0)]))]),
  },
  {
    name: 'direct descriptors and a table that make more than the queue',
    reason: 'chain-longer-than-queue',
    options: { size: 4 },
    make: (pair, buffer) => {
      const inTable = [1, 2, 3, 0].map((next) => at(buffer, next === 0 ? 0 : NEXT, next));
      offer(pair, [at(buffer, NEXT, 1), indirectTo(indirectTable(pair, inTable))]);
    },
  },
  {
    name: 'a head at the queue size',
    reason: 'head-out-of-range',
    head: 16,
    make: (pair) => offer(pair, [], [16]),
  },
  {
    name: 'an available idx that runs ahead by more than the queue',
    reason: 'avail-idx-jumped',
    make: (pair) => pair.ring.setAvailIdx(17),
  },
  {
    name: 'an available idx that runs backwards',
    reason: 'avail-idx-jumped',
    make: (pair) => pair.ring.setAvailIdx(65535),
  },
  {
    name: 'a buffer of no bytes, for a device that has none of it',
    reason: 'zero-length-descriptor',
    options: { rules: { acceptsLength: (length) => (length === 0 ? 'zero-length-descriptor' : undefined) } },
    make: (pair, buffer) => offer(pair, [{ ...at(buffer), len: 0 }]),
  },
];

for (const { name, reason, head, options, make } of malformed) {
  t.test(`${name}: ${reason}`, async (t) => {
    const pair = ringPair(options);
    make(pair, pair.guest.allocate({ size: 64 }));
    const expected = { kind: 'malformed', id: head ?? (reason === 'avail-idx-jumped' ? undefined : 0), reason };
    t.same(pair.device.next(), expected);
    t.same(pair.device.next(), expected, 'it stays where it is');
    t.equal(pair.device.lastAvailIdx, 0);
    t.equal(pair.ring.usedIdx(), 0);
  });
}

t.test('chains at the edges of what is lawful', async (t) => {
  const pair = ringPair({ size: 4 });
  const buffer = pair.guest.allocate({ size: 64 });
  t.same(pair.device.next(), { kind: 'empty' });
  const whole = [1, 2, 3, 0].map((next) => at(buffer, next === 0 ? 0 : NEXT, next));
  offer(pair, whole, [0, 0, 0, 0]);
  const longest = pair.device.next();
  t.match(longest, { kind: 'chain', descriptors: 4, readableLength: 256, writableLength: 0 });
  offer(pair, [{ ...at(buffer), len: 0, addr: 1n }], [0, 0, 0, 0]);
  t.match(pair.device.next(), { kind: 'chain', descriptors: 1, readableLength: 0 }, 'a buffer of no bytes, anywhere');
  offer(pair, [
    at(buffer, NEXT, 1),
    { ...indirectTo(indirectTable(pair, [at(buffer, WRITE)])), flags: INDIRECT | WRITE },
  ]);
  pair.ring.setAvailIdx(4);
  t.match(
    pair.device.next(),
    { kind: 'chain', descriptors: 2, readableLength: 64, writableLength: 64 },
    'direct descriptors, then a table; WRITE on the descriptor of a table means nothing',
  );
});

t.test('an indirect table over two regions is read in order', async (t) => {
  const guest = plainGuest(guestLayouts['adjacent-regions']);
  const pair = ringPair({ guest });
  const buffers = [3, 5, 7, 11].map((length) => guest.allocate({ size: length, region: 2 }));
  const plain = indirectTable(
    pair,
    buffers.map((buffer, n) => at(buffer, n === 3 ? WRITE : NEXT, n + 1)),
  );
  const crossing = guest.allocate({ size: 64, crossing: 'region' });
  crossing.store(plain.load());
  t.equal(crossing.pieces.length, 2);
  offer(pair, [indirectTo(crossing)]);
  t.match(pair.device.next(), { kind: 'chain', descriptors: 4, readableLength: 15, writableLength: 11 });
});

t.test('a buffer over two regions is one buffer', async (t) => {
  for (const bufferSpace of ['guest-physical', 'io-virtual'] as const) {
    const guest = plainGuest(guestLayouts['adjacent-regions']);
    const { driver, device } = ringPair({ guest, bufferSpace });
    const data = Uint8Array.from({ length: 1000 }, (_, n) => n & 0xff);
    const span = guest.allocate({ size: 1000, crossing: 'region' });
    span.store(data);
    driver.add([readable(span), writable(guest.allocate({ size: 1 }))]);
    driver.publish();
    const chain = device.next();
    t.equal(chain.kind, 'chain');
    if (chain.kind !== 'chain') return;
    t.equal(chain.readable.length, 2);
    t.same(gather(chain.readable), data);
  }
});
