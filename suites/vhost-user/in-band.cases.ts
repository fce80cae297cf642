import type { ReceivedMessage } from '../../drivers/port/port.ts';
import { defineCase } from '../case.ts';
import { refusesMessage } from './refusal.ts';
import { tellRing } from './ring-messages.ts';
import { payloadOf } from './words.ts';

/** Notifications as messages on the back-end channel (vhost-user, "In-band notifications", "VHOST_USER_BACKEND_VRING_CALL"). */

const applies = {
  start: 'negotiated',
  transports: ['vhost-user'],
  negotiate: [
    'VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS',
    'VHOST_USER_PROTOCOL_F_BACKEND_REQ',
    'VHOST_USER_PROTOCOL_F_REPLY_ACK',
  ],
  without: ['VIRTIO_F_EVENT_IDX'],
} as const;

const vringCall = 4;
const vringErr = 5;

const fieldsOf = (message: ReceivedMessage): { readonly index: number; readonly num: number } => {
  const view = payloadOf(message, 8);
  return { index: view.getUint32(0, true), num: view.getUint32(4, true) };
};

export const announced = defineCase({
  id: 'vhost-user/inband/used-buffers-are-announced-by-vring-call',
  title: 'a ring without a call descriptor announces used buffers by VRING_CALL with its index',
  proves: { 'vu-inband/used-buffers-announced-by-vring-call': 'no-vring-call-in-band' },
  applies,
  run({ session, driver, ring, requirement }) {
    const check = requirement('vu-inband/used-buffers-announced-by-vring-call');
    check.accepted(session.messages.openBackEndChannel({ kind: 'serve' }), 'the back-end channel');
    const queue = driver.attach(ring({ size: 16 }), { call: false });
    for (const seed of [1, 2, 3]) {
      queue.drainCalls();
      queue.makeAvailable([driver.request({ seed }).segments]);
      queue.kickAndWaitForUsed(1);
      const isCalled = queue.waitForCalls(1);
      check.holds(isCalled, `VRING_CALL for chain ${seed}`, { expected: 'one for this ring', actual: 'none' });
    }
  },
});

export const kickOfNoRing = defineCase({
  id: 'vhost-user/inband/vring-kick-of-no-ring-is-refused',
  title: 'VRING_KICK for a ring that there is not is refused',
  proves: { 'vu-vring/ring-index-out-of-range-refused': 'bad-ring-index-taken-modulo' },
  applies: { ...applies, start: 'closed', ring: 'split' },
  run(context) {
    const { port, connect, ring, points, requirement } = context;
    const check = requirement('vu-vring/ring-index-out-of-range-refused');
    const vring = ring({ size: 16 });
    const { queueIndex } = port.facts.workload;
    const all = [256, 0x1_0000, 0xffff_ffff].map((index) => ({ key: `index=${index}`, index }));
    const kick = (index: number) => ({ request: 'VHOST_USER_VRING_KICK', payload: { index, num: 0 } }) as const;
    points(all, ({ key, index }) => {
      refusesMessage(context, check, {
        what: `VRING_KICK with ${key}`,
        open: () => {
          const session = connect('negotiated');
          tellRing(session, queueIndex, vring);
          return session;
        },
        flawed: kick(index),
        sound: kick(queueIndex),
      });
    });
  },
});

export const numIsZero = defineCase({
  id: 'vhost-user/inband/num-of-vring-call-is-zero',
  title: 'VRING_CALL and VRING_ERR of the back-end hold 0 in num',
  proves: { 'vu-inband/vring-call-and-err-num-zero': 'vring-call-num-one' },
  applies,
  run({ session, driver, ring, requirement }) {
    const check = requirement('vu-inband/vring-call-and-err-num-zero');
    check.accepted(session.messages.openBackEndChannel({ kind: 'serve' }), 'the back-end channel');
    const queue = driver.attach(ring({ size: 16 }), { call: false });
    driver.warmUp(queue);
    queue.waitForCalls(1);
    queue.stop();
    const notifications = session.messages.backEndRequests.filter(({ request }) =>
      [vringCall, vringErr].includes(request),
    );
    if (notifications.length === 0) check.inconclusive('neither VRING_CALL nor VRING_ERR came');
    for (const message of notifications) {
      check.equal(message.payload.length, 8, 'bytes of payload');
      if (message.payload.length === 8) check.equal(fieldsOf(message).num, 0, 'num');
    }
  },
});

export const descriptorFirst = defineCase({
  id: 'vhost-user/inband/event-descriptor-takes-precedence',
  title: 'a ring with a call descriptor is called by it, and not by VRING_CALL',
  proves: { 'vu-inband/event-descriptor-takes-precedence': 'vring-call-despite-descriptor' },
  applies,
  run({ session, driver, ring, requirement }) {
    const check = requirement('vu-inband/event-descriptor-takes-precedence');
    check.accepted(session.messages.openBackEndChannel({ kind: 'serve' }), 'the back-end channel');
    const queue = driver.attach(ring({ size: 16 }));
    driver.warmUp(queue);
    check.holds(queue.waitForCalls(1), 'a signal on the call descriptor', { expected: 'at least 1', actual: 'none' });
    check.equal(queue.stop().kind, 'stopped', 'what GET_VRING_BASE brings');
    const calls = session.messages.backEndRequests.filter(
      (message) => message.request === vringCall && fieldsOf(message).index === queue.index,
    );
    check.equal(calls.length, 0, 'VRING_CALL messages for the ring');
  },
});
