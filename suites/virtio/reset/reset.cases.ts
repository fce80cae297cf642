import { defineCase } from '../../case.ts';
import { resetOf, setStatus, statusIn } from '../device-parts.ts';
import { staysQuiet } from '../quiet-ring.ts';
import { ACKNOWLEDGE, DRIVER_OK, live } from '../status/status-bits.ts';

/** Device reset (virtio 2.4): by status 0, and by a request of its own where the transport has one. */

const byStatus = { start: 'negotiated', needs: ['device.status'] } as const;

export const statusZero = defineCase({
  id: 'virtio/reset/status-is-zero-after-reset',
  title: 'after a reset by status 0 the status reads 0, and it can be set again',
  proves: { 'reset/status-zero-after-reset': 'status-zero-ignored' },
  applies: { ...byStatus, ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('reset/status-zero-after-reset');
    setStatus(session, check, live);
    setStatus(session, check, 0);
    check.equal(statusIn(session, check), 0, 'status when the reset has been carried out');
    setStatus(session, check, ACKNOWLEDGE);
    check.equal(statusIn(session, check), ACKNOWLEDGE, 'status after ACKNOWLEDGE was written again');
  },
});

export const quietAfterStatusZero = defineCase({
  id: 'virtio/reset/quiet-after-status-zero',
  title: 'after status 0 no buffer is used and no call comes',
  proves: { 'reset/quiet-after-reset': 'rings-served-after-reset' },
  applies: byStatus,
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('reset/quiet-after-reset');
    setStatus(session, check, live);
    const queue = driver.attach(ring({ size: 16 }));
    setStatus(session, check, live | DRIVER_OK);
    check.equal(driver.once(queue), undefined, 'what is wrong with a request before the reset');
    setStatus(session, check, 0);
    staysQuiet(port, session, queue, check, driver.request({ seed: 2 }).segments, 'after the reset');
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
    check.equal(driver.once(queue), undefined, 'what is wrong with a request before the reset');
    check.accepted(resetOf(session)(), 'the reset');
    staysQuiet(port, session, queue, check, driver.request({ seed: 2 }).segments, 'after the reset');
  },
});
