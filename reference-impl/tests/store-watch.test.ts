import t from 'tap';
import { plainGuest } from '../memory/guest.ts';
import type { InvariantViolation } from '../oracle/invariants.ts';
import { StoreWatch } from '../oracle/store-watch.ts';
import { PackedDriver } from '../virtqueue/packed/driver-ring.ts';
import { usedBits } from '../virtqueue/packed/layout.ts';
import { PackedRing } from '../virtqueue/packed/ring-memory.ts';
import { writable } from '../virtqueue/segment.ts';
import { SplitDriver } from '../virtqueue/split/driver-ring.ts';
import { SplitRing } from '../virtqueue/split/ring-memory.ts';

/** A ring with two chains made available, its device side as memory, and what a watch of the stores finds. */
function watchedSplit(buffersOfPacket?: (id: number) => number) {
  const guest = plainGuest();
  const ring = guest.ring({ layout: 'split', size: 4 });
  const driver = new SplitDriver(ring);
  for (let n = 0; n < 2; n++) driver.add([writable(guest.allocate({ size: 16 }))]);
  driver.publish();
  const found: InvariantViolation[] = [];
  const watch = new StoreWatch({
    ring,
    driver,
    ...(buffersOfPacket === undefined ? {} : { buffersOfPacket }),
    found: (violation) => found.push(violation),
  });
  const { descriptor, driver: avail, device } = ring.areas;
  const memory = new SplitRing(4, { descriptor: descriptor.view, driver: avail.view, device: device.view });
  memory.wrote = (area, offset, length) => watch.stored(area, offset, length);
  return { driver, memory, requirements: () => found.map(({ requirement }) => requirement) };
}

t.test('split: elements, then the idx that shows them', async (t) => {
  const { driver, memory, requirements } = watchedSplit();
  memory.setUsedElement(0, 0, 16);
  memory.setUsedElement(1, 1, 16);
  memory.setUsedIdx(2);
  memory.setUsedFlags(1);
  t.equal(driver.reapUsed().length, 2);
  t.same(requirements(), []);
});

t.test('split: an element behind the idx that shows it', async (t) => {
  const { memory, requirements } = watchedSplit();
  memory.setUsedIdx(1);
  memory.setUsedElement(0, 0, 16);
  t.same(requirements(), ['split/used-len-before-used-idx']);
});

t.test('split: the buffers of a packet are shown by one move', async (t) => {
  for (const together of [true, false]) {
    const { memory, requirements } = watchedSplit(() => 2);
    memory.setUsedElement(0, 0, 16);
    if (!together) memory.setUsedIdx(1);
    memory.setUsedElement(1, 1, 16);
    memory.setUsedIdx(2);
    t.equal(requirements().includes('net/packet-buffers-used-together'), !together);
  }
});

t.test('packed: id and len, then the flags', async (t) => {
  for (const flagsFirst of [false, true]) {
    const guest = plainGuest();
    const ring = guest.ring({ layout: 'packed', size: 4 });
    const found: string[] = [];
    const driver = new PackedDriver(ring);
    const watch = new StoreWatch({ ring, driver, found: ({ requirement }) => found.push(requirement) });
    const { descriptor, driver: driverEvent, device } = ring.areas;
    const views = { descriptor: descriptor.view, driver: driverEvent.view, device: device.view };
    const memory = new PackedRing(4, views);
    memory.wrote = (area, offset, length) => watch.stored(area, offset, length);
    for (let round = 0; round < 2; round++) {
      const id = Number(driver.add([writable(guest.allocate({ size: 16 }))]));
      watch.added(round, 1);
      driver.publish();
      if (flagsFirst) memory.setFlags(round, usedBits(1));
      memory.setUsed(round, id, 0);
      if (!flagsFirst) memory.setFlags(round, usedBits(1));
      t.ok(driver.takeUsed());
    }
    const late = 'packed/used-descriptor-left-alone';
    t.same(found, flagsFirst ? [late, late] : []);
  }
});
