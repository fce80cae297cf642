import type { DriverPort, GuestSplitRing, Queue, VhostVdpaSession } from '../../drivers/port/port.ts';
import { seenWithinMs } from '../../judging/deadline.ts';
import { defineCase } from '../case.ts';
import type { Check } from '../check.ts';
import { takes } from '../vhost-kernel/refusal.ts';
import { DEVICE_NEEDS_RESET } from '../virtio/status/status-bits.ts';

/**
 * The call of configuration. What a device may be brought to without help from outside is that it needs a reset, which
 * it has to notify as a change of configuration (virtio 2.1.2).
 */

const applies = { start: 'negotiated', transports: ['vhost-vdpa'], ring: 'split' } as const;

interface Broken {
  /** Whether the device shows DEVICE_NEEDS_RESET. */
  readonly needsReset: boolean;
}

/** Shows the device a head that is none, on a ring that works, and looks whether it gives up. */
function broken(port: DriverPort, { calls }: VhostVdpaSession, queue: Queue<GuestSplitRing>): Broken {
  const { ring, driver } = queue;
  driver.addHead(ring.size + 5);
  driver.publish();
  queue.kick();
  const needsReset = (): boolean => (calls.status() & DEVICE_NEEDS_RESET) !== 0;
  port.until(() => needsReset() || queue.errors() > 0, seenWithinMs(port));
  return { needsReset: needsReset() };
}

/** Signals of an event that is waited for. */
function signalsOf(port: DriverPort, event: number): number {
  let signals = 0;
  port.until(() => {
    signals += port.descriptors.read(event);
    return signals > 0;
  }, port.deadlineMs);
  return signals;
}

const noReset = (check: Check): void =>
  check.inconclusive('a head out of range does not have the device show DEVICE_NEEDS_RESET');

export const needsResetIsNotified = defineCase({
  id: 'vhost-vdpa/config/needs-reset-comes-with-a-call',
  title: 'a device that shows DEVICE_NEEDS_RESET while it runs signals the call of configuration',
  proves: { 'status/needs-reset-is-notified': 'vdpa-needs-reset-is-silent' },
  applies,
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('status/needs-reset-is-notified');
    const { descriptors } = port;
    const event = descriptors.eventfd();
    check.presumes(session.calls.setConfigCall(event) >= 0, 'the call of configuration is taken');
    const queue = driver.attach(ring({ size: 16 }));
    driver.warmUp(queue);
    descriptors.read(event);
    if (!broken(port, session, queue).needsReset) {
      noReset(check);
      return;
    }
    check.atLeast(signalsOf(port, event), 1, 'signals of the call of configuration once DEVICE_NEEDS_RESET is shown');
  },
});

export const callIsDropped = defineCase({
  id: 'vhost-vdpa/close/call-of-configuration-is-dropped',
  title: 'an event for the call of configuration is not signalled for what the next user has the device do',
  proves: { 'vk-close/close-resets-and-unmaps': 'vdpa-events-outlive-close' },
  applies,
  run({ session, port, connect, driverOf, ring, requirement }) {
    const check = requirement('vk-close/close-resets-and-unmaps');
    const { descriptors } = port;
    const event = descriptors.eventfd();
    check.presumes(session.calls.setConfigCall(event) >= 0, 'the call of configuration is taken');
    session.close();
    const next = connect('negotiated');
    const driver = driverOf(next);
    const queue = driver.attach(ring({ size: 16 }));
    driver.warmUp(queue);
    descriptors.read(event);
    if (!broken(port, next, queue).needsReset) {
      noReset(check);
      return;
    }
    check.equal(descriptors.read(event), 0, 'signals of the event of the user before');
  },
});

export const callIsReplaced = defineCase({
  id: 'vhost-vdpa/config/call-goes-to-the-last-event',
  title: 'of two events for the call of configuration the last one is signalled alone',
  proves: { 'vk-config/last-call-event-counts': 'vdpa-first-config-call-stays' },
  applies,
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vk-config/last-call-event-counts');
    const { descriptors } = port;
    const { calls } = session;
    const [first, last] = [descriptors.eventfd(), descriptors.eventfd()];
    for (const event of [first, last]) {
      if (!takes(check, calls.setConfigCall(event), 'SET_CONFIG_CALL')) return;
    }
    const queue = driver.attach(ring({ size: 16 }));
    driver.warmUp(queue);
    for (const event of [first, last]) descriptors.read(event);
    if (!broken(port, session, queue).needsReset) {
      noReset(check);
      return;
    }
    const ofLast = signalsOf(port, last);
    const ofFirst = descriptors.read(first);
    if (ofLast + ofFirst === 0) {
      check.inconclusive('DEVICE_NEEDS_RESET comes without any call of configuration');
      return;
    }
    check.atLeast(ofLast, 1, 'signals of the event that was set last');
    check.equal(ofFirst, 0, 'signals of the event before it');
  },
});
