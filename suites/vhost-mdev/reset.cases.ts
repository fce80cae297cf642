import { pattern } from '../../drivers/devices/request.ts';
import type { VhostMdevSession } from '../../drivers/port/port.ts';
import { changes, snapshot } from '../../reference-impl/memory/snapshot.ts';
import { encodeMdevMessage } from '../../reference-impl/wire/mdev-messages.ts';
import { defineCase } from '../case.ts';
import { CountedEvent } from '../counted-event.ts';
import { serves } from '../virtio/service.ts';
import { rest } from './doorbells.ts';
import { ManualRing, setUpAgain } from './manual-ring.ts';
import { getBase, ringCount, ringDoorbell, setBase, setSize, setState } from './ring-messages.ts';
import { setEvents } from './vectors.ts';

/** VFIO_DEVICE_RESET (docs/VHOST-MDEV.md, strict): what it stops and forgets, and what it leaves. */

const transports = ['vhost-mdev'] as const;
const rounds = 8;
const configSpace = 7;

export const succeeds = defineCase({
  id: 'vhost-mdev/reset/reset-succeeds-at-any-time',
  title: 'VFIO_DEVICE_RESET returns 0: of a fresh device, with rings set up, running, under load, and again',
  proves: { 'vm-life/reset-succeeds': 'mdev-reset-busy-while-running' },
  applies: { start: 'negotiated', transports, ring: 'split' },
  run({ session, guest, driver, ring, requirement }) {
    const check = requirement('vm-life/reset-succeeds');
    const { vfio } = session;
    check.equal(vfio.reset(), 0, 'reset of a device that was told features');
    setSize(session, 0, 16);
    setBase(session, 0, 7);
    check.equal(vfio.reset(), 0, 'reset of a device that was told of a ring');
    check.equal(vfio.reset(), 0, 'reset again');
    setState(session, 1);
    check.equal(vfio.reset(), 0, 'reset of a device that runs without rings');
    setUpAgain(session, guest);
    const queue = driver.attach(ring({ size: 16 }));
    driver.warmUp(queue);
    check.equal(vfio.reset(), 0, 'reset of a device whose rings run');
    setUpAgain(session, guest);
    const loaded = driver.attach(ring({ size: 16 }));
    loaded.makeAvailable([1, 2, 3].map((seed) => driver.request({ seed }).segments));
    loaded.kick();
    check.equal(vfio.reset(), 0, 'reset of a device under load');
  },
});

export const stops = defineCase({
  id: 'vhost-mdev/reset/reset-stops-the-device',
  title: 'after a reset no byte of rings and buffers changes, with any notification, and rings can be set up',
  proves: { 'vm-life/reset-stops-device': ['mdev-reset-does-nothing', 'mdev-reset-leaves-rings-running'] },
  applies: { start: 'negotiated', transports },
  run({ session, guest, port, driver, ring, requirement }) {
    const check = requirement('vm-life/reset-stops-device');
    const bytes = Math.min(0x4000, driver.largestRequest);
    const queue = driver.attach(ring({ size: 64 }));
    driver.warmUp(queue);
    const requests = [1, 2, 3, 4, 5, 6].map((seed) => driver.request({ seed, bytes }).segments);
    const more = [7, 8].map((seed) => driver.request({ seed }).segments);
    queue.makeAvailable(requests);
    queue.kick();
    session.vfio.reset();
    queue.makeAvailable(more);
    const before = snapshot(guest);
    ringDoorbell(session, queue.index);
    rest(port);
    check.equal(setSize(session, queue.index, 16), 'taken', 'a size, as of a device that is stopped');
    check.unchanged(before.guest, changes(before), 'memory after the reset');
  },
});

export const forgetsRings = defineCase({
  id: 'vhost-mdev/reset/rings-are-forgotten',
  title: 'after a reset the bases of all rings are 0, and a start serves none of the rings of before',
  proves: { 'vm-life/reset-forgets-rings': 'mdev-reset-keeps-rings' },
  applies: { start: 'negotiated', transports, ring: 'split' },
  run({ session, guest, port, driver, ring, requirement }) {
    const check = requirement('vm-life/reset-forgets-rings');
    const queue = driver.attach(ring({ size: 16 }));
    for (const seed of [1, 2]) driver.warmUp(queue, { seed });
    session.vfio.reset();
    for (let index = 0; index < ringCount(session); index++) {
      check.equal(getBase(session, index), 0, `base of ring ${index} after the reset`);
    }
    if (session.places.memory === 'table') session.shareMemory(guest);
    queue.makeAvailable([driver.request({ seed: 3 }).segments]);
    const before = snapshot(guest);
    setState(session, 1);
    ringDoorbell(session, queue.index);
    rest(port);
    setState(session, 0);
    check.unchanged(before.guest, changes(before), 'memory while it ran after the reset');
  },
});

export const forgetsFeatures = defineCase({
  id: 'vhost-mdev/reset/features-are-taken-back',
  title: 'EVENT_IDX that was accepted before a reset does not hold after it: NO_INTERRUPT keeps the vector silent',
  proves: { 'vm-life/reset-forgets-features': 'mdev-reset-keeps-features' },
  applies: { start: 'negotiated', transports, devices: ['block'], negotiate: ['VIRTIO_F_EVENT_IDX'], ring: 'split' },
  run({ session, guest, port, driver, ring, requirement }) {
    const check = requirement('vm-life/reset-forgets-features');
    session.vfio.reset();
    if (session.places.memory === 'table') session.shareMemory(guest);
    const manual = new ManualRing(session, { port, driver, ring });
    const event = new CountedEvent(port);
    setEvents(session, driver.queueIndex, [event]);
    manual.ring.setAvailFlags(1);
    manual.ring.setUsedEvent(0);
    // A device may want features before it runs, or before it serves: then there is nothing to see here.
    const isServed = setState(session, 1) === 'taken' && manual.serves(1, port.deadlineMs / 10);
    setState(session, 0);
    const seen = isServed ? `served with ${event.take()} signals` : 'not served';
    check.oneOf(seen, ['served with 0 signals', 'not served'], 'a request with NO_INTERRUPT set and used_event 0');
  },
});

export const forgetsAnswer = defineCase({
  id: 'vhost-mdev/reset/answer-is-forgotten',
  title: 'an answer that was not read before a reset does not wait after it',
  proves: { 'vm-life/reset-forgets-answer': 'mdev-reset-keeps-answer' },
  applies: { start: 'connected', transports, ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vm-life/reset-forgets-answer');
    session.channel.send(encodeMdevMessage('VHOST_GET_FEATURES', new Uint8Array()));
    session.vfio.reset();
    const answer = session.channel.receive(24);
    check.equal(typeof answer === 'number' ? answer : answer.length, 0, 'what a read returns after the reset');
  },
});

export const keepsEvents = defineCase({
  id: 'vhost-mdev/reset/event-descriptors-stay',
  title: 'an event descriptor that was set before a reset is signalled for what is served after it',
  proves: { 'vm-life/reset-keeps-event-descriptors': 'mdev-reset-drops-descriptors' },
  applies: { start: 'negotiated', transports },
  run({ session, guest, port, driver, ring, requirement }) {
    const check = requirement('vm-life/reset-keeps-event-descriptors');
    const event = new CountedEvent(port);
    setEvents(session, driver.queueIndex, [event]);
    session.vfio.reset();
    setUpAgain(session, guest);
    const manual = new ManualRing(session, { port, driver, ring });
    setState(session, 1);
    if (!check.equal(manual.serves(1), true, 'a request after the reset is served')) return;
    check.holds(event.wait() > 0, 'signals for it', { expected: 'at least 1', actual: '0' });
  },
});

export const keepsMappings = defineCase({
  id: 'vhost-mdev/reset/mappings-of-the-container-stay',
  title: 'after a reset rings and buffers lie in memory that was mapped before it',
  proves: { 'vm-life/reset-keeps-mappings': 'mdev-reset-drops-mappings' },
  applies: { start: 'negotiated', transports, needs: ['layout-l2'] },
  run({ session, guest, port, driver, ring, requirement }) {
    const check = requirement('vm-life/reset-keeps-mappings');
    session.vfio.reset();
    setUpAgain(session, guest);
    const manual = new ManualRing(session, { port, driver, ring });
    check.equal(setState(session, 1), 'taken', 'a start with rings in memory that was mapped before the reset');
    check.equal(manual.serves(1), true, 'a request in it is served');
  },
});

export const keepsData = defineCase({
  id: 'vhost-mdev/reset/stored-data-stay',
  title: 'what was written to a block device before a reset is read after it',
  proves: { 'vm-life/reset-keeps-stored-data': 'mdev-reset-wipes-disk' },
  applies: { start: 'negotiated', transports, devices: ['block'] },
  run({ session, guest, driver, ring, requirement }) {
    const check = requirement('vm-life/reset-keeps-stored-data');
    const data = pattern(0x1000, 41);
    const place = { sector: 16 };
    const queue = driver.attach(ring({ size: 16 }));
    queue.makeAvailable([driver.block.write(data, place).segments]);
    queue.kickAndWaitForUsed(1);
    session.vfio.reset();
    setUpAgain(session, guest);
    const again = driver.attach(ring({ size: 16 }));
    const read = driver.block.read({ ...place, expected: data });
    again.makeAvailable([read.segments]);
    again.kickAndWaitForUsed(1);
    check.equal(read.problem(), undefined, 'what is read after the reset');
  },
});

export const worksAfterwards = defineCase({
  id: 'vhost-mdev/reset/device-works-after-reset-under-load',
  title: 'a device that is reset with requests in flight is set up again and serves, again and again',
  proves: { 'vm-life/device-works-after-reset': ['mdev-reset-under-load-crashes', 'mdev-sixth-reset-hangs'] },
  applies: { start: 'negotiated', transports },
  run({ session, guest, port, driver, ring, requirement }) {
    const check = requirement('vm-life/device-works-after-reset');
    const bytes = Math.min(0x4000, driver.largestRequest);
    const requests = [1, 2, 3, 4, 5, 6].map((seed) => driver.request({ seed, bytes }).segments);
    for (let round = 1; round <= rounds; round++) {
      const loaded = driver.attach(ring({ size: 32 }));
      loaded.makeAvailable(requests);
      loaded.kick();
      session.vfio.reset();
      setUpAgain(session, guest);
      const queue = driver.attach(ring({ size: 16 }));
      if (!serves({ port, driver }, check, queue, `a request after reset ${round}`, { seed: round })) return;
    }
  },
});

const configBytes = ({ vfio }: VhostMdevSession): Uint8Array => {
  const bytes = new Uint8Array(256);
  const length = vfio.read(configSpace, 0, bytes);
  return bytes.subarray(0, Math.max(0, length));
};

export const restoresConfigSpace = defineCase({
  id: 'vhost-mdev/reset/configuration-space-is-restored',
  title:
    'command, BARs and interrupt line in configuration space of layout L1 are after a reset what they were at first',
  proves: { 'vm-life/l1-reset-restores-config-space': 'mdev-reset-keeps-config-space' },
  applies: { start: 'connected', transports, needs: ['layout-l1'], ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vm-life/l1-reset-restores-config-space');
    const before = configBytes(session);
    check.equal(before.length, 256, 'bytes of configuration space');
    session.vfio.write(configSpace, 0x04, Uint8Array.of(0x06, 0));
    session.vfio.write(configSpace, 0x10, new Uint8Array(12).fill(0xff));
    session.vfio.write(configSpace, 0x3c, Uint8Array.of(11));
    session.vfio.reset();
    check.bytesEqual(configBytes(session), before, 'configuration space after the reset');
  },
});
