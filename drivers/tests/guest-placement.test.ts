import { readFileSync } from 'node:fs';
import t from 'tap';
import { guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import { openReference } from '../reference/open-reference.ts';
import { descriptorOfRegion, MappedGuest } from '../session/guest-memory.ts';
import { loadFromOwnMemory } from './own-memory.ts';
import { throwsUsage } from './thrown-errors.ts';

const mappingsOf = (name: string): number =>
  readFileSync('/proc/self/maps', 'utf8')
    .split('\n')
    .filter((line) => line.includes(`/memfd:${name}`)).length;

for (const layout of Object.values(guestLayouts)) {
  t.test(`${layout.name} at its user addresses`, async (t) => {
    const mapped = new MappedGuest(layout, 'placed-guest', 'at-user-addresses');
    for (const region of mapped.guest.regions) {
      region.bytes.set([1, 2, region.index], region.size - 3);
      const end = region.userAddress + BigInt(region.size);
      t.same([...loadFromOwnMemory(end - 3n, 3)], [1, 2, region.index], `region ${region.index}`);
      t.not(region.userAddress, region.ioVirtualAddress);
      t.not(region.userAddress - 0n, region.guestAddress - 0n);
      t.ok(descriptorOfRegion(region) >= 0);
    }
    const adjacent = mapped.guest.regions.map((region) => region.adjacent?.index);
    const elsewhere = new MappedGuest(layout, 'elsewhere');
    t.same(
      adjacent,
      elsewhere.guest.regions.map((region) => region.adjacent?.index),
    );
    elsewhere.close();
    mapped.close();
    t.equal(mappingsOf('placed-guest'), 0);
  });
}

t.test('where something has the addresses of a layout, they move', async (t) => {
  const layout = guestLayouts['below-and-above-4gib'];
  const first = new MappedGuest(layout, 'first-placed', 'at-user-addresses');
  const second = new MappedGuest(layout, 'second-placed', 'at-user-addresses');
  const distances = second.guest.regions.map(
    ({ userAddress }, index) => (first.guest.regions[index]?.userAddress ?? 0n) - userAddress,
  );
  t.not(distances[0], 0n);
  t.equal(distances[0], distances[1], 'by one distance');
  first.guest.regions[1]?.bytes.fill(7);
  t.equal(second.guest.regions[1]?.bytes[0], 0, 'other memory');
  first.close();
  second.close();
  t.equal(mappingsOf('first-placed') + mappingsOf('second-placed'), 0);
});

t.test('a layout without room leaves nothing', async (t) => {
  const { regions } = guestLayouts['single-region'];
  const sameTwice = { name: 'same-twice', regions: [...regions, ...regions] };
  throwsUsage(t, () => new MappedGuest(sameTwice, 'no-room', 'at-user-addresses'));
  t.equal(mappingsOf('no-room'), 0);
});

t.test('a thread changes guest memory until it is stopped, or all is released', async (t) => {
  const port = openReference({ device: 'block' });
  const guest = port.createGuest(guestLayouts['one-file']);
  const region = guest.regions[1];
  if (region === undefined) throw new Error('the layout has two regions');
  const ones = new Uint8Array(8).fill(1);
  throwsUsage(t, () => port.changeMemory(region, region.size - 4, [ones], 0), 'do not lie in region 1');
  throwsUsage(t, () => port.changeMemory(region, 0, [], 0), '0 bytes at 0');
  const change = port.changeMemory(region, 16, [ones], 0);
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let looks = 0; looks < 5000 && region.bytes[16] !== 1; looks++) Atomics.wait(pause, 0, 0, 1);
  t.same([...region.bytes.subarray(15, 25)], [0, 1, 1, 1, 1, 1, 1, 1, 1, 0]);
  const writes = change.stop();
  t.ok(writes > 0);
  t.equal(change.stop(), writes);
  port.changeMemory(region, 16, [ones], 1000);
  port.releaseAll();
  port.close();
});
