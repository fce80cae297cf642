import { defineCase } from '../../case.ts';
import { resetOf, setStatus, statusIn } from '../device-parts.ts';
import { staysQuiet } from '../quiet-ring.ts';
import { ACKNOWLEDGE, live } from '../status/status-bits.ts';

/** Device reset (virtio 2.4) by a request of its own, where the transport has one. */

export const statusZero = defineCase({
  id: 'virtio/reset/status-is-zero-after-device-reset',
  title: 'after a reset by a request of its own the status reads 0, and it can be set again',
  proves: { 'reset/status-zero-after-reset': 'device-reset-leaves-status' },
  applies: { start: 'negotiated', needs: ['device.reset', 'device.status'], ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('reset/status-zero-after-reset');
    setStatus(session, check, live);
    check.accepted(resetOf(session)(), 'the reset');
    check.equal(statusIn(session, check), 0, 'status when the reset has been carried out');
    setStatus(session, check, ACKNOWLEDGE);
    check.equal(statusIn(session, check), ACKNOWLEDGE, 'status after ACKNOWLEDGE was written again');
  },
});

export const quietAfterDeviceReset = defineCase({
  id: 'virtio/reset/quiet-after-device-reset',
  title: 'after a reset by a request of its own no buffer is used and no call comes',
  proves: { 'reset/quiet-after-reset': ['rings-served-after-device-reset', 'mdev-rings-served-after-reset'] },
  applies: { start: 'negotiated', needs: ['device.reset'] },
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('reset/quiet-after-reset');
    const queue = driver.attach(ring({ size: 16 }));
    driver.warmUp(queue);
    check.accepted(resetOf(session)(), 'the reset');
    staysQuiet(port, session, queue, check, driver.request({ seed: 2 }).segments, 'after the reset');
  },
});
