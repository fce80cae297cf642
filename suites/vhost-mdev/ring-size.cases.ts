import { splitPosition } from '../../reference-impl/virtqueue/ring.ts';
import { defineCase } from '../case.ts';
import { serves, servesAll } from '../virtio/service.ts';
import { fitting } from '../virtio/small-ring.ts';
import { refusesCall } from './refusal.ts';
import { ringDoorbell, setSize, setState } from './ring-messages.ts';

/** SET_VRING_NUM: the sizes that a ring may have, and those that it may not. */

const transports = ['vhost-mdev'] as const;

const sized = (sizes: readonly number[]) => sizes.map((size) => ({ key: `size-${size}`, size }));

export const powersOfTwo = defineCase({
  id: 'vhost-mdev/ring-size/powers-of-two-are-taken',
  title: 'powers of two from 1 to 32768 are sizes, and the ring wraps at them',
  proves: { 'vm-rings/sizes-are-powers-of-two': ['mdev-ring-of-one-entry-refused', 'mdev-size-cut-to-15-bits'] },
  applies: { start: 'closed', transports, devices: ['net'], needs: ['initial-base'], ring: 'split' },
  run({ connect, driverOf, ring, points, port, requirement }) {
    const check = requirement('vm-rings/sizes-are-powers-of-two');
    points(sized([1, 2, 4, 8, 16, 64, 256, 1024, 4096, 16384, 32768]), ({ key, size }) => {
      const session = connect('negotiated');
      const driver = driverOf(session);
      const base = size - 1;
      const queue = driver.attach(ring({ size, position: splitPosition(base) }));
      // The last entry of the rings, then the first.
      for (const seed of [1, 2]) {
        if (!serves({ port, driver }, check, queue, `request ${seed} on a queue.ring of ${key}`, { seed })) return;
      }
      session.close();
    });
  },
});

export const powersOfTwoTold = defineCase({
  id: 'vhost-mdev/ring-size/message-takes-powers-of-two',
  title: 'SET_VRING_NUM of every power of two up to 32768 is taken while the device is stopped, one after the other',
  proves: { 'vm-rings/sizes-are-powers-of-two': ['mdev-ring-of-one-entry-refused', 'mdev-large-rings-refused'] },
  applies: { start: 'negotiated', transports, ring: 'none' },
  run({ session, driver, requirement }) {
    const check = requirement('vm-rings/sizes-are-powers-of-two');
    for (let size = 1; size <= 32768; size *= 2) {
      check.equal(setSize(session, driver.queueIndex, size), 'taken', `size ${size}`);
    }
    for (let size = 32768; size >= 1; size /= 2) {
      check.equal(setSize(session, driver.queueIndex, size), 'taken', `size ${size} in place of a larger one`);
    }
  },
});

const badSizes = [
  3, 5, 6, 7, 12, 100, 255, 257, 32767, 32769, 49152, 65535, 65536, 65537, 0x1_0010, 0x2_0000, 0x8000_0000, 0x8000_0010,
  0xffff_ffff,
];

export const badRefused = defineCase({
  id: 'vhost-mdev/ring-size/others-are-refused',
  title: 'sizes that are no power of two, or beyond 32768, fail with EINVAL; the upper half of the number counts',
  proves: { 'vm-rings/bad-size-refused': ['mdev-any-ring-size-taken', 'mdev-size-without-upper-half'] },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const { connect, port, points, requirement } = context;
    const check = requirement('vm-rings/bad-size-refused');
    const { queueIndex } = port.facts.workload;
    points(sized(badSizes), ({ key, size }) => {
      refusesCall(context, check, {
        what: key,
        open: () => connect('negotiated'),
        flawed: (session) => setSize(session, queueIndex, size),
        control: (session) => setSize(session, queueIndex, 16),
        controlName: 'size-16',
      });
    });
  },
});

export const badChangesNothing = defineCase({
  id: 'vhost-mdev/ring-size/refused-size-leaves-the-one-before',
  title: 'a ring that was told a size that is refused goes on with the size that it has',
  proves: { 'vm-rings/refused-size-changes-nothing': ['mdev-refused-size-stored', 'mdev-refused-size-takes-ring-out'] },
  applies: { start: 'closed', transports, ring: 'split' },
  run({ connect, driverOf, ring, points, port, requirement }) {
    const check = requirement('vm-rings/refused-size-changes-nothing');
    points(sized([3, 100, 65535, 65536, 0x1_0010, 0x8000_0010, 0xffff_ffff]), ({ key, size }) => {
      const session = connect('negotiated');
      const driver = driverOf(session);
      const queue = driver.attach(ring({ size: 4 }));
      setState(session, 0);
      setSize(session, queue.index, size);
      check.equal(setState(session, 1), 'taken', `start after ${key}`);
      // More than there are entries: the ring wraps where it did.
      for (let seed = 1; seed <= 6; seed++) {
        if (!serves({ port, driver }, check, queue, `request ${seed} after ${key}`, { seed })) return;
      }
      session.close();
    });
  },
});

export const zeroTakesOut = defineCase({
  id: 'vhost-mdev/ring-size/zero-takes-a-ring-out-of-use',
  title: 'a ring of size 0 does not hinder the start and is not served; with its size again it goes on',
  proves: { 'vm-rings/size-zero-takes-ring-out': ['mdev-size-zero-ignored', 'mdev-size-zero-forgets-ring'] },
  applies: { start: 'negotiated', transports },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vm-rings/size-zero-takes-ring-out');
    const queue = driver.attach(ring({ size: 512 }));
    for (const seed of [1, 2]) if (!serves({ port, driver }, check, queue, `request ${seed}`, { seed })) return;
    setState(session, 0);
    check.equal(setSize(session, queue.index, 0), 'taken', 'size 0');
    const heads = queue.makeAvailable([driver.request({ seed: 3 }).segments]);
    check.equal(setState(session, 1), 'taken', 'start without the ring');
    ringDoorbell(session, queue.index);
    session.fence();
    setState(session, 0);
    check.equal(queue.usedCount(), 2, 'used idx of the ring that is out of use');
    check.equal(setSize(session, queue.index, 512), 'taken', 'its size again');
    check.equal(setState(session, 1), 'taken', 'start with the ring');
    queue.kick();
    const used = servesAll(port, check, queue, 1, 'used elements once it is in use again');
    check.sameMembers(used, heads, 'heads that came back');
  },
});

export const sizeReplaced = defineCase({
  id: 'vhost-mdev/ring-size/another-size-between-two-runs',
  title:
    'between a stop and a start a ring becomes smaller or larger, in memory of its own, and is served at that size',
  proves: { 'vm-rings/size-replaces-one-before': ['mdev-ring-never-shrinks', 'mdev-ring-never-grows'] },
  applies: { start: 'negotiated', transports, ring: 'split' },
  variants: { sizes: ['64 8', '8 64', '256 2', '2 256'] },
  run({ session, port, driver, ring, variant, requirement }) {
    const check = requirement('vm-rings/size-replaces-one-before');
    let base = 0;
    for (const size of variant.sizes.split(' ').map(Number)) {
      const queue = driver.attach(ring({ size, position: splitPosition(base) }));
      // Once around the smaller ring, and further.
      for (let seed = 1; seed <= 9; seed++) {
        if (!serves({ port, driver }, check, queue, `request ${seed} with ${size} entries`, { seed, ...fitting(size) }))
          return;
      }
      base += 9;
      setState(session, 0);
      check.equal(queue.usedCount(), 9, `used elements of the ring of ${size} entries`);
    }
  },
});
