import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { BlockDevice } from '../../devices/block-device.ts';
import { NetDevice } from '../../devices/net-device.ts';
import type { ParentDriver } from '../../devices/parent-driver.ts';
import { type Guest, plainGuest } from '../../memory/guest.ts';
import { defaultGuestLayout } from '../../memory/guest-layout.ts';
import { VIRTIO_F_EVENT_IDX, VIRTIO_F_INDIRECT_DESC, VIRTIO_F_VERSION_1 } from '../../virtqueue/feature-bits.ts';
import { harness } from './queue-harness.ts';

const SIZE = 8;
const smallGuest = (): Guest =>
  plainGuest({ name: 'small', regions: defaultGuestLayout.regions.map((region) => ({ ...region, size: 0x4000 })) });

/** Mostly what makes sense, so that much is carried out before something does not. */
const mostly = (sensible: fc.Arbitrary<number>, anything: fc.Arbitrary<number>): fc.Arbitrary<number> =>
  fc.oneof({ arbitrary: sensible, weight: 30 }, { arbitrary: anything, weight: 1 });

const u16 = fc.nat({ max: 0xffff });

const descriptor = fc.record({
  region: mostly(fc.constantFrom(0, 1), fc.constant(2)),
  offset: mostly(fc.nat({ max: 0x3000 }), fc.nat({ max: 0x4000 })),
  len: mostly(fc.constantFrom(0, 1, 12, 16, 32, 48, 128, 512), fc.nat({ max: 0xffff_ffff })),
  flags: mostly(fc.constantFrom(0, 1, 2, 2, 3), fc.oneof(fc.constant(4), u16)),
  next: mostly(fc.nat({ max: SIZE - 1 }), u16),
});

const script = fc.record({
  table: fc.array(descriptor, { minLength: SIZE, maxLength: SIZE }),
  heads: fc.array(mostly(fc.nat({ max: SIZE - 1 }), u16), { minLength: SIZE, maxLength: SIZE }),
  idx: mostly(fc.nat({ max: SIZE }), u16),
  fill: fc.uint8Array({ minLength: 64, maxLength: 64 }),
  features: fc.constantFrom(0n, VIRTIO_F_INDIRECT_DESC, VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX),
});

const devices: Record<string, () => ParentDriver> = {
  block: () => new BlockDevice({ sectors: 8 }),
  net: () => new NetDevice(),
};

for (const [name, make] of Object.entries(devices)) {
  t.test(`${name}: whatever stands in rings and memory, the device comes to rest and says what is wrong`, async (t) => {
    let broken = 0;
    let used = 0;
    fc.assert(
      fc.property(script, ({ table, heads, idx, fill, features }) => {
        const device = make();
        const guest = smallGuest();
        const h = harness(device, { guest, size: SIZE, features: VIRTIO_F_VERSION_1 | features });
        for (const { bytes } of guest.regions) {
          for (let at = 0x1000; at < bytes.length; at += fill.length) bytes.set(fill, at);
        }
        for (const [index, { ring }] of h.queues.entries()) {
          table.forEach(({ region, offset, len, flags, next }, n) => {
            const addr = BigInt.asUintN(64, (guest.regions[region]?.guestAddress ?? 0n) + BigInt(offset));
            ring.writeDescriptor(n, { addr, len, flags, next });
          });
          heads.forEach((head, slot) => {
            ring.setAvailHead(slot, head);
          });
          ring.setAvailIdx(idx);
          device.notify(index);
        }
        h.drain();
        for (const [index, { ring }] of h.queues.entries()) {
          const state = device.queueState(index);
          if (state.broken !== undefined) broken++;
          used += ring.usedIdx();
          assert.deepEqual(
            h.errors.filter(({ queue }) => queue === index).map(({ reason }) => reason),
            state.broken === undefined ? [] : [state.broken],
          );
        }
      }),
      { numRuns: 600, seed: 9 },
    );
    t.ok(broken > 100 && used > 200, `${broken} broken queues, ${used} used chains`);
  });
}

t.test('a chain that offers 4 GiB is answered without as much memory', async (t) => {
  const device = new BlockDevice({ sectors: 8 });
  const guest = plainGuest();
  const h = harness(device, { guest, size: 16384 });
  const { ring, driver } = h.queue(0);
  const large = guest.allocate({ size: 0x4_0000 });
  large.fill(0);
  for (let n = 0; n < 16384; n++) {
    ring.setDescriptor(n, large.guestAddress, n === 0 ? 16 : 0x4_0000, n === 0 ? 1 : n === 16383 ? 2 : 3, n + 1);
  }
  driver.addHead(0);
  h.queue(0).run();
  t.same(ring.usedElement(0), { id: 0, len: 16383 * 0x4_0000 });
  t.equal(large.load().at(-1), 1, 'IOERR');
});
