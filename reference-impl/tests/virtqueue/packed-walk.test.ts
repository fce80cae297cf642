import t from 'tap';
import type { Span } from '../../memory/span.ts';
import type { MalformedReason } from '../../virtqueue/malformed.ts';
import { availableBits } from '../../virtqueue/packed/layout.ts';
import type { PackedDescriptor } from '../../virtqueue/packed/ring-memory.ts';
import { packedPosition } from '../../virtqueue/ring.ts';
import { type PackedPairOptions, packedRingPair } from './packed-ring-pair.ts';

const NEXT = 1;
const WRITE = 2;
const INDIRECT = 4;
const MARKS = 0x8080;

type Pair = ReturnType<typeof packedRingPair>;
type Table = readonly Partial<PackedDescriptor>[];

/** Writes descriptors from slot 0 on, available in the first round. */
function offer({ ring }: Pair, table: Table): void {
  table.forEach((fields, slot) => {
    const flags = (fields.flags ?? 0) ^ availableBits(1);
    ring.writeDescriptor(slot, { addr: 0n, len: 0, id: slot, ...fields, flags });
  });
}

function indirectTable(pair: Pair, table: Table): Span {
  const span = pair.guest.allocate({ size: table.length * 16 });
  const view = new DataView(span.bytes.buffer, span.bytes.byteOffset);
  table.forEach(({ addr = 0n, len = 0, id = 0, flags = 0 }, n) => {
    view.setBigUint64(16 * n, addr, true);
    view.setUint32(16 * n + 8, len, true);
    view.setUint16(16 * n + 12, id, true);
    view.setUint16(16 * n + 14, flags, true);
  });
  return span;
}

const at = (buffer: Span, flags = 0, id = 0): Partial<PackedDescriptor> => ({
  addr: buffer.guestAddress,
  len: buffer.length,
  id,
  flags,
});

const indirectTo = (span: Span, flags = 0, len = span.length): Partial<PackedDescriptor> => ({
  addr: span.guestAddress,
  len,
  flags: INDIRECT | flags,
});

interface MalformedCase {
  readonly name: string;
  readonly reason: MalformedReason;
  readonly options?: PackedPairOptions;
  readonly make: (pair: Pair, buffer: Span) => void;
}

const malformed: readonly MalformedCase[] = [
  {
    name: 'a chain whose next descriptor was not made available',
    reason: 'chained-descriptor-not-available',
    make: (pair, buffer) => offer(pair, [at(buffer, NEXT), at(buffer, MARKS)]),
  },
  {
    name: 'a chain over the whole ring that does not end',
    reason: 'chained-descriptor-not-available',
    options: { size: 3 },
    make: (pair, buffer) => offer(pair, [at(buffer, NEXT), at(buffer, NEXT), at(buffer, NEXT)]),
  },
  {
    name: 'the same, where the round is not looked at',
    reason: 'chain-longer-than-queue',
    options: { size: 3, rules: { acceptsChained: () => undefined } },
    make: (pair, buffer) => offer(pair, [at(buffer, NEXT), at(buffer, NEXT), at(buffer, NEXT)]),
  },
  {
    name: 'writable before readable',
    reason: 'writable-before-readable',
    make: (pair, buffer) => offer(pair, [at(buffer, NEXT | WRITE), at(buffer)]),
  },
  {
    name: 'a buffer in no region',
    reason: 'buffer-outside-every-region',
    make: (pair) => offer(pair, [{ addr: 0x30_0000_0000n, len: 8 }]),
  },
  {
    name: 'an indirect table without the feature',
    reason: 'indirect-not-negotiated',
    options: { indirect: false },
    make: (pair, buffer) => offer(pair, [indirectTo(indirectTable(pair, [at(buffer)]))]),
  },
  {
    name: 'indirect and next together',
    reason: 'indirect-with-next',
    make: (pair, buffer) => offer(pair, [indirectTo(indirectTable(pair, [at(buffer)]), NEXT), at(buffer)]),
  },
  {
    name: 'an indirect descriptor behind a direct one',
    reason: 'indirect-behind-direct',
    make: (pair, buffer) => offer(pair, [at(buffer, NEXT), indirectTo(indirectTable(pair, [at(buffer)]))]),
  },
  {
    name: 'a table of no bytes',
    reason: 'indirect-table-empty',
    make: (pair, buffer) => offer(pair, [indirectTo(buffer, 0, 0)]),
  },
  {
    name: 'a table of 15 bytes',
    reason: 'indirect-table-not-multiple-of-16',
    make: (pair, buffer) => offer(pair, [indirectTo(buffer, 0, 15)]),
  },
  {
    name: 'a table with more entries than the queue',
    reason: 'indirect-table-longer-than-queue',
    make: (pair, buffer) => offer(pair, [indirectTo(buffer, 0, 17 * 16)]),
  },
  {
    name: 'a table in no region',
    reason: 'indirect-table-outside-every-region',
    make: (pair) => offer(pair, [{ addr: 0x30_0000_0000n, len: 16, flags: INDIRECT }]),
  },
];

for (const { name, reason, options, make } of malformed) {
  t.test(`${name}: ${reason}`, async (t) => {
    const pair = packedRingPair(options);
    make(pair, pair.guest.allocate({ size: 64 }));
    t.match(pair.device.next(), { kind: 'malformed', reason });
    t.match(pair.device.next(), { kind: 'malformed', reason }, 'it stays where it is');
    t.same(pair.device.position, packedPosition(0));
  });
}

t.test('the id of a chain is that of its last descriptor, whatever it is', async (t) => {
  const pair = packedRingPair({ size: 3 });
  const buffer = pair.guest.allocate({ size: 8 });
  offer(pair, [at(buffer, NEXT, 1), at(buffer, NEXT | WRITE, 2), at(buffer, WRITE, 0xfffe)]);
  const chain = pair.device.next();
  t.match(chain, { kind: 'chain', id: 0xfffe, slots: 3, descriptors: 3, readableLength: 8, writableLength: 16 });
  if (chain.kind !== 'chain') return;
  pair.device.complete(chain, 16);
  t.match(pair.ring.readDescriptor(0), { id: 0xfffe, len: 16 });
  t.same(pair.device.position, packedPosition(0, 0));
});

t.test('in a table WRITE alone counts, and outside WRITE does not count with INDIRECT', async (t) => {
  const pair = packedRingPair({ size: 3 });
  const buffer = pair.guest.allocate({ size: 8 });
  const table = indirectTable(pair, [
    at(buffer, MARKS, 9),
    at(buffer, NEXT | INDIRECT, 8),
    at(buffer, WRITE | NEXT | INDIRECT, 7),
  ]);
  offer(pair, [{ ...indirectTo(table, WRITE), id: 2 }]);
  t.match(pair.device.next(), { kind: 'chain', id: 2, slots: 1, readable: [{}, {}], writable: [{}] });
});

t.test('a driver without memory for tables, and chains of nothing', async (t) => {
  const { driver, guest } = packedRingPair({ size: 2 });
  const buffer = { ...guest.allocate({ size: 8 }), length: 8, writable: false };
  t.throws(() => driver.add([]), { code: 'driver-usage' });
  t.equal(driver.add([buffer, buffer, buffer]), 'ring-full');
  t.equal(driver.add([buffer, buffer, buffer], { indirect: 'all' }), 0);
  t.equal(driver.freeDescriptors, 1);
});
