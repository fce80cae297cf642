import { availableBits, usedBits } from '../../../reference-impl/virtqueue/packed/layout.ts';
import { packedPosition } from '../../../reference-impl/virtqueue/ring.ts';
import { defineCase } from '../../case.ts';
import { askedDriver, runningQueue } from '../running-queue.ts';
import { markBits, placeAfter, usedPlace } from './place.ts';
import { stops } from './ring-snapshot.ts';

/** The wrap counters at the end of the ring (virtio 2.8.1, 2.8.15). */

const sizes = [1, 2, 3, 7, 255, 256, 257, 32_767, 32_768];

export const flips = defineCase({
  id: 'virtio/packed-ring/used-wrap-counter-flips-at-end',
  title: 'the wrap counter of the device changes behind the last descriptor of the ring, for every size, both ways',
  proves: {
    'packed/used-wrap-counter-flips-at-end': ['packed-wrap-at-power-of-two', 'packed-wrap-counter-stays-0'],
  },
  applies: { start: 'closed', ring: 'packed', needs: ['initial-base'] },
  run(context) {
    const { points, requirement } = context;
    const check = requirement('packed/used-wrap-counter-flips-at-end');
    const smallest = askedDriver(context, (driver) => driver.request().segments.length);
    const all = sizes
      .filter((size) => size >= smallest)
      .flatMap((size) => ([1, 0] as const).map((wrap) => ({ key: `size=${size},wrap=${wrap}`, size, wrap })));
    points(all, ({ key, size, wrap }) => {
      const position = packedPosition(size - 1, wrap);
      const { session, driver, queue } = runningQueue(context, { size, position });
      let place = usedPlace({ position });
      // The last slot, and on: the small rings whole laps more.
      for (let n = 0; n < 9; n++) {
        const { segments } = driver.request({ seed: n });
        queue.makeAvailable([segments]);
        queue.kickAndWaitForUsed(1);
        const what = `AVAIL and USED in slot ${place.slot}, list ${n} with ${key}`;
        if (!check.equal(queue.ring.flags(place.slot) & markBits, usedBits(place.wrap), what)) break;
        place = placeAfter(place, segments.length, size);
      }
      session.close();
    });
  },
});

export const stale = defineCase({
  id: 'virtio/packed-ring/descriptors-of-last-lap-are-not-used',
  title: 'descriptors that the lap before left behind are not taken for available, whichever wrap counter it had',
  proves: { 'packed/no-use-before-avail-flips': 'packed-available-by-differing-bits' },
  applies: { start: 'negotiated', ring: 'packed' },
  variants: { laps: [1, 2] },
  run({ port, driver, ring, variant, requirement }) {
    const check = requirement('packed/no-use-before-avail-flips');
    // One descriptor more: what a list leaves behind one that is shorter would do as a list.
    const shorter = driver.request().segments.length;
    const long = { descriptors: shorter + 1 };
    const longer = driver.request(long).segments.length;
    const queue = driver.attach(ring({ size: 2 * longer }), { kicks: 'always' });
    for (let n = 0; n < 2 * variant.laps; n++) driver.warmUp(queue, { seed: n, ...long });
    // A device uses the first descriptor of a list alone: behind this one lie those of a list of the lap before.
    driver.warmUp(queue, { seed: 9 });
    for (let n = 0; n < 4; n++) queue.kick();
    port.until(() => false, 2);
    if (!stops(check, queue)) return;
    const left = availableBits(variant.laps === 1 ? 1 : 0);
    for (let slot = shorter; slot < longer; slot++) {
      const bits = queue.ring.flags(slot) & markBits;
      check.equal(bits, left, `AVAIL and USED in slot ${slot}, which the driver did not make available again`);
    }
  },
});

export const crossing = defineCase({
  id: 'virtio/packed-ring/list-crosses-end-of-ring',
  title: 'a list that crosses the end of the ring is served, wherever in it the end lies',
  proves: { 'packed/list-crosses-end-of-ring': 'packed-list-cut-at-end-of-ring' },
  applies: { start: 'closed', ring: 'packed' },
  run(context) {
    const { points, requirement } = context;
    const check = requirement('packed/list-crosses-end-of-ring');
    const cuts = { descriptors: 6 };
    const all = [11, 16, 64].map((size) => ({ key: `size=${size}`, size }));
    points(all, ({ key, size }) => {
      const { session, driver, queue } = runningQueue(context, { size });
      // Lists whose length is no divisor of the size meet the end at each of their descriptors.
      for (let n = 0; n < 40; n++) {
        const problem = driver.once(queue, { seed: n, ...cuts });
        if (!check.equal(problem, undefined, `what is wrong with list ${n} in a ring with ${key}`)) break;
      }
      session.close();
    });
  },
});
