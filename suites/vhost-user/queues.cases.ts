import { defineCase } from '../case.ts';
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
