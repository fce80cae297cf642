import { changes, snapshot } from '../../reference-impl/memory/snapshot.ts';
import { defineCase } from '../case.ts';
import { CountedEvent } from '../counted-event.ts';
import { serves, servesAll } from '../virtio/service.ts';
import { doorbellData, doorbellSizes, rest, writeDoorbells } from './doorbells.ts';
import { ringCount, setState } from './ring-messages.ts';
import { setEvents } from './vectors.ts';

/** When a doorbell comes: while the device is stopped, for nothing, for a ring that is not there to be served. */

const transports = ['vhost-mdev'] as const;

export const takenWhileStopped = defineCase({
  id: 'vhost-mdev/notify/doorbell-while-stopped-is-taken',
  title: 'a doorbell while the device is stopped is taken, before and after it ran',
  proves: { 'vm-notify/stopped-device-takes-doorbell': 'mdev-doorbell-refused-while-stopped' },
  applies: { start: 'negotiated', transports },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vm-notify/stopped-device-takes-doorbell');
    const { page } = doorbellSizes(session);
    for (let index = 0; index < ringCount(session); index++) {
      const written = writeDoorbells(session, index * page, doorbellData(index));
      check.equal(written, 4, `a doorbell of ring ${index} before any start`);
    }
    const queue = driver.attach(ring({ size: 16 }));
    driver.warmUp(queue);
    setState(session, 0);
    const heads = queue.makeAvailable([driver.request({ seed: 1 }).segments]);
    check.equal(writeDoorbells(session, queue.index * page, doorbellData(queue.index)), 4, 'a doorbell after a stop');
    setState(session, 1);
    const used = servesAll(port, check, queue, 1, 'the chain of that doorbell after the start');
    check.sameMembers(used, heads, 'heads that came back');
  },
});

export const nothingWhileStopped = defineCase({
  id: 'vhost-mdev/notify/doorbell-while-stopped-has-nothing-served',
  title: 'chains and doorbells while the device is stopped: no byte of memory changes before the start',
  proves: { 'vm-notify/stopped-device-serves-nothing': 'mdev-doorbell-starts-device' },
  applies: { start: 'negotiated', transports },
  run({ session, guest, port, driver, ring, requirement }) {
    const check = requirement('vm-notify/stopped-device-serves-nothing');
    const queue = driver.attach(ring({ size: 16 }));
    driver.warmUp(queue);
    setState(session, 0);
    const heads = queue.makeAvailable([1, 2].map((seed) => driver.request({ seed }).segments));
    const before = snapshot(guest);
    for (let n = 0; n < 3; n++) queue.kick();
    rest(port);
    // Whatever began is over with the stop.
    setState(session, 0);
    check.unchanged(before.guest, changes(before), 'memory while the device was stopped');
    setState(session, 1);
    const used = servesAll(port, check, queue, 2, 'the chains after the start');
    check.sameMembers(used, heads, 'heads that came back');
  },
});

export const idleRing = defineCase({
  id: 'vhost-mdev/notify/doorbells-for-nothing-are-harmless',
  title: 'doorbells for a ring with nothing available use nothing and signal nothing, and the next request is served',
  proves: { 'vm-notify/idle-ring-survives-doorbells': 'mdev-doorbell-signals-vector' },
  applies: { start: 'negotiated', transports },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vm-notify/idle-ring-survives-doorbells');
    const queue = driver.attach(ring({ size: 16 }));
    const event = new CountedEvent(port);
    setEvents(session, queue.index, [event]);
    driver.warmUp(queue);
    event.wait();
    rest(port);
    event.take();
    for (let round = 0; round < 2; round++) {
      for (let n = 0; n < 16; n++) queue.kick();
      rest(port);
    }
    setState(session, 0);
    check.equal(queue.usedCount(), 1, 'used idx behind 32 doorbells for nothing');
    check.equal(event.take(), 0, 'signals behind 32 doorbells for nothing');
    setState(session, 1);
    serves({ port, driver }, check, queue, 'a request after them', { seed: 2 });
  },
});

export const untoldRing = defineCase({
  id: 'vhost-mdev/notify/doorbell-of-untold-ring-is-survived',
  title: 'doorbells of rings that no address was told of, while the device runs: nothing comes of them',
  proves: { 'vm-notify/ring-out-of-use-survives-doorbells': 'mdev-doorbell-of-untold-ring-crashes' },
  applies: { start: 'negotiated', transports },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vm-notify/ring-out-of-use-survives-doorbells');
    const { page } = doorbellSizes(session);
    setState(session, 1);
    for (let index = 0; index < ringCount(session); index++) {
      writeDoorbells(session, index * page, doorbellData(index));
    }
    rest(port);
    setState(session, 0);
    const queue = driver.attach(ring({ size: 16 }));
    serves({ port, driver }, check, queue, 'a request on a ring that was set up afterwards');
  },
});

export const ringOutOfUse = defineCase({
  id: 'vhost-mdev/notify/doorbell-of-ring-out-of-use-has-nothing-served',
  title: 'chains and doorbells of a ring that was taken out of use, while the device runs: memory stays as it is',
  proves: { 'vm-notify/ring-out-of-use-survives-doorbells': 'mdev-doorbell-puts-ring-into-use' },
  applies: { start: 'negotiated', transports },
  run({ session, guest, port, driver, ring, requirement }) {
    const check = requirement('vm-notify/ring-out-of-use-survives-doorbells');
    const queue = driver.attach(ring({ size: 16 }));
    driver.warmUp(queue);
    const stopped = queue.stop();
    if (!check.equal(stopped.kind, 'stopped', 'the ring is taken out of use')) return;
    setState(session, 1);
    queue.makeAvailable([1, 2].map((seed) => driver.request({ seed }).segments));
    const before = snapshot(guest);
    for (let n = 0; n < 3; n++) queue.kick();
    rest(port);
    setState(session, 0);
    check.unchanged(before.guest, changes(before), 'memory behind its doorbells');
    const again = driver.attach(ring({ size: 32 }));
    serves({ port, driver }, check, again, 'a request on a ring set up in its place', { seed: 3 });
  },
});
