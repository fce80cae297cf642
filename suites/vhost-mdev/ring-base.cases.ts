import { guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import { splitPosition } from '../../reference-impl/virtqueue/ring.ts';
import { defineCase } from '../case.ts';
import { serves, servesAll } from '../virtio/service.ts';
import { mapGuest } from './device-memory.ts';
import { refusesCall } from './refusal.ts';
import { getBase, setBase, setState } from './ring-messages.ts';

/** SET_VRING_BASE and GET_VRING_BASE, before, after and while the device runs. */

const transports = ['vhost-mdev'] as const;

export const toldBack = defineCase({
  id: 'vhost-mdev/ring-base/told-base-is-told-back',
  title: 'GET_VRING_BASE of a stopped device answers what SET_VRING_BASE told last, with all 16 bits',
  proves: { 'vm-rings/base-is-told-back': ['mdev-base-of-15-bits', 'mdev-base-told-once'] },
  applies: { start: 'negotiated', transports, ring: 'none' },
  run({ session, driver, requirement }) {
    const check = requirement('vm-rings/base-is-told-back');
    for (const base of [1, 2, 0x7f, 0xff, 0x100, 0x7fff, 0x8000, 0xfffe, 0xffff, 0]) {
      check.equal(setBase(session, driver.queueIndex, base), 'taken', `SET_VRING_BASE of ${base}`);
      check.equal(getBase(session, driver.queueIndex), base, `base that was told as ${base}`);
    }
  },
});

export const neverTold = defineCase({
  id: 'vhost-mdev/ring-base/base-of-a-ring-never-told-of-is-zero',
  title: 'GET_VRING_BASE of rings that nothing was told of answers 0',
  proves: { 'vm-rings/base-never-told-is-zero': 'mdev-base-at-first-is-256' },
  applies: { start: 'connected', transports, ring: 'none' },
  run({ session, driver, requirement }) {
    const check = requirement('vm-rings/base-never-told-is-zero');
    for (const index of [...driver.companionIndices, driver.queueIndex]) {
      check.equal(getBase(session, index), 0, `base of ring ${index}`);
    }
  },
});

const beyond = [0x1_0000, 0x1_0001, 0x1_ffff, 0x7fff_ffff, 0x8000_0000, 0x8000_0003, 0xffff_ffff];

export const beyondRefused = defineCase({
  id: 'vhost-mdev/ring-base/more-than-16-bits-are-refused',
  title: 'SET_VRING_BASE beyond 65535 fails with EINVAL and leaves the base that was told before',
  proves: { 'vm-rings/base-beyond-16-bits-refused': ['mdev-base-beyond-16-bits-taken', 'mdev-refused-base-stored'] },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const { connect, port, points, requirement } = context;
    const check = requirement('vm-rings/base-beyond-16-bits-refused');
    const { queueIndex } = port.facts.workload;
    points(
      beyond.map((base) => ({ key: `base-0x${base.toString(16)}`, base })),
      ({ key, base }) => {
        refusesCall(context, check, {
          what: key,
          open: () => {
            const session = connect('negotiated');
            setBase(session, queueIndex, 3);
            return session;
          },
          flawed: (session) => setBase(session, queueIndex, base),
          behind: (session) => check.equal(getBase(session, queueIndex), 3, `base after ${key}`),
          control: (session) => setBase(session, queueIndex, 0xffff),
          controlName: 'base-0xffff',
        });
      },
    );
  },
});

export const startsThere = defineCase({
  id: 'vhost-mdev/ring-base/ring-is-read-from-its-base-on',
  title: 'of four chains in the available ring, those from the base on are served and those before it are not',
  proves: { 'vm-rings/base-is-where-ring-starts': ['mdev-base-1-read-as-0', 'mdev-base-3-skips-a-chain'] },
  applies: { start: 'negotiated', transports, needs: ['initial-base'], ring: 'split' },
  variants: { base: [1, 3] },
  run({ session, port, driver, ring, variant, requirement }) {
    const check = requirement('vm-rings/base-is-where-ring-starts');
    const queue = driver.attach(ring({ size: 16 }));
    setState(session, 0);
    const heads = queue.makeAvailable([1, 2, 3, 4].map((seed) => driver.request({ seed }).segments));
    setBase(session, queue.index, variant.base);
    check.equal(setState(session, 1), 'taken', 'start');
    queue.kick();
    const used = servesAll(port, check, queue, 4 - variant.base, `used elements from base ${variant.base} on`);
    check.sameMembers(used, heads.slice(variant.base), `heads from base ${variant.base} on`);
    setState(session, 0);
    check.equal(queue.usedCount(), 4 - variant.base, 'used idx in the end');
    check.equal(getBase(session, queue.index), 4, 'base in the end');
  },
});

export const whileRunning = defineCase({
  id: 'vhost-mdev/ring-base/base-of-a-running-device-is-where-the-ring-is',
  title: 'GET_VRING_BASE while the device runs tells how far the ring was read, and not what was told of it',
  proves: { 'vm-rings/base-while-running-counts': 'mdev-base-while-running-as-told' },
  applies: { start: 'negotiated', transports, ring: 'split' },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vm-rings/base-while-running-counts');
    const queue = driver.attach(ring({ size: 16 }));
    for (const seed of [1, 2, 3]) if (!serves({ port, driver }, check, queue, `request ${seed}`, { seed })) return;
    check.equal(getBase(session, queue.index), 3, 'base after 3 requests, while the device runs');
    setState(session, 0);
    check.equal(getBase(session, queue.index), 3, 'base once it is stopped');
  },
});

export const restsAfterwards = defineCase({
  id: 'vhost-mdev/ring-base/asked-while-running-the-ring-rests',
  title: 'a ring whose base was asked for while the device ran is not served before the next start, and then goes on',
  proves: { 'vm-rings/base-while-running-stops-ring': 'mdev-ring-goes-on-after-its-base' },
  applies: { start: 'negotiated', transports, ring: 'split' },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vm-rings/base-while-running-stops-ring');
    const queue = driver.attach(ring({ size: 16 }));
    for (const seed of [1, 2]) if (!serves({ port, driver }, check, queue, `request ${seed}`, { seed })) return;
    getBase(session, queue.index);
    const heads = queue.makeAvailable([driver.request({ seed: 3 }).segments]);
    queue.kick();
    // Rings that run are found anew in the memory that there is then: this one does not run.
    if (session.places.memory === 'container') mapGuest(session, port.createGuest(guestLayouts['crossing-4gib']));
    queue.kick();
    session.fence();
    setState(session, 0);
    check.equal(queue.usedCount(), 2, 'used idx of the ring at rest');
    setState(session, 1);
    queue.kick();
    const used = servesAll(port, check, queue, 1, 'used elements after the next start');
    check.sameMembers(used, heads, 'heads that came back');
  },
});

export const stopFirst = defineCase({
  id: 'vhost-mdev/ring-base/stop-then-base-as-one-order',
  title: 'state 0 and then GET_VRING_BASE of each ring: a base for each, and the next run begins there',
  proves: { 'vm-state/stop-before-base-reads': 'mdev-no-base-once-stopped' },
  applies: { start: 'negotiated', transports, ring: 'split' },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vm-state/stop-before-base-reads');
    const queue = driver.attach(ring({ size: 4 }));
    for (const seed of [1, 2, 3]) if (!serves({ port, driver }, check, queue, `request ${seed}`, { seed })) return;
    check.equal(setState(session, 0), 'taken', 'state 0');
    for (const index of driver.companionIndices) check.equal(getBase(session, index), 0, `base of queue.ring ${index}`);
    const base = getBase(session, queue.index);
    if (!check.equal(base, 3, 'base of the ring') || typeof base !== 'number') return;
    const again = driver.attach(queue.ring, { position: splitPosition(base) });
    serves({ port, driver }, check, again, 'a request of the next run', { seed: 4 });
  },
});

export const baseFirst = defineCase({
  id: 'vhost-mdev/ring-base/base-then-stop-as-the-other-order',
  title: 'GET_VRING_BASE of each ring and then state 0: both are taken, and the next run begins where the ring was',
  proves: { 'vm-state/base-reads-before-stop': 'mdev-no-base-while-running' },
  applies: { start: 'negotiated', transports, ring: 'split' },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vm-state/base-reads-before-stop');
    const queue = driver.attach(ring({ size: 16 }));
    for (const seed of [1, 2, 3]) if (!serves({ port, driver }, check, queue, `request ${seed}`, { seed })) return;
    for (const index of [...driver.companionIndices, queue.index]) {
      check.equal(typeof getBase(session, index), 'number', `whether ring ${index} of a running device tells a base`);
    }
    check.equal(setState(session, 0), 'taken', 'state 0 behind it');
    const again = driver.attach(queue.ring, { position: splitPosition(3) });
    serves({ port, driver }, check, again, 'a request of the next run', { seed: 4 });
  },
});

export const othersRun = defineCase({
  id: 'vhost-mdev/ring-base/asked-of-one-ring-the-others-run',
  title: 'GET_VRING_BASE of one ring while the device runs disturbs no other ring',
  proves: { 'vm-rings/base-of-one-ring-stops-no-other': 'mdev-base-of-one-ring-stops-all' },
  applies: { start: 'negotiated', transports, devices: ['net'], ring: 'split' },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vm-rings/base-of-one-ring-stops-no-other');
    const queue = driver.attach(ring({ size: 16 }));
    if (!serves({ port, driver }, check, queue, 'a frame before')) return;
    for (const index of driver.companionIndices) getBase(session, index);
    for (const seed of [1, 2]) {
      if (!serves({ port, driver }, check, queue, `frame ${seed} afterwards`, { seed })) return;
    }
    setState(session, 0);
    check.equal(getBase(session, queue.index), 3, 'base of the ring that ran on');
  },
});
