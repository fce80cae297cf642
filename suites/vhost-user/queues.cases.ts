import type { GuestRing, Queue, VhostUserSession } from '../../drivers/port/port.ts';
import { type CaseContext, defineCase, type VariantAxes } from '../case.ts';
import type { Check } from '../check.ts';
import { stoppedAt } from '../ring-positions.ts';
import { negotiatedWith, protocolBit, wordOf } from './words.ts';

/** Number of queues (vhost-user, "Multiple queue support"). */

const applies = { start: 'connected', transports: ['vhost-user'], offers: ['VHOST_USER_PROTOCOL_F_MQ'] } as const;

export const queueNum = defineCase({
  id: 'vhost-user/mq/get-queue-num-returns-the-maximum',
  title: 'GET_QUEUE_NUM answers how many queues can be had: at least one, no more than a vring index can name',
  proves: { 'vu-mq/get-queue-num-returns-maximum': 'queue-num-zero' },
  applies: { ...applies, ring: 'none' },
  run({ port, session, requirement }) {
    const check = requirement('vu-mq/get-queue-num-returns-maximum');
    negotiatedWith(port, session, protocolBit.MQ);
    const first = wordOf(
      check.reply(session.messages.exchange({ request: 'VHOST_USER_GET_QUEUE_NUM' }), 'GET_QUEUE_NUM'),
    );
    check.holds(first >= 1n && first <= 256n, 'the answer', { expected: '1 to 256', actual: `${first}` });
    const again = wordOf(check.reply(session.messages.exchange({ request: 'VHOST_USER_GET_QUEUE_NUM' }), 'again'));
    check.equal(again, first, 'the answer when asked again');
  },
});

export const everyQueue = defineCase({
  id: 'vhost-user/mq/every-queue-can-be-set-up',
  title: 'each queue below the number that GET_QUEUE_NUM tells takes its set-up, and completes a request',
  proves: { 'vu-mq/every-queue-can-be-set-up': ['last-queue-refused', 'queue-num-one-more'] },
  applies: {
    start: 'negotiated',
    transports: ['vhost-user'],
    negotiate: ['VHOST_USER_PROTOCOL_F_MQ'],
    devices: ['block'],
  },
  run({ session, driver, ring, requirement }) {
    const check = requirement('vu-mq/every-queue-can-be-set-up');
    const answer = session.messages.exchange({ request: 'VHOST_USER_GET_QUEUE_NUM' });
    const queues = Number(wordOf(check.reply(answer, 'GET_QUEUE_NUM')));
    for (let index = 0; index < Math.min(queues, 16); index++) {
      const queue = driver.attach(ring({ size: 16 }), { index });
      queue.makeAvailable([driver.request({ seed: index }).segments]);
      check.equal(queue.kickAndWaitForUsed(1).length, 1, `used elements on queue ${index}`);
    }
  },
});

type Context = CaseContext<string, VariantAxes, VhostUserSession, GuestRing>;

const severalQueues = {
  start: 'negotiated',
  transports: ['vhost-user'],
  negotiate: ['VHOST_USER_PROTOCOL_F_MQ'],
  devices: ['block'],
} as const;

/** Each of two queues ends in turn, and requests on the other one complete. */
function otherServes(context: Context, check: Check, ends: (queue: Queue) => boolean, how: string): void {
  const { session, driver, ring } = context;
  const answer = session.messages.exchange({ request: 'VHOST_USER_GET_QUEUE_NUM' });
  if (wordOf(check.reply(answer, 'GET_QUEUE_NUM')) < 2n) {
    check.inconclusive('the device has one request queue');
    return;
  }
  for (const at of [0, 1]) {
    const queues = [0, 1].map((index) => driver.attach(ring({ size: 16 }), { index }));
    const gone = queues[at];
    const other = queues[1 - at];
    if (gone === undefined || other === undefined) return;
    for (const queue of queues) driver.warmUp(queue);
    if (!ends(gone)) return;
    for (const seed of [1, 2]) {
      const problem = driver.once(other, { seed });
      check.equal(problem, undefined, `what is wrong with request ${seed} on queue ${other.index}, queue ${at} ${how}`);
    }
    for (const queue of queues) queue.stop();
  }
}

export const stoppedQueue = defineCase({
  id: 'vhost-user/mq/queue-serves-while-another-is-stopped',
  title: 'requests on one queue of a block device complete while the other, the first or the second, is stopped',
  proves: { 'vu-ring-state/stopping-one-ring-leaves-others-running': 'stopping-first-ring-stops-second' },
  applies: severalQueues,
  run(context) {
    const check = context.requirement('vu-ring-state/stopping-one-ring-leaves-others-running');
    const stops = (queue: Queue): boolean =>
      stoppedAt(check, queue.stop(), `GET_VRING_BASE of ${queue.index}`) !== undefined;
    otherServes(context, check, stops, 'stopped');
  },
});

export const disabledQueue = defineCase({
  id: 'vhost-user/mq/queue-serves-while-another-is-disabled',
  title: 'requests on one queue of a block device complete while the other, the first or the second, is disabled',
  proves: { 'vu-ring-state/enabled-ring-handles-every-request': 'disabling-first-ring-disables-second' },
  applies: { ...severalQueues, offers: ['VHOST_USER_F_PROTOCOL_FEATURES'] },
  run(context) {
    const check = context.requirement('vu-ring-state/enabled-ring-handles-every-request');
    const disables = (queue: Queue): boolean =>
      check.accepted(queue.setEnabled(false), `SET_VRING_ENABLE 0 of ${queue.index}`);
    otherServes(context, check, disables, 'disabled');
  },
});
