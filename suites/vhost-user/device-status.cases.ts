import type { Attachment, DriverPort, VhostUserSession } from '../../drivers/port/port.ts';
import type { Segment } from '../../reference-impl/virtqueue/segment.ts';
import { defineCase } from '../case.ts';
import type { Check } from '../check.ts';
import { wordOf } from './words.ts';

/** What rings do as the device status has it (virtio 2.1, 2.4, 3.1). */

const live = 1n | 2n | 8n;
const DRIVER_OK = 4n;
const DEVICE_NEEDS_RESET = 0x40n;

const applies = {
  start: 'negotiated',
  transports: ['vhost-user'],
  negotiate: ['VHOST_USER_PROTOCOL_F_STATUS'],
} as const;

/** Time in which a device that works on a ring although it must not gives itself away, in milliseconds. */
const givesItselfAwayWithinMs = 20;

function setStatus(session: VhostUserSession, check: Check, status: bigint): void {
  session.messages.send({ request: 'VHOST_USER_SET_STATUS', payload: { u64: status } });
  check.reply(session.messages.fence(), `GET_FEATURES behind status ${status}`);
}

/** Kicks, and sees that no chain is used and no call comes. */
function staysQuiet(
  port: DriverPort<VhostUserSession>,
  session: VhostUserSession,
  queue: Attachment,
  check: Check,
  chain: readonly Segment[],
  when: string,
): boolean {
  // A device that polls may be done with the chain before it is kicked.
  const before = queue.ring.usedIdx();
  queue.drainCalls();
  queue.makeAvailable([chain]);
  queue.kick();
  port.until(() => queue.ring.usedIdx() !== before || queue.calls() > 0, givesItselfAwayWithinMs);
  check.reply(session.messages.fence(), 'GET_FEATURES behind the kick');
  const isQuiet = check.equal(queue.ring.usedIdx(), before, `used idx ${when}`);
  return check.equal(queue.calls(), 0, `calls ${when}`) && isQuiet;
}

export const beforeDriverOk = defineCase({
  id: 'vhost-user/device-status/no-buffers-before-driver-ok',
  title: 'no buffer is used and no call comes before DRIVER_OK, and what waits is served afterwards',
  proves: { 'status/no-buffers-before-driver-ok': 'buffers-used-before-driver-ok' },
  applies,
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('status/no-buffers-before-driver-ok');
    setStatus(session, check, live);
    const queue = driver.attach(ring({ size: 16 }));
    const request = driver.request();
    if (!staysQuiet(port, session, queue, check, request.segments, 'before DRIVER_OK')) return;
    setStatus(session, check, live | DRIVER_OK);
    queue.kickAndWaitForUsed(1);
    check.equal(request.problem(), undefined, 'what is wrong with the request after DRIVER_OK');
  },
});

export const afterReset = defineCase({
  id: 'vhost-user/device-status/quiet-after-reset',
  title: 'after status 0 no buffer is used and no call comes',
  proves: { 'reset/quiet-after-reset': 'rings-served-after-reset' },
  applies,
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('reset/quiet-after-reset');
    setStatus(session, check, live);
    const queue = driver.attach(ring({ size: 16 }));
    setStatus(session, check, live | DRIVER_OK);
    check.equal(driver.once(queue), undefined, 'what is wrong with a request before the reset');
    setStatus(session, check, 0n);
    staysQuiet(port, session, queue, check, driver.request({ seed: 2 }).segments, 'after the reset');
  },
});

export const ringsForgotten = defineCase({
  id: 'vhost-user/device-status/rings-are-set-up-anew-after-status-zero',
  title: 'a ring that ran before status 0 stays stopped when the device is brought up again, until it is set up anew',
  proves: { 'vu-status/status-zero-resets': 'status-zero-resets-nothing' },
  applies,
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-status/status-zero-resets');
    setStatus(session, check, live);
    const queue = driver.attach(ring({ size: 16 }));
    setStatus(session, check, live | DRIVER_OK);
    check.equal(driver.once(queue), undefined, 'what is wrong with a request before the reset');
    setStatus(session, check, 0n);
    const u64 = session.negotiated.accepted.device;
    session.messages.send({ request: 'VHOST_USER_SET_FEATURES', payload: { u64 } });
    setStatus(session, check, live | DRIVER_OK);
    const { segments } = driver.request({ seed: 2 });
    staysQuiet(port, session, queue, check, segments, 'of a ring that was not set up again');
  },
});

export const needsReset = defineCase({
  id: 'vhost-user/device-status/broken-device-says-that-it-needs-reset',
  title: 'a ring that is not served any more after a head out of range shows as DEVICE_NEEDS_RESET',
  proves: { 'status/unrecoverable-error-raises-needs-reset': 'needs-reset-never-raised' },
  applies,
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('status/unrecoverable-error-raises-needs-reset');
    setStatus(session, check, live);
    const queue = driver.attach(ring({ size: 16 }));
    setStatus(session, check, live | DRIVER_OK);
    check.equal(driver.once(queue), undefined, 'what is wrong with a request before the ring is broken');
    queue.driver.addHead(queue.ring.size + 5);
    queue.makeAvailable([driver.request({ seed: 2 }).segments]);
    const before = queue.ring.usedIdx();
    queue.kick();
    // One that goes on with the chain behind the broken one has recovered: there is nothing to tell then.
    const recovered = (): boolean => queue.ring.usedIdx() !== before;
    port.until(() => recovered() || queue.errors() > 0, givesItselfAwayWithinMs);
    const answer = check.reply(session.messages.exchange({ request: 'VHOST_USER_GET_STATUS' }), 'GET_STATUS');
    const says = (wordOf(answer) & DEVICE_NEEDS_RESET) !== 0n;
    check.oneOf(
      recovered() ? 'went on with the ring' : says ? 'DEVICE_NEEDS_RESET' : 'stopped without a word',
      ['went on with the ring', 'DEVICE_NEEDS_RESET'],
      'what became of the device',
    );
  },
});
