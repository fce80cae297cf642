import type { DeviceDriver } from '../../drivers/devices/device-driver.ts';
import type { GuestPackedRing, Queue } from '../../drivers/port/port.ts';
import { isUsedIn } from '../../reference-impl/virtqueue/packed/layout.ts';
import { packedPosition } from '../../reference-impl/virtqueue/ring.ts';
import { defineCase } from '../case.ts';
import { stoppedAt } from '../ring-positions.ts';
import { type Place, placeAfter, usedPlace } from '../virtio/packed-ring/place.ts';
import { RingByHand } from './ring-by-hand.ts';
import { getBase } from './ring-messages.ts';

/** Positions of packed rings (vhost-user, "Vring descriptor indices for packed virtqueues"). */

const transports = ['vhost-user'] as const;
const applies = { start: 'negotiated', transports, ring: 'packed' } as const;

const half = ({ slot, wrap }: Place): number => slot | (wrap << 15);

/** Entries of the rings that start elsewhere than at slot 0. */
const size = 11;

/** Slots and wrap counters from which such rings start; with lists of three they stop in every part of a lap. */
const starts = {
  start: packedPosition(0, 1),
  middle: packedPosition(4, 1),
  end: packedPosition(10, 1),
  'other-lap': packedPosition(0, 0),
  'end-of-other-lap': packedPosition(10, 0),
};
const names = ['start', 'middle', 'end', 'other-lap', 'end-of-other-lap'] as const;

/** Has so many lists carried out, and answers the place behind them. */
function placeBehind(driver: DeviceDriver, queue: Queue<GuestPackedRing>, lists: number): Place {
  let place = usedPlace(queue.driver);
  for (let seed = 0; seed < lists; seed++) {
    place = placeAfter(place, driver.request({ seed }).segments.length, size);
    driver.warmUp(queue, { seed });
  }
  return place;
}

export const untold = defineCase({
  id: 'vhost-user/packed-positions/ring-without-base-starts-at-wrap-counters-1',
  title: 'a packed ring that was told no base starts at slot 0 with both wrap counters 1',
  proves: { 'packed/wrap-counters-start-at-one': 'packed-ring-begins-at-wrap-counter-0' },
  applies,
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('packed/wrap-counters-start-at-one');
    driver.companions();
    const hand = new RingByHand(port, session, ring({ size: 7 }), { index: driver.queueIndex });
    hand.tell('num', 'addresses', 'call', 'error', 'kick', 'enable');
    for (let n = 0; n < 4; n++) {
      const { slot, wrap } = usedPlace(hand.driver);
      hand.makeAvailable(driver.request({ seed: n }).segments);
      hand.kick();
      if (hand.waitForUsed(check, 1, `list ${n}`) === undefined) return;
      check.equal(
        isUsedIn(hand.ring.flags(slot), wrap),
        true,
        `whether slot ${slot} is used under wrap counter ${wrap}`,
      );
    }
  },
});

export const availableHalf = defineCase({
  id: 'vhost-user/packed-positions/base-has-available-slot-and-wrap-counter',
  title: 'GET_VRING_BASE tells the slot and wrap counter of the next available descriptor in its lower half',
  proves: { 'vu-vring/packed-base-read-has-indices-and-wrap-counters': 'packed-base-without-wrap-counters' },
  applies: { ...applies, needs: ['initial-base'] },
  variants: { from: names, lists: [1, 4] },
  run({ driver, session, ring, variant, requirement }) {
    const check = requirement('vu-vring/packed-base-read-has-indices-and-wrap-counters');
    const queue = driver.attach(ring({ size, position: starts[variant.from] }));
    const place = placeBehind(driver, queue, variant.lists);
    const told = getBase(session, queue.index);
    if (check.equal(told.kind, 'base', 'the answer to GET_VRING_BASE') && told.kind === 'base') {
      check.equal(told.num & 0xffff, half(place), `lower half after ${variant.lists} lists`);
    }
  },
});

export const usedHalf = defineCase({
  id: 'vhost-user/packed-positions/base-has-used-slot-and-wrap-counter',
  title: 'GET_VRING_BASE tells the slot and wrap counter of the next used descriptor in its upper half',
  proves: { 'vu-vring/packed-base-read-has-used-half': 'packed-base-without-used-half' },
  applies: { ...applies, needs: ['initial-base', 'packed-used-position'] },
  variants: { from: names, lists: [1, 4] },
  run({ driver, session, ring, variant, requirement }) {
    const check = requirement('vu-vring/packed-base-read-has-used-half');
    const queue = driver.attach(ring({ size, position: starts[variant.from] }));
    const place = placeBehind(driver, queue, variant.lists);
    const told = getBase(session, queue.index);
    if (check.equal(told.kind, 'base', 'the answer to GET_VRING_BASE') && told.kind === 'base') {
      check.equal(told.num >>> 16, half(place), `upper half after ${variant.lists} lists`);
    }
  },
});

export const starting = defineCase({
  id: 'vhost-user/packed-positions/ring-starts-at-the-position-that-was-set',
  title: 'SET_VRING_BASE sets slot and wrap counter from which a packed ring is read, and to which it is written',
  proves: { 'vu-vring/packed-base-write-sets-indices-and-wrap-counters': 'packed-base-wrap-counters-ignored' },
  applies: { ...applies, needs: ['initial-base'] },
  variants: { from: names },
  run({ driver, ring, variant, requirement }) {
    const check = requirement('vu-vring/packed-base-write-sets-indices-and-wrap-counters');
    const position = starts[variant.from];
    const queue = driver.attach(ring({ size, position }));
    for (let seed = 0; seed < 12; seed++) {
      const problem = driver.once(queue, { seed });
      if (!check.equal(problem, undefined, `what is wrong with request ${seed}`)) return;
    }
  },
});

export const usedBehind = defineCase({
  id: 'vhost-user/packed-positions/used-position-of-its-own',
  title: 'SET_VRING_BASE with a used position behind the available one: the first used descriptor is written there',
  proves: {
    'vu-vring/packed-base-write-sets-used-half': [
      'packed-base-used-half-ignored',
      'packed-base-used-half-ignored-later',
    ],
  },
  applies: { ...applies, needs: ['initial-base', 'packed-used-position'] },
  variants: { acrossEnd: [false, true] },
  run({ port, driver, ring, variant, requirement }) {
    const check = requirement('vu-vring/packed-base-write-sets-used-half');
    // As after descriptors that a back-end took and did not use before it stopped.
    const position = variant.acrossEnd ? packedPosition(2, 0, 9, 1) : packedPosition(5, 1, 2, 1);
    for (const life of [1, 2]) {
      const queue = driver.attach(ring({ size, position }));
      const isUsed = (): boolean => isUsedIn(queue.ring.flags(position.used), position.usedWrap);
      queue.makeAvailable([driver.request().segments]);
      queue.kick();
      port.until(isUsed, port.deadlineMs);
      if (!check.equal(isUsed(), true, `whether slot ${position.used} is used in life ${life}`)) return;
      if (stoppedAt(check, queue.stop(), 'GET_VRING_BASE') === undefined) return;
    }
  },
});
