import { changes, changesOutside, snapshot } from '../../../reference-impl/memory/snapshot.ts';
import { eventWord } from '../../../reference-impl/virtqueue/packed/layout.ts';
import { defineCase } from '../../case.ts';

/** What a device leaves alone of the areas of a packed ring, by comparison of the guest's memory (virtio 2.8.10). */

const cut = { descriptors: 6 };

export const driverArea = defineCase({
  id: 'virtio/packed-ring/driver-area-never-written',
  title: 'the driver event suppression structure is the same after lists were used',
  proves: { 'packed/driver-area-never-written': 'packed-driver-area-scribbled' },
  applies: { start: 'negotiated', ring: 'packed' },
  variants: { flags: [0, 1] },
  run({ driver, guest, ring, variant, requirement }) {
    const queue = driver.attach(ring({ size: 64 }));
    queue.ring.setDriverEvent(eventWord(variant.flags, 0x2bcd, 1));
    const before = snapshot(guest);
    for (const seed of [1, 2, 3]) driver.warmUp(queue, { seed, ...cut });
    queue.stop();
    const { driver: area } = queue.ring.areas;
    const found = changes(before);
    const outside = changesOutside(found, [area]);
    requirement('packed/driver-area-never-written').equal(
      found.length - outside.length,
      0,
      'changes of the driver area',
    );
  },
});
