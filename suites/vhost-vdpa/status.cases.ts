import { seenWithinMs } from '../../judging/deadline.ts';
import { defineCase } from '../case.ts';
import { refusesCall } from '../vhost-kernel/refusal.ts';
import { ACKNOWLEDGE, DRIVER, DRIVER_OK, live } from '../virtio/status/status-bits.ts';

/** Feature words and the device status. */

const transports = ['vhost-vdpa'] as const;

export const featuresFixed = defineCase({
  id: 'vhost-vdpa/features/fixed-behind-features-ok',
  title: 'SET_FEATURES fails with EBUSY once FEATURES_OK is set',
  proves: { 'vk-features/features-fixed-after-features-ok': 'vdpa-features-change-behind-features-ok' },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const check = context.requirement('vk-features/features-fixed-after-features-ok');
    let word = 0n;
    refusesCall(context, check, {
      what: 'SET_FEATURES behind FEATURES_OK, with the same word',
      start: 'negotiated',
      flawed: ({ calls, negotiated }) => {
        word = negotiated.accepted.device;
        return calls.setFeatures(word);
      },
      control: ({ calls }) => {
        calls.setStatus(0);
        calls.setStatus(ACKNOWLEDGE | DRIVER);
        return calls.setFeatures(word);
      },
      controlName: 'SET_FEATURES behind a reset',
      errors: ['EBUSY'],
    });
  },
});

export const bitsStay = defineCase({
  id: 'vhost-vdpa/status/bits-are-not-taken-back',
  title: 'a status without a bit that is set fails with EINVAL and changes nothing',
  proves: { 'vk-status/status-bit-removal-refused': 'vdpa-status-bits-are-taken-back' },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const check = context.requirement('vk-status/status-bit-removal-refused');
    const points = [ACKNOWLEDGE, DRIVER, live & ~ACKNOWLEDGE].map((status) => ({ key: `status ${status}`, status }));
    context.points(points, ({ key, status }) =>
      refusesCall(context, check, {
        what: `${key} in place of ${live}`,
        start: 'negotiated',
        flawed: ({ calls }) => calls.setStatus(status),
        behind: ({ calls }) => check.equal(calls.status() & live, live, 'the status behind it'),
        control: ({ calls }) => calls.setStatus(live),
        controlName: 'the same status again',
        errors: ['EINVAL'],
      }),
    );
  },
});

export const zeroResets = defineCase({
  id: 'vhost-vdpa/status/zero-resets',
  title: 'status 0 resets the device: it reads 0, rings rest, and the device is negotiated and served anew',
  proves: { 'vk-status/status-zero-resets': ['vdpa-status-zero-is-not-shown', 'vdpa-status-zero-resets-nothing'] },
  applies: { start: 'negotiated', transports },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vk-status/status-zero-resets');
    const queue = driver.attach(ring({ size: 16 }));
    driver.warmUp(queue);
    const { accepted } = session.negotiated;
    check.equal(session.calls.setStatus(0), 0, 'what SET_STATUS 0 answers');
    check.equal(session.calls.status(), 0, 'the status behind it');
    session.calls.setStatus(ACKNOWLEDGE | DRIVER);
    check.equal(session.calls.setFeatures(accepted.device), 0, 'what SET_FEATURES answers behind the reset');
    session.calls.setStatus(live);
    const before = queue.usedCount();
    queue.makeAvailable([driver.request({ seed: 2 }).segments]);
    session.calls.setStatus(live | DRIVER_OK);
    queue.kick();
    port.until(() => queue.usedCount() !== before, seenWithinMs(port));
    session.fence();
    check.equal(queue.usedCount(), before, 'used elements of a ring that was not set up behind the reset');
  },
});
