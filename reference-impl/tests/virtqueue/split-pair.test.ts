import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { plainGuest } from '../../memory/guest.ts';
import { type GuestLayoutName, guestLayouts } from '../../memory/guest-layout.ts';
import { gather, writePieces } from '../../memory/pieces.ts';
import { changes, changesOutside, snapshot } from '../../memory/snapshot.ts';
import type { Span } from '../../memory/span.ts';
import { readable, writable } from '../../virtqueue/segment.ts';
import type { SplitAddOptions } from '../../virtqueue/split/driver-ring.ts';
import { ringPair } from './ring-pair.ts';

interface PlannedChain {
  readonly readable: readonly number[];
  readonly writable: readonly number[];
  readonly written: number;
  readonly indirect: 'none' | 'all' | number;
  readonly order: 'ascending' | 'descending';
  readonly crossing: boolean;
}

const plannedChain: fc.Arbitrary<PlannedChain> = fc
  .record({
    readable: fc.array(fc.integer({ min: 1, max: 600 }), { maxLength: 5 }),
    writable: fc.array(fc.integer({ min: 1, max: 600 }), { maxLength: 5 }),
    written: fc.nat(),
    indirect: fc.oneof(fc.constant('none' as const), fc.constant('all' as const), fc.integer({ min: 1, max: 3 })),
    order: fc.constantFrom('ascending', 'descending'),
    crossing: fc.boolean(),
  })
  .filter((chain) => chain.readable.length + chain.writable.length > 0);

/** A base near the places where idx wraps, or anywhere. */
const base = fc.oneof(fc.integer({ min: 65520, max: 65535 }), fc.constant(0), fc.integer({ min: 0, max: 65535 }));

const plan = fc.record({
  layout: fc.constantFrom(...(Object.keys(guestLayouts) as GuestLayoutName[])),
  exponent: fc.integer({ min: 0, max: 8 }),
  base,
  eventIdx: fc.boolean(),
  placement: fc.constantFrom('contiguous', 'apart', 'region-end'),
  ringSpace: fc.constantFrom('user', 'guest-physical', 'io-virtual'),
  bufferSpace: fc.constantFrom('guest-physical', 'io-virtual'),
  chains: fc.array(plannedChain, { minLength: 1, maxLength: 40 }),
  /** How many chains the driver adds before it publishes, and the device takes before the driver reaps. */
  adds: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 5 }),
  takes: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 5 }),
} as const);

const fits = (chain: PlannedChain, size: number): boolean => chain.readable.length + chain.writable.length <= size;

interface Offered {
  readonly readable: readonly Span[];
  readonly writable: readonly Span[];
  readonly sent: Uint8Array;
  readonly answer: Uint8Array;
}

t.test('every chain is used exactly once, whole, and nothing else is written', async (t) => {
  let used = 0;
  fc.assert(
    fc.property(plan, (plan) => {
      const guest = plainGuest(guestLayouts[plan.layout]);
      const size = 2 ** plan.exponent;
      const pair = ringPair({ guest, size, ...plan, inOrder: false });
      const { driver, device, ring } = pair;
      let seed = 1;
      const random = (): number => {
        seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
        return (seed >> 16) & 0xff;
      };
      const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, random);
      const place = (length: number, crossing: boolean): Span => {
        const span = guest.allocate({
          size: length,
          align: 1,
          ...(crossing && length > 1 ? { crossing: 'page' } : {}),
        });
        span.store(bytes(length));
        return span;
      };
      const offered = new Map<number, Offered>();
      const waiting = plan.chains.filter((chain) => fits(chain, size));
      const total = waiting.length;
      let done = 0;
      for (let round = 0; done < total; round++) {
        assert.ok(round < 1000, 'chains are left over');
        for (let n = plan.adds[round % plan.adds.length] ?? 1; n > 0 && waiting.length > 0; n--) {
          const next = waiting[0] as PlannedChain;
          const out = next.readable.map((length) => place(length, next.crossing));
          const into = next.writable.map((length) => place(length, next.crossing));
          const options: SplitAddOptions = {
            order: next.order,
            ...(next.indirect === 'none' ? {} : { indirect: next.indirect }),
          };
          const head = driver.add([...out.map(readable), ...into.map(writable)], options);
          if (head === 'ring-full') break;
          assert.ok(!offered.has(head), `head ${head} is given out twice`);
          const room = into.reduce((sum, span) => sum + span.length, 0);
          const answer = bytes(room === 0 ? 0 : next.written % (room + 1));
          const sent = Uint8Array.from(out.flatMap((span) => [...span.load()]));
          offered.set(head, { readable: out, writable: into, sent, answer });
          waiting.shift();
        }
        driver.publish();
        const before = round % 4 === 0 ? snapshot(guest) : undefined;
        const touched: Span[] = [ring.used];
        const expected = new Map<number, number>();
        for (let n = Math.max(plan.takes[round % plan.takes.length] ?? 0, round % 3 === 2 ? 1 : 0); n > 0; n--) {
          const chain = device.next();
          if (chain.kind === 'empty') break;
          assert.equal(chain.kind, 'chain');
          if (chain.kind !== 'chain') break;
          const known = offered.get(chain.id);
          assert.ok(known, `head ${chain.id} was never offered`);
          assert.deepEqual(gather(chain.readable), known.sent);
          assert.equal(
            chain.writableLength,
            known.writable.reduce((sum, span) => sum + span.length, 0),
          );
          assert.equal(writePieces(chain.writable, 0, known.answer), known.answer.length);
          device.complete(chain, known.answer.length);
          touched.push(...known.writable);
          expected.set(chain.id, known.answer.length);
        }
        if (before !== undefined) assert.deepEqual(changesOutside(changes(before), touched), []);
        for (const { id, len } of driver.reapUsed()) {
          assert.ok(driver.usedWasOutstanding);
          const known = offered.get(id);
          assert.ok(known);
          assert.equal(len, expected.get(id));
          const came = Uint8Array.from(known.writable.flatMap((span) => [...span.load()]));
          assert.deepEqual(came.subarray(0, len), known.answer);
          offered.delete(id);
          done++;
        }
      }
      assert.equal(driver.outstanding, 0);
      assert.equal(driver.freeDescriptors, size);
      assert.equal(ring.usedIdx(), (plan.base + total) & 0xffff);
      assert.equal(device.position.avail, (plan.base + total) & 0xffff);
      used += total;
    }),
    { numRuns: 200, seed: 1 },
  );
  t.ok(used > 500, `${used} chains`);
});

t.test('the side that sleeps is woken: by flags and by EVENT_IDX, at any base', async (t) => {
  let sleeps = 0;
  const turn = fc.record({
    adds: fc.integer({ min: 0, max: 6 }),
    takes: fc.integer({ min: 0, max: 6 }),
    after: fc.integer({ min: 0, max: 4 }),
  });
  fc.assert(
    fc.property(fc.boolean(), base, fc.array(turn, { minLength: 1, maxLength: 30 }), (eventIdx, base, turns) => {
      const { driver, device, guest } = ringPair({ size: 8, base, eventIdx });
      const buffer = writable(guest.allocate({ size: 8 }));
      let deviceAwake = false;
      let driverWaitsFor: number | undefined;
      for (const { adds, takes, after } of turns) {
        for (let n = 0; n < adds; n++) driver.add([buffer]);
        driver.publish();
        if (driver.needsKick()) deviceAwake = true;
        assert.ok(deviceAwake || device.pending() === 0, 'chains wait and the driver did not kick');
        for (let n = 0; n < takes && deviceAwake; n++) {
          const chain = device.next();
          if (chain.kind !== 'chain') {
            device.wantKicks(true);
            deviceAwake = device.pending() > 0;
            break;
          }
          device.wantKicks(false);
          device.complete(chain, 1);
        }
        if (device.needsCall()) driverWaitsFor = undefined;
        if (driverWaitsFor !== undefined) {
          sleeps++;
          const arrived = (device.usedIdx - driver.lastUsedIdx) & 0xffff;
          assert.ok(arrived <= driverWaitsFor, 'what was waited for came and the device did not call');
          continue;
        }
        driver.disableCalls();
        driver.reapUsed();
        if (!driver.enableCalls(after)) driverWaitsFor = eventIdx ? after : 0;
      }
    }),
    { numRuns: 400, seed: 2 },
  );
  t.ok(sleeps > 500, `${sleeps} turns asleep`);
});

t.test('with IN_ORDER one used element may stand for a batch', async (t) => {
  const { driver, device, ring, guest } = ringPair({ size: 8, base: 65533, inOrder: true });
  const buffer = writable(guest.allocate({ size: 8 }));
  const heads = [1, 2, 3, 1].map((length) => driver.add(Array.from({ length }, () => buffer)));
  t.same(heads, [0, 1, 3, 6], 'descriptors are taken in the order of the table');
  driver.publish();
  for (let n = 0; n < 4; n++) t.match(device.next(), { kind: 'chain', id: heads[n] });
  ring.setUsedElement(65533 % 8, 3, 5);
  ring.setUsedIdx((65533 + 3) & 0xffff);
  t.same(driver.reapUsed(), [
    { id: 0, len: 8 },
    { id: 1, len: 16 },
    { id: 3, len: 5 },
  ]);
  t.equal(driver.outstanding, 1);
  t.same(driver.add([buffer, buffer]), 7, 'and go on around its end');
  ring.setUsedElement(0, 7, 2);
  ring.setUsedIdx(2);
  t.same(driver.reapUsed(), [
    { id: 6, len: 8 },
    { id: 7, len: 2 },
  ]);
});

t.test('what a device makes up is reported and frees nothing', async (t) => {
  const { driver, ring, guest } = ringPair({ size: 4 });
  const head = driver.add([readable(guest.allocate({ size: 8 }))]);
  driver.publish();
  for (const [n, id] of [3, 4, 0xffff_ffff].entries()) {
    ring.setUsedElement(n, id, 0);
    ring.setUsedIdx(n + 1);
    t.ok(driver.takeUsed());
    t.equal(driver.usedId, id);
    t.notOk(driver.usedWasOutstanding);
  }
  t.equal(driver.outstanding, 1);
  ring.setUsedElement(3, Number(head), 0);
  ring.setUsedIdx(4);
  t.ok(driver.takeUsed());
  t.ok(driver.usedWasOutstanding);
  t.equal(driver.freeDescriptors, 4);
  ring.setUsedElement(0, Number(head), 0);
  ring.setUsedIdx(5);
  t.ok(driver.takeUsed());
  t.notOk(driver.usedWasOutstanding, 'the same chain a second time');
  t.equal(driver.freeDescriptors, 4);
});

t.test('a full ring is said to be full, and takes nothing', async (t) => {
  const { driver, guest } = ringPair({ size: 4 });
  const buffer = readable(guest.allocate({ size: 8 }));
  t.equal(driver.add([buffer, buffer, buffer]), 0);
  t.equal(driver.add([buffer, buffer]), 'ring-full');
  t.equal(driver.freeDescriptors, 1);
  t.equal(driver.add([buffer, buffer], { indirect: 'all' }), 3);
  t.equal(driver.add([buffer], { indirect: 'all' }), 'ring-full');
  t.throws(() => driver.add([]), { code: 'driver-usage' });
});

t.test('idx counts through all of its range and wraps', async (t) => {
  const { driver, device, ring, guest } = ringPair({ size: 4, base: 0 });
  const buffer = readable(guest.allocate({ size: 8 }));
  for (let n = 0; n < 65540; n++) {
    driver.add([buffer]);
    driver.publish();
    const chain = device.next();
    if (chain.kind !== 'chain') break;
    device.complete(chain, 0);
    if (!device.needsCall() || !driver.takeUsed()) break;
  }
  t.equal(ring.usedIdx(), 4);
  t.equal(ring.availIdx(), 4);
  t.equal(driver.lastUsedIdx, 4);
});
