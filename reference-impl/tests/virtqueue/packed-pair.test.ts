import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { plainGuest } from '../../memory/guest.ts';
import { type GuestLayoutName, guestLayouts } from '../../memory/guest-layout.ts';
import { gather, writePieces } from '../../memory/pieces.ts';
import { changes, changesOutside, snapshot } from '../../memory/snapshot.ts';
import type { Span } from '../../memory/span.ts';
import type { Chain } from '../../virtqueue/chain.ts';
import { type PackedPosition, packedPosition } from '../../virtqueue/ring.ts';
import { readable, writable } from '../../virtqueue/segment.ts';
import { packedRingPair } from './packed-ring-pair.ts';

interface PlannedChain {
  readonly readable: readonly number[];
  readonly writable: readonly number[];
  /** Bytes written, modulo the room; with `isFull` all of it. */
  readonly written: number;
  readonly isFull: boolean;
  readonly indirect: boolean;
  readonly crossing: boolean;
}

const plannedChain: fc.Arbitrary<PlannedChain> = fc
  .record({
    readable: fc.array(fc.integer({ min: 1, max: 200 }), { maxLength: 4 }),
    writable: fc.array(fc.integer({ min: 1, max: 200 }), { maxLength: 4 }),
    written: fc.nat(),
    isFull: fc.boolean(),
    indirect: fc.boolean(),
    crossing: fc.boolean(),
  })
  .filter((chain) => chain.readable.length + chain.writable.length > 0);

const sizes = [1, 2, 3, 7, 8, 255, 256, 257] as const;
/** Slots short of the end of the ring at which it begins, and the wrap counter of that round. */
const beginning = { short: fc.integer({ min: 0, max: 10 }), wrap: fc.constantFrom(0 as const, 1 as const) };

const positionOf = (size: number, short: number, wrap: 0 | 1): PackedPosition =>
  packedPosition(Math.max(0, size - 1 - short), wrap);

const plan = fc.record({
  layout: fc.constantFrom(...(Object.keys(guestLayouts) as GuestLayoutName[])),
  size: fc.constantFrom(...sizes),
  ...beginning,
  eventIdx: fc.boolean(),
  inOrder: fc.boolean(),
  placement: fc.constantFrom('contiguous', 'apart', 'region-end'),
  ringSpace: fc.constantFrom('user', 'guest-physical', 'io-virtual'),
  bufferSpace: fc.constantFrom('guest-physical', 'io-virtual'),
  chains: fc.array(plannedChain, { minLength: 1, maxLength: 40 }),
  /** How many chains the driver adds before it publishes, and the device takes before it completes some. */
  adds: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 5 }),
  takes: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 5 }),
  /** Which of the chains taken is completed next. */
  picks: fc.array(fc.nat(), { minLength: 1, maxLength: 8 }),
  /** Completions that become used together. */
  together: fc.boolean(),
} as const);

interface Offered {
  readonly writable: readonly Span[];
  readonly room: number;
  readonly sent: Uint8Array;
  readonly answer: Uint8Array;
}

t.test('every chain is used exactly once, whole, and nothing else is written', async (t) => {
  let used = 0;
  let outOfOrder = 0;
  fc.assert(
    fc.property(plan, (plan) => {
      const guest = plainGuest(guestLayouts[plan.layout]);
      const { size } = plan;
      const { driver, device, ring } = packedRingPair({
        guest,
        ...plan,
        position: positionOf(size, plan.short, plan.wrap),
      });
      let seed = 1;
      const random = (): number => {
        seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
        return (seed >> 16) & 0xff;
      };
      const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, random);
      const place = (length: number, crossing: boolean): Span => {
        const where = crossing && length > 1 ? ({ crossing: 'page' } as const) : {};
        const span = guest.allocate({ size: length, align: 1, ...where });
        span.store(bytes(length));
        return span;
      };
      const offered = new Map<number, Offered>();
      const waiting = plan.chains.filter(({ readable, writable }) => readable.length + writable.length <= size);
      const total = waiting.length;
      const taken: Chain[] = [];
      const expected = new Map<number, number>();
      let done = 0;
      for (let round = 0; done < total; round++) {
        assert.ok(round < 2000, 'chains are left over');
        for (let n = plan.adds[round % plan.adds.length] ?? 1; n > 0 && waiting.length > 0; n--) {
          const next = waiting[0] as PlannedChain;
          const out = next.readable.map((length) => place(length, next.crossing));
          const into = next.writable.map((length) => place(length, next.crossing));
          const id = driver.add(
            [...out.map(readable), ...into.map(writable)],
            next.indirect ? { indirect: 'all' } : {},
          );
          if (id === 'ring-full') break;
          assert.ok(!offered.has(id), `id ${id} is given out twice`);
          const room = into.reduce((sum, span) => sum + span.length, 0);
          const answer = bytes(next.isFull ? room : next.written % (room + 1));
          const sent = Uint8Array.from(out.flatMap((span) => [...span.load()]));
          offered.set(id, { writable: into, room, sent, answer });
          waiting.shift();
        }
        driver.publish();
        const before = round % 4 === 0 ? snapshot(guest) : undefined;
        const touched: Span[] = [ring.areas.descriptor, ring.areas.device];
        const isLate = round % 3 === 2;
        for (let n = Math.max(plan.takes[round % plan.takes.length] ?? 0, isLate ? 1 : 0); n > 0; n--) {
          const chain = device.next();
          if (chain.kind === 'empty') break;
          assert.equal(chain.kind, 'chain');
          if (chain.kind !== 'chain') break;
          const known = offered.get(chain.id);
          assert.ok(known, `id ${chain.id} was never offered`);
          assert.deepEqual(gather(chain.readable), known.sent);
          assert.equal(chain.writableLength, known.room);
          taken.push(chain);
        }
        if (plan.together) device.beginTogether();
        for (let n = isLate ? taken.length : round % 2; n > 0 && taken.length > 0; n--) {
          const pick = plan.inOrder ? 0 : (plan.picks[n % plan.picks.length] ?? 0) % taken.length;
          if (pick > 0) outOfOrder++;
          const [chain] = taken.splice(pick, 1) as [Chain];
          const known = offered.get(chain.id) as Offered;
          assert.equal(writePieces(chain.writable, 0, known.answer), known.answer.length);
          touched.push(...known.writable);
          expected.set(chain.id, known.answer.length);
          device.complete(chain, known.answer.length);
        }
        if (plan.together) device.endTogether();
        if (before !== undefined) assert.deepEqual(changesOutside(changes(before), touched), []);
        assert.equal(driver.usedCount(), expected.size);
        for (const { id, len } of driver.reapUsed()) {
          assert.ok(driver.usedWasOutstanding);
          const known = offered.get(id);
          assert.ok(known);
          assert.equal(len, expected.get(id));
          const came = Uint8Array.from(known.writable.flatMap((span) => [...span.load()]));
          assert.deepEqual(came.subarray(0, len), known.answer);
          offered.delete(id);
          expected.delete(id);
          done++;
        }
        assert.equal(expected.size, 0, 'a used buffer was not taken');
      }
      assert.equal(driver.outstanding, 0);
      assert.equal(driver.freeDescriptors, size);
      assert.deepEqual(device.position, driver.position);
      const { avail, availWrap, used: usedSlot, usedWrap } = device.position;
      assert.deepEqual([usedSlot, usedWrap], [avail, availWrap]);
      used += total;
    }),
    { numRuns: 300, seed: 1 },
  );
  t.ok(used > 1000, `${used} chains`);
  t.ok(outOfOrder > 100, `${outOfOrder} completions out of order`);
});

t.test('a side that sleeps is woken: by flags and by descriptors, wherever the ring begins', async (t) => {
  let sleeps = 0;
  const turn = fc.record({
    adds: fc.integer({ min: 0, max: 6 }),
    takes: fc.integer({ min: 0, max: 6 }),
    after: fc.integer({ min: 0, max: 4 }),
  });
  const setting = fc.record({ eventIdx: fc.boolean(), size: fc.constantFrom(5, 7, 8), ...beginning });
  fc.assert(
    fc.property(setting, fc.array(turn, { minLength: 1, maxLength: 40 }), ({ eventIdx, size, short, wrap }, turns) => {
      const { driver, device, guest } = packedRingPair({ size, position: positionOf(size, short, wrap), eventIdx });
      const buffer = writable(guest.allocate({ size: 8 }));
      let isDeviceAwake = false;
      let driverWaitsFor: number | undefined;
      for (const { adds, takes, after } of turns) {
        for (let n = 0; n < adds; n++) driver.add([buffer]);
        driver.publish();
        if (driver.needsKick()) isDeviceAwake = true;
        assert.ok(isDeviceAwake || device.pending() === 0, 'chains wait and no kick came');
        for (let n = 0; n < takes && isDeviceAwake; n++) {
          const chain = device.next();
          if (chain.kind !== 'chain') {
            device.wantKicks(true);
            isDeviceAwake = device.pending() > 0;
            break;
          }
          device.wantKicks(false);
          device.complete(chain, 1);
        }
        if (device.needsCall()) driverWaitsFor = undefined;
        if (driverWaitsFor !== undefined) {
          sleeps++;
          assert.ok(driver.usedCount() <= driverWaitsFor, 'what was waited for came and no call did');
          continue;
        }
        driver.disableCalls();
        driver.reapUsed();
        if (!driver.enableCalls(after)) driverWaitsFor = eventIdx ? after : 0;
      }
    }),
    { numRuns: 600, seed: 2 },
  );
  t.ok(sleeps > 500, `${sleeps} turns asleep`);
});

for (const size of [...sizes, 32767, 32768]) {
  t.test(`wrap counters over a ring of ${size}`, async (t) => {
    const guest = plainGuest();
    const { driver, device } = packedRingPair({ guest, size, eventIdx: size % 2 === 1 });
    const buffer = writable(guest.allocate({ size: 8 }));
    const count = Math.min(size, 3);
    const rounds = Math.ceil((5 * size) / count);
    const broken: number[] = [];
    let slots = 0;
    for (let round = 0; round < rounds && broken.length === 0; round++) {
      const length = 1 + (round % count);
      const id = driver.add(Array.from({ length }, () => buffer));
      driver.publish();
      slots += length;
      const chain = device.next();
      if (chain.kind !== 'chain' || chain.id !== id || chain.slots !== length) broken.push(round);
      else {
        device.complete(chain, 8 * length);
        if (!driver.takeUsed() || driver.usedId !== id || driver.usedLen !== 8 * length) broken.push(round);
      }
    }
    t.same(broken, []);
    t.ok(slots > 2 * size, `${slots} slots`);
    const wraps = Math.floor(slots / size);
    const position = packedPosition(slots % size, wraps % 2 === 0 ? 1 : 0);
    t.same(driver.position, position);
    t.same(device.position, position);
    t.same(device.next(), { kind: 'empty' });
  });

  t.test(`a ring of ${size} holds as many buffers as it has slots`, async (t) => {
    const guest = plainGuest();
    const { driver, device } = packedRingPair({ guest, size, position: packedPosition(size - 1, 0) });
    const buffer = readable(guest.allocate({ size: 8 }));
    for (let n = 0; n < size; n++) driver.add([buffer]);
    t.equal(driver.add([buffer]), 'ring-full');
    driver.publish();
    t.ok(driver.needsKick());
    let chains = 0;
    for (let chain = device.next(); chain.kind === 'chain'; chain = device.next()) {
      device.complete(chain, 0);
      chains++;
    }
    t.equal(chains, size);
    t.ok(device.needsCall());
    t.equal(driver.usedCount(), size);
    t.equal(driver.reapUsed().length, size);
    t.same(driver.position, packedPosition(size - 1, 1));
  });
}
