import type { GuestRing, Queue, VhostUserSession } from '../../drivers/port/port.ts';
import { type CaseContext, defineCase, type VariantAxes } from '../case.ts';
import type { Check } from '../check.ts';
import { staysQuiet } from '../virtio/quiet-ring.ts';
import { DRIVER_OK, live } from '../virtio/status/status-bits.ts';

/**
 * What status 0 makes of rings. No text says that it resets a vhost-user back-end: the status is "as defined in the
 * Virtio specification" (VHOST_USER_SET_STATUS), which leaves the way of a reset to the transport (virtio 2.4), and
 * vhost-user has RESET_DEVICE. Front-ends write 0 all the same.
 */

type Context = Pick<CaseContext<string, VariantAxes, VhostUserSession, GuestRing>, 'session' | 'driver' | 'ring'>;

const applies = {
  start: 'negotiated',
  transports: ['vhost-user'],
  negotiate: ['VHOST_USER_PROTOCOL_F_STATUS'],
} as const;

function setStatus(session: VhostUserSession, check: Check, status: number): void {
  session.messages.send({ request: 'VHOST_USER_SET_STATUS', payload: { u64: BigInt(status) } });
  check.reply(session.messages.fence(), `GET_FEATURES behind status ${status}`);
}

/** Brings the device up, has a ring serve a request, and writes status 0. */
function stoppedByStatusZero({ session, driver, ring }: Context, check: Check): Queue {
  setStatus(session, check, live);
  const queue = driver.attach(ring({ size: 16 }));
  setStatus(session, check, live | DRIVER_OK);
  driver.warmUp(queue);
  setStatus(session, check, 0);
  return queue;
}

export const quietAfterStatusZero = defineCase({
  id: 'vhost-user/device-status/quiet-after-status-zero',
  title: 'after status 0 no buffer is used and no call comes',
  proves: { 'vu-status/status-zero-resets': 'rings-served-after-reset' },
  applies,
  run(context) {
    const { port, session, driver, requirement } = context;
    const check = requirement('vu-status/status-zero-resets');
    const queue = stoppedByStatusZero(context, check);
    staysQuiet(port, session, queue, check, driver.request({ seed: 2 }).segments, 'after status 0');
  },
});

export const ringsForgotten = defineCase({
  id: 'vhost-user/device-status/rings-are-set-up-anew-after-status-zero',
  title: 'a ring that ran before status 0 stays stopped when the device is brought up again, until it is set up anew',
  proves: { 'vu-status/status-zero-resets': 'status-zero-resets-nothing' },
  applies,
  run(context) {
    const { port, session, driver, requirement } = context;
    const check = requirement('vu-status/status-zero-resets');
    const queue = stoppedByStatusZero(context, check);
    const u64 = session.negotiated.accepted.device;
    session.messages.send({ request: 'VHOST_USER_SET_FEATURES', payload: { u64 } });
    setStatus(session, check, live | DRIVER_OK);
    const { segments } = driver.request({ seed: 2 });
    staysQuiet(port, session, queue, check, segments, 'of a ring that was not set up again');
  },
});
