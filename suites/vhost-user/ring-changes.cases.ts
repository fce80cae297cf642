import { guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import { defineCase } from '../case.ts';
import { stoppedAt } from '../ring-positions.ts';
import { severalRings } from '../several-rings.ts';
import { tableOf } from './memory-table.ts';
import { stillServes } from './refusal.ts';
import { RingByHand, waited } from './ring-by-hand.ts';
import { getBase, setDescriptor, setEnable } from './ring-messages.ts';

/** What changes while rings run, and what one ring has to do with another. */

const transports = ['vhost-user'] as const;
/** Enough for a device of two threads that run at once to be met between its steps. */
const tableChanges = 12;

export const kickReplaced = defineCase({
  id: 'vhost-user/ring-changes/kick-descriptor-changes-while-the-ring-runs',
  title: 'after a new SET_VRING_KICK on a running ring kicks on the new descriptor are served',
  proves: { 'vu-ring-state/settings-change-while-ring-runs': 'replaced-kick-descriptor-kept' },
  applies: { start: 'negotiated', transports },
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-ring-state/settings-change-while-ring-runs');
    const queue = driver.attach(ring({ size: 16 }));
    driver.warmUp(queue, { seed: 1 });
    const next = port.descriptors.eventfd();
    session.messages.send(setDescriptor('KICK', queue.index, next));
    check.reply(session.messages.fence(), 'GET_FEATURES');
    for (const used of [2, 3]) {
      queue.makeAvailable([driver.request({ seed: used }).segments]);
      port.descriptors.signal(next);
      if (!waited(port, check, 'a kick on the new descriptor', 'a used element', () => queue.usedCount() === used))
        return;
      queue.waitForUsed(1);
    }
  },
});

export const callChanges = defineCase({
  id: 'vhost-user/ring-changes/call-descriptor-changes-while-the-ring-runs',
  title: 'requests are used and called for over many changes of the call descriptor of a running ring',
  proves: { 'vu-ring-state/settings-change-while-ring-runs': 'call-fixed-while-ring-runs' },
  applies: { start: 'negotiated', transports },
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-ring-state/settings-change-while-ring-runs');
    const queue = driver.attach(ring({ size: 16 }));
    driver.warmUp(queue);
    for (let round = 1; round <= 5; round++) {
      const fd = port.descriptors.eventfd();
      session.messages.send(setDescriptor('CALL', queue.index, fd));
      check.reply(session.messages.fence(), 'GET_FEATURES');
      // Some signal each new descriptor at once.
      port.descriptors.read(fd);
      check.equal(driver.once(queue, { seed: round }), undefined, `what is wrong with request ${round}`);
      if (!waited(port, check, `call ${round}`, 'a signal', () => port.descriptors.read(fd) > 0)) return;
    }
  },
});

export const memoryChanges = defineCase({
  id: 'vhost-user/ring-changes/memory-table-changes-while-the-ring-runs',
  title: 'memory tables with more regions take effect while the ring runs in memory that all of them have',
  proves: { 'vu-ring-state/settings-change-while-ring-runs': 'memory-fixed-while-ring-runs' },
  applies: { start: 'negotiated', transports, shareMemory: false },
  run({ port, session, driverOf, ring, requirement }) {
    const check = requirement('vu-ring-state/settings-change-while-ring-runs');
    const first = port.createGuest(guestLayouts['single-region']);
    const above = port.createGuest(guestLayouts['adjacent-regions']);
    const second = port.createGuest(guestLayouts['below-and-above-4gib']);
    const driver = driverOf(session, first);
    check.granted(session.messages.acknowledged(tableOf(port, first)), 'the first table');
    const queue = driver.attach(ring({ guest: first, size: 16 }));
    const earlier = driver.writes(queue);
    const written = (seed: number): void => {
      earlier.ask({ seed });
      earlier.written.waitForUsed(1);
      if (earlier.written !== queue) queue.waitForUsed(1);
      check.equal(earlier.problem, undefined, 'what is wrong with a buffer in memory that all tables have');
    };
    written(3);
    // A device that looks at the ring while it takes a table meets its own race in one of these, and not by chance.
    for (let change = 1; change <= tableChanges; change++) {
      const table = change % 2 === 1 ? tableOf(port, first, above) : tableOf(port, first);
      check.accepted(session.messages.acknowledged(table), `change ${change} of the table`);
      written(3 + change);
    }
    check.accepted(session.messages.acknowledged(tableOf(port, first, second)), 'the last table');
    const buffers = driverOf(session, second);
    const writes = driver.writes(queue, buffers);
    for (const seed of [1, 2]) {
      writes.ask({ seed });
      writes.written.waitForUsed(1);
      check.equal(writes.problem, undefined, `what is wrong with buffer ${seed} in a region of the last table`);
    }
  },
});

export const othersRun = defineCase({
  id: 'vhost-user/ring-changes/stopping-one-ring-leaves-others-running',
  title: 'requests on a ring are served while another one stops, and after it',
  proves: { 'vu-ring-state/stopping-one-ring-leaves-others-running': 'stopping-one-ring-stops-all' },
  applies: { start: 'negotiated', transports, when: [severalRings] },
  run({ driver, ring, requirement }) {
    const check = requirement('vu-ring-state/stopping-one-ring-leaves-others-running');
    const queue = driver.attach(ring({ size: 16 }));
    const other = driver.companion(driver.queueIndex === 0 ? 1 : 0);
    driver.warmUp(queue);
    if (stoppedAt(check, other.stop(), 'GET_VRING_BASE of the other ring') === undefined) return;
    for (const seed of [2, 3]) {
      check.equal(driver.once(queue, { seed }), undefined, 'what is wrong with a request once the other stopped');
    }
  },
});

export const otherEnableValues = defineCase({
  id: 'vhost-user/ring-changes/other-values-of-enable-are-survived',
  title: 'SET_VRING_ENABLE with a value other than 0 and 1 is refused or survived',
  proves: { 'vu-ring-state/other-enable-value-refused': 'other-enable-value-crashes' },
  applies: { start: 'closed', transports, negotiate: ['VHOST_USER_PROTOCOL_F_REPLY_ACK'] },
  run({ port, connect, driverOf, ring, points, requirement }) {
    const check = requirement('vu-ring-state/other-enable-value-refused');
    const all = [2, 3, 0xff, 0x100, 0x8000_0000, 0xffff_ffff].map((num) => ({ key: `num=${num}`, num }));
    points(all, ({ key, num }) => {
      const session = connect('negotiated');
      const driver = driverOf(session);
      const queue = driver.attach(ring({ size: 16 }));
      driver.warmUp(queue);
      const answer = session.messages.acknowledged(setEnable(queue.index, num));
      if (answer.kind === 'died' || answer.kind === 'silent') check.failsBy(answer, key, 'an answer');
      stillServes(port, session, check, `service after SET_VRING_ENABLE with ${key}`);
      session.close();
    });
  },
});

export const startUntold = defineCase({
  id: 'vhost-user/ring-changes/start-of-a-ring-that-is-not-told-of-is-survived',
  title: 'SET_VRING_KICK and a kick for a ring of which size, addresses or memory are missing do no harm',
  proves: { 'vu-ring-state/start-without-addresses-survived': 'start-without-addresses-crashes' },
  applies: { start: 'closed', transports, shareMemory: false, negotiate: ['VHOST_USER_PROTOCOL_F_REPLY_ACK'] },
  run({ port, connect, guest, driverOf, ring, points, requirement }) {
    const check = requirement('vu-ring-state/start-without-addresses-survived');
    const all = ['nothing', 'size', 'addresses', 'all but memory', 'size and memory', 'addresses and memory'].map(
      (told) => ({ key: told, told }),
    );
    points(all, ({ key, told }) => {
      const session = connect('negotiated');
      const driver = driverOf(session);
      if (told.endsWith('and memory')) session.messages.send(tableOf(port, guest));
      const hand = new RingByHand(port, session, ring({ size: 16 }), { index: driver.queueIndex });
      hand.makeAvailable(driver.request().segments);
      if (told.startsWith('size') || told.startsWith('all')) hand.tell('num');
      if (told.startsWith('addresses') || told.startsWith('all')) hand.tell('addresses');
      const answer = session.messages.acknowledged(setDescriptor('KICK', hand.index, hand.kickFd));
      if (answer.kind === 'died' || answer.kind === 'silent') check.failsBy(answer, key, 'an answer');
      if (session.isOpen) hand.tell('call', 'enable');
      hand.kick();
      if (session.isOpen) session.messages.fence();
      if (session.isOpen) getBase(session, hand.index);
      stillServes(port, session, check, `service after the start of a ring with ${key} told`);
      session.close();
    });
  },
});

export const inBandKick = defineCase({
  id: 'vhost-user/ring-changes/in-band-kick-starts-the-ring',
  title: 'with in-band notifications VRING_KICK starts a ring, and later ones have its chains served',
  proves: { 'vu-ring-state/ring-starts-with-inband-kick': 'inband-kick-does-not-start-ring' },
  applies: {
    start: 'negotiated',
    transports,
    negotiate: [
      'VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS',
      'VHOST_USER_PROTOCOL_F_BACKEND_REQ',
      'VHOST_USER_PROTOCOL_F_REPLY_ACK',
    ],
  },
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-ring-state/ring-starts-with-inband-kick');
    check.accepted(session.messages.openBackEndChannel({ kind: 'serve' }), 'the back-end channel');
    driver.companions();
    const hand = new RingByHand(port, session, ring({ size: 16 }), { index: driver.queueIndex });
    hand.tell('num', 'base', 'addresses', 'enable');
    for (const seed of [1, 2]) {
      hand.makeAvailable(driver.request({ seed }).segments);
      const kick = { request: 'VHOST_USER_VRING_KICK', payload: { index: hand.index, num: 0 } };
      if (!check.accepted(session.messages.acknowledged(kick), `VRING_KICK ${seed}`)) return;
      if (hand.waitForUsed(check, 1, `chain ${seed} after a kick in band`) === undefined) return;
    }
  },
});
