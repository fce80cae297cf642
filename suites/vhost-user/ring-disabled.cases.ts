import type { DriverPort } from '../../drivers/port/port.ts';
import { defineCase } from '../case.ts';
import type { Check } from '../check.ts';
import { presupposed, servedBeside } from '../premise.ts';
import { waited } from './ring-by-hand.ts';

/** Rings that are started and disabled (vhost-user, "Ring states"). */

const transports = ['vhost-user'] as const;
const offers = ['VHOST_USER_F_PROTOCOL_FEATURES'] as const;

/** Without one that arrives while all is enabled, none that does not arrive says anything. */
function frameBefore(port: DriverPort, check: Check, roundTrip: () => unknown): void {
  presupposed(port, check, 'a frame comes back before a ring is disabled', () => {
    roundTrip();
    return undefined;
  });
}

export const noSideEffects = defineCase({
  id: 'vhost-user/ring-disabled/disabled-ring-has-no-side-effects',
  title: 'a write request on a ring that was disabled does not reach the disk',
  proves: { 'vu-ring-state/disabled-ring-has-no-side-effects': 'disabled-ring-served' },
  applies: { start: 'negotiated', transports, offers, devices: ['block'] },
  run({ session, driver, ring, requirement }) {
    const check = requirement('vu-ring-state/disabled-ring-has-no-side-effects');
    const before = new Uint8Array(512).fill(0x22);
    const queue = driver.attach(ring({ size: 16 }));
    const control = driver.attach(ring({ size: 16 }), { index: 1 });
    queue.makeAvailable([driver.block.write(before).segments]);
    queue.kickAndWaitForUsed(1);
    const disabled = queue.setEnabled(false);
    if (!check.accepted(disabled, 'SET_VRING_ENABLE 0')) return;
    queue.makeAvailable([driver.block.write(new Uint8Array(512).fill(0x6b)).segments]);
    queue.kick();
    check.reply(session.messages.fence(), 'GET_FEATURES');
    const seen = driver.block.read({ bytes: 512 });
    control.makeAvailable([seen.segments]);
    servedBeside(control, () => control.kickAndWaitForUsed(1));
    check.bytesEqual(seen.data(), before, 'the sector after a write on the disabled ring');
  },
});

export const kickedWhileDisabled = defineCase({
  id: 'vhost-user/ring-disabled/kick-while-disabled-counts-once-enabled',
  title: 'a chain that was kicked while its ring was disabled is used once the ring is enabled, without another kick',
  proves: { 'vu-ring-state/enabled-ring-handles-every-request': 'kick-while-disabled-forgotten' },
  applies: { start: 'negotiated', transports, offers, devices: ['block', 'entropy'] },
  variants: { toggles: [1, 3] },
  run({ port, session, driver, ring, variant, requirement }) {
    const check = requirement('vu-ring-state/enabled-ring-handles-every-request');
    const queue = driver.attach(ring({ size: 16 }));
    check.equal(driver.once(queue, { seed: 1 }), undefined, 'what is wrong with a request on the enabled ring');
    for (let toggle = 1; toggle <= variant.toggles; toggle++) {
      if (!check.accepted(queue.setEnabled(false), 'SET_VRING_ENABLE 0')) return;
      queue.makeAvailable([driver.request({ seed: toggle }).segments]);
      queue.kick();
      check.reply(session.messages.fence(), 'GET_FEATURES');
      if (!check.accepted(queue.setEnabled(true), 'SET_VRING_ENABLE 1')) return;
      const what = `a chain that was kicked while the ring was disabled, time ${toggle}`;
      if (!waited(port, check, what, 'a used element', () => queue.usedCount() === toggle + 1)) return;
      queue.waitForUsed(1);
    }
  },
});

export const receiveNothing = defineCase({
  id: 'vhost-user/ring-disabled/disabled-receive-ring-delivers-nothing',
  title: 'no frame is delivered into a receive ring that is disabled, and frames are again once it is enabled',
  proves: { 'vu-ring-state/disabled-receive-ring-delivers-nothing': 'disabled-receive-ring-delivers' },
  applies: { start: 'negotiated', transports, offers, devices: ['net'] },
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-ring-state/disabled-receive-ring-delivers-nothing');
    const { net } = driver;
    const transmit = driver.attach(ring({ size: 16 }));
    const receive = driver.companion(net.facts.receiveIndex);
    frameBefore(port, check, () => net.roundTrip(transmit, receive, net.frame(60, 1)));
    if (!check.accepted(receive.setEnabled(false), 'SET_VRING_ENABLE 0')) return;
    const arrived = receive.usedCount();
    const { request } = net.receiveBuffer();
    receive.makeAvailable([request.segments]);
    receive.kick();
    // The second frame is taken only after the first one was dealt with.
    for (const seed of [2, 3, 4]) {
      transmit.makeAvailable([net.transmit({ seed }).segments]);
      transmit.kickAndWaitForUsed(1);
    }
    check.reply(session.messages.fence(), 'GET_FEATURES');
    check.equal(receive.usedCount() - arrived, 0, 'frames on the disabled receive ring, of 3 more');
    if (!check.accepted(receive.setEnabled(true), 'SET_VRING_ENABLE 1')) return;
    // One may be lost on its way.
    for (let frames = 0; frames < 3 && receive.usedCount() === arrived; frames++) {
      transmit.makeAvailable([net.transmit({ seed: 5 + frames }).segments]);
      transmit.kickAndWaitForUsed(1);
      port.until(() => receive.usedCount() > arrived, port.deadlineMs);
    }
    check.atLeast(receive.usedCount() - arrived, 1, 'frames once the ring is enabled again');
  },
});

export const transmitDiscards = defineCase({
  id: 'vhost-user/ring-disabled/disabled-transmit-ring-discards-frames',
  title: 'buffers of a disabled transmit ring are used and their frames dropped',
  proves: {
    'vu-ring-state/disabled-transmit-ring-discards-packets': [
      'disabled-transmit-ring-sends',
      'disabled-transmit-ring-left-alone',
    ],
  },
  applies: { start: 'negotiated', transports, offers, devices: ['net'] },
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-ring-state/disabled-transmit-ring-discards-packets');
    const { net } = driver;
    const transmit = driver.attach(ring({ size: 16 }));
    const receive = driver.companion(net.facts.receiveIndex);
    frameBefore(port, check, () => net.roundTrip(transmit, receive, net.frame(60, 1)));
    if (!check.accepted(transmit.setEnabled(false), 'SET_VRING_ENABLE 0')) return;
    const arrived = receive.usedCount();
    const sent = transmit.usedCount();
    receive.makeAvailable([2, 3, 4].map(() => net.receiveBuffer().request.segments));
    receive.kick();
    transmit.makeAvailable([2, 3, 4].map((seed) => net.transmit({ seed }).segments));
    transmit.kick();
    if (!waited(port, check, 'frames on a disabled ring', '3 used elements', () => transmit.usedCount() - sent === 3))
      return;
    check.reply(session.messages.fence(), 'GET_FEATURES');
    check.equal(receive.usedCount() - arrived, 0, 'frames on the receive ring');
  },
});
