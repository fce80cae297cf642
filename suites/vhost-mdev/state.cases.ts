import { changes, snapshot } from '../../reference-impl/memory/snapshot.ts';
import { defineCase } from '../case.ts';
import { serves, servesAll } from '../virtio/service.ts';
import { getBase, ringDoorbell, ringDriver, setFeatures, setState, tellRing } from './ring-messages.ts';

/** DEVICE_SET_STATE (second RFC, device side): what runs, what rests, and that the same state again has no effect. */

const transports = ['vhost-mdev'] as const;

export const stoppedAtFirst = defineCase({
  id: 'vhost-mdev/state/device-is-stopped-at-first',
  title: 'a ring that was told of in full is not served before the device is told to run',
  proves: { 'vm-state/stopped-at-first': 'mdev-runs-once-told-of-ring' },
  applies: { start: 'connected', transports, ring: 'split' },
  run({ session, guest, port, driver, ring, requirement }) {
    const check = requirement('vm-state/stopped-at-first');
    const offer = session.readFeatures('features');
    if (offer.kind === 'word') setFeatures(session, offer.word & (1n << 32n));
    session.shareMemory(guest);
    const vring = ring({ size: 128 });
    const index = driver.queueIndex;
    check.equal(tellRing(session, index, vring), 'taken', 'size, base and addresses of the ring');
    const driverRing = ringDriver(port, session, index, vring);
    driverRing.add(driver.request().segments);
    driverRing.publish();
    ringDoorbell(session, index);
    session.fence();
    // Whatever began is over with the stop.
    setState(session, 0);
    check.equal(driverRing.usedCount(), 0, 'used idx of a device that was never started');
    check.equal(port.iut.isAlive(), true, 'whether it is alive');
  },
});

export const startServes = defineCase({
  id: 'vhost-mdev/state/start-serves-the-rings',
  title: 'state 1 is taken and rings are served from then on, and after each further stop and start',
  proves: { 'vm-state/start-serves-rings': 'mdev-start-without-effect' },
  applies: { start: 'negotiated', transports },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vm-state/start-serves-rings');
    const queue = driver.attach(ring({ size: 32 }));
    for (const start of ['the first', 'the second', 'the third']) {
      if (!serves({ port, driver }, check, queue, `a request after ${start} start`)) return;
      setState(session, 0);
      check.equal(setState(session, 1), 'taken', 'state 1');
    }
  },
});

export const stopEndsService = defineCase({
  id: 'vhost-mdev/state/nothing-is-served-while-stopped',
  title: 'what is made available and notified while the device is stopped is not served before it is started',
  proves: { 'vm-state/stop-ends-service': 'mdev-stop-of-large-ring-ignored' },
  applies: { start: 'negotiated', transports, ring: 'split' },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vm-state/stop-ends-service');
    const queue = driver.attach(ring({ size: 128 }));
    if (!serves({ port, driver }, check, queue, 'a request while it runs')) return;
    check.equal(setState(session, 0), 'taken', 'state 0');
    const heads = queue.makeAvailable([1, 2, 3].map((seed) => driver.request({ seed }).segments));
    ringDoorbell(session, queue.index);
    session.fence();
    check.equal(getBase(session, queue.index), 1, 'base behind the doorbell');
    setState(session, 0);
    check.equal(queue.usedCount(), 1, 'used idx behind the doorbell');
    setState(session, 1);
    queue.kick();
    const used = servesAll(port, check, queue, heads.length, 'used elements after the start');
    check.sameMembers(used, heads, 'heads that came back after the start');
  },
});

export const stopEndsWrites = defineCase({
  id: 'vhost-mdev/state/memory-stays-as-it-is-while-stopped',
  title: 'from the answer to state 0 on no byte of rings or buffers changes, whatever is notified or asked',
  proves: { 'vm-state/stop-ends-writes': 'mdev-writes-used-flags-while-stopped' },
  applies: { start: 'negotiated', transports, memory: 'single-region', ring: 'split' },
  run({ session, guest, driver, ring, requirement }) {
    const check = requirement('vm-state/stop-ends-writes');
    const bytes = Math.min(0x4000, driver.largestRequest);
    const queue = driver.attach(ring({ size: 128 }));
    const requests = [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => driver.request({ seed, bytes }).segments);
    const more = [9, 10].map((seed) => driver.request({ seed }).segments);
    queue.makeAvailable(requests);
    queue.kick();
    setState(session, 0);
    queue.makeAvailable(more);
    const before = snapshot(guest);
    ringDoorbell(session, queue.index);
    for (let n = 0; n < 8; n++) session.fence();
    getBase(session, queue.index);
    setState(session, 0);
    check.unchanged(before.guest, changes(before), 'memory after the stop');
  },
});

export const startLooks = defineCase({
  id: 'vhost-mdev/state/start-looks-at-rings-unasked',
  title: 'chains that came while the device was stopped are served by the start, without a doorbell',
  proves: { 'vm-state/start-looks-at-rings': 'mdev-start-waits-for-doorbells' },
  applies: { start: 'negotiated', transports },
  variants: { chains: [1, 5] },
  run({ session, port, driver, ring, variant, requirement }) {
    const check = requirement('vm-state/start-looks-at-rings');
    const queue = driver.attach(ring({ size: 16 }));
    setState(session, 0);
    const seeds = Array.from({ length: variant.chains }, (_, seed) => seed);
    const heads = queue.makeAvailable(seeds.map((seed) => driver.request({ seed }).segments));
    setState(session, 1);
    const used = servesAll(port, check, queue, heads.length, 'used elements without a doorbell');
    check.sameMembers(used, heads, 'heads that came back');
  },
});

export const startAgain = defineCase({
  id: 'vhost-mdev/state/second-start-is-nothing',
  title: 'state 1 of a device that runs is taken, and its rings go on with nothing lost or done twice',
  proves: { 'vm-state/start-again-is-nothing': ['mdev-second-start-begins-anew', 'mdev-second-start-refused'] },
  applies: { start: 'negotiated', transports, ring: 'split' },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vm-state/start-again-is-nothing');
    const queue = driver.attach(ring({ size: 16 }));
    for (const round of [1, 2, 3]) {
      if (!serves({ port, driver }, check, queue, `a request in round ${round}`, { seed: round })) return;
      check.equal(setState(session, 1), 'taken', `state 1 again in round ${round}`);
    }
    setState(session, 0);
    check.equal(queue.usedCount(), 3, 'used idx after 3 requests');
    check.equal(getBase(session, queue.index), 3, 'base after 3 requests');
  },
});

export const stopAgain = defineCase({
  id: 'vhost-mdev/state/second-stop-is-nothing',
  title: 'state 0 of a device that is stopped is taken, and its rings stay where they were',
  proves: { 'vm-state/stop-again-is-nothing': ['mdev-second-stop-forgets-base', 'mdev-second-stop-refused'] },
  applies: { start: 'negotiated', transports, ring: 'split' },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vm-state/stop-again-is-nothing');
    const queue = driver.attach(ring({ size: 8 }));
    for (const seed of [1, 2]) if (!serves({ port, driver }, check, queue, `request ${seed}`, { seed })) return;
    for (const time of ['once', 'twice', 'three times']) {
      check.equal(setState(session, 0), 'taken', `state 0, ${time}`);
      check.equal(getBase(session, queue.index), 2, `base when stopped ${time}`);
    }
    check.equal(setState(session, 1), 'taken', 'state 1');
    serves({ port, driver }, check, queue, 'a request after the start', { seed: 3 });
  },
});
