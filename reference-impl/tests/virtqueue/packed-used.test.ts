import t from 'tap';
import type { Chain } from '../../virtqueue/chain.ts';
import { passesDescriptor, wantsNotification } from '../../virtqueue/packed/event.ts';
import { eventWord } from '../../virtqueue/packed/layout.ts';
import { packedPosition } from '../../virtqueue/ring.ts';
import { readable, writable } from '../../virtqueue/segment.ts';
import { packedRingPair } from './packed-ring-pair.ts';

const AVAIL = 0x80;
const USED = 0x8000;
const WRITE = 2;

type Pair = ReturnType<typeof packedRingPair>;

/** Takes all chains that are available. */
function takeAll({ device }: Pair): Chain[] {
  const chains: Chain[] = [];
  for (let chain = device.next(); chain.kind === 'chain'; chain = device.next()) chains.push(chain);
  return chains;
}

t.test('with IN_ORDER one used descriptor stands for a batch, in the slot of its first chain', async (t) => {
  const pair = packedRingPair({ size: 7, position: packedPosition(4), inOrder: true });
  const { driver, device, ring, guest } = pair;
  const buffer = writable(guest.allocate({ size: 8 }));
  const ids = [1, 2, 1, 2].map((length) => driver.add(Array.from({ length }, () => buffer)));
  driver.publish();
  const chains = takeAll(pair);
  device.beginTogether();
  for (const [n, written] of [8, 16, 3].entries()) device.complete(chains[n] as Chain, written);
  device.endTogether();
  t.same(ring.readDescriptor(4), { ...ring.readDescriptor(4), id: ids[2], len: 3, flags: AVAIL | USED | WRITE });
  t.equal(ring.flags(5) & USED, 0, 'nothing else is written');
  t.same(device.position, packedPosition(3, 0, 1, 0));
  t.equal(driver.usedCount(), 3);
  t.same(driver.reapUsed(2), [
    { id: ids[0], len: 8 },
    { id: ids[1], len: 16 },
  ]);
  t.equal(driver.usedCount(), 1);
  t.same(driver.reapUsed(), [{ id: ids[2], len: 3 }]);
  t.same(driver.position, device.position);
  device.complete(chains[3] as Chain, 0);
  t.same(driver.reapUsed(), [{ id: ids[3], len: 0 }]);
  t.equal(driver.outstanding, 0);
});

t.test('a chain that was not written in full does not join a batch', async (t) => {
  const pair = packedRingPair({ size: 8, inOrder: true });
  const { driver, device, guest } = pair;
  const buffer = writable(guest.allocate({ size: 8 }));
  const ids = [0, 1, 2].map(() => driver.add([buffer]));
  driver.publish();
  device.beginTogether();
  for (const [n, chain] of takeAll(pair).entries()) device.complete(chain, [5, 8, 8][n] ?? 0);
  device.endTogether();
  t.same(
    driver.reapUsed().map(({ id, len }) => [id, len]),
    [
      [ids[0], 5],
      [ids[1], 8],
      [ids[2], 8],
    ],
  );
});

t.test('of buffers that become used together the first is shown last', async (t) => {
  const writes: string[] = [];
  const pair = packedRingPair({
    size: 3,
    position: packedPosition(2),
    observer: { wroteRing: (area, offset, length) => writes.push(`${area} ${offset}+${length}`) },
  });
  const { driver, device, guest } = pair;
  const buffer = writable(guest.allocate({ size: 8 }));
  for (let n = 0; n < 3; n++) driver.add([buffer]);
  driver.publish();
  const chains = takeAll(pair);
  writes.length = 0;
  device.beginTogether();
  for (const chain of chains) device.complete(chain, 1);
  t.equal(driver.usedCount(), 0);
  device.endTogether();
  t.same(writes, [
    'descriptor 40+6',
    'descriptor 8+6',
    'descriptor 14+2',
    'descriptor 24+6',
    'descriptor 30+2',
    'descriptor 46+2',
  ]);
  t.equal(driver.usedCount(), 3);
});

t.test('chains added between two publications become available at one moment', async (t) => {
  const pair = packedRingPair({ size: 5, position: packedPosition(3) });
  const { driver, device, guest } = pair;
  const buffer = readable(guest.allocate({ size: 8 }));
  driver.add([buffer, buffer, buffer]);
  driver.add([buffer]);
  t.equal(device.pending(), 0);
  t.same(device.next(), { kind: 'empty' });
  t.same(driver.position, packedPosition(3));
  driver.publish();
  t.equal(takeAll(pair).length, 2);
});

t.test('a length without WRITE is reserved and reads as 0', async (t) => {
  const { driver, ring, guest } = packedRingPair();
  const id = driver.add([writable(guest.allocate({ size: 8 }))]);
  driver.publish();
  ring.writeDescriptor(0, { id: Number(id), len: 77, flags: AVAIL | USED });
  t.same(driver.reapUsed(), [{ id, len: 0 }]);
});

t.test('what a device makes up is reported and frees nothing', async (t) => {
  for (const inOrder of [false, true]) {
    const { driver, ring, guest } = packedRingPair({ size: 8, inOrder });
    const buffer = readable(guest.allocate({ size: 8 }));
    const id = driver.add([buffer, buffer]);
    driver.publish();
    for (const [slot, made] of [3, 8, 0xffff].entries()) {
      ring.writeDescriptor(slot, { id: made, len: 0, flags: AVAIL | USED });
      t.equal(driver.usedCount(), 1);
      t.ok(driver.takeUsed());
      t.equal(driver.usedId, made);
      t.notOk(driver.usedWasOutstanding);
    }
    t.equal(driver.freeDescriptors, 6);
    t.equal(driver.outstanding, 1);
    if (inOrder) continue;
    ring.writeDescriptor(3, { id: Number(id), len: 0, flags: AVAIL | USED });
    t.ok(driver.takeUsed());
    t.ok(driver.usedWasOutstanding);
    t.equal(driver.usedSlot, 3);
    t.equal(driver.freeDescriptors, 8);
    ring.writeDescriptor(5, { id: Number(id), len: 0, flags: AVAIL | USED });
    t.ok(driver.takeUsed());
    t.notOk(driver.usedWasOutstanding, 'the same chain a second time');
    t.equal(driver.freeDescriptors, 8);
  }
});

t.test('buffers that are given back are found again', async (t) => {
  const pair = packedRingPair({ size: 3, position: packedPosition(2) });
  const { driver, device, guest } = pair;
  const buffer = writable(guest.allocate({ size: 8 }));
  const ids = [driver.add([buffer]), driver.add([buffer, buffer])];
  driver.publish();
  const rewind = device.mark();
  t.same(
    takeAll(pair).map(({ id }) => id),
    ids,
  );
  rewind();
  t.same(device.position, packedPosition(2));
  t.same(
    takeAll(pair).map(({ id }) => id),
    ids,
  );
});

t.test('a descriptor event is passed exactly where counting says so', async (t) => {
  const wrong: string[] = [];
  let passed = 0;
  for (const size of [1, 2, 3, 7, 8]) {
    for (let end = 0; end < 2 * size; end++) {
      const slot = end % size;
      const wrap = end < size ? 1 : 0;
      for (let moved = 0; moved <= size; moved++) {
        for (let back = 1; back <= size; back++) {
          // The places of the last round, from the one just behind the move on.
          const at = (end - back + 2 * size) % (2 * size);
          const word = eventWord(2, at % size, at < size ? 1 : 0);
          const expected = back <= moved;
          if (expected) passed++;
          if (passesDescriptor(word, slot, wrap, moved, size) !== expected)
            wrong.push(`${size} ${end} ${moved} ${back}`);
        }
        const next = eventWord(2, slot, wrap);
        if (passesDescriptor(next, slot, wrap, moved, size)) wrong.push(`${size} ${end} ${moved} next`);
      }
    }
  }
  t.same(wrong, []);
  t.ok(passed > 100, `${passed} passed`);
});

t.test('flags of an event suppression structure', async (t) => {
  const asks = (word: number, eventIdx: boolean, moved = 1) => wantsNotification(word, eventIdx, 3, 1, moved, 8);
  t.ok(asks(eventWord(0), true));
  t.notOk(asks(eventWord(0), true, 0), 'nothing came');
  t.notOk(asks(eventWord(1), true));
  t.ok(asks(eventWord(2, 2, 1), true));
  t.notOk(asks(eventWord(2, 5, 1), true));
  t.ok(asks(eventWord(2, 5, 1), false), 'without EVENT_IDX a descriptor cannot be named');
  t.ok(asks(eventWord(3), true));
});
