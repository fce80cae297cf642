import { kernelPageSize } from '../../drivers/port/page-size.ts';
import type { ReceivedMessage, VhostUserSession } from '../../drivers/port/port.ts';
import { isSeen } from '../../judging/deadline.ts';
import { defineCase } from '../case.ts';
import type { Check } from '../check.ts';
import { backEndMessages, cameOf, channelFeatures, serveBackEnd, servedQueue } from './back-end-messages.ts';
import { waited } from './ring-by-hand.ts';
import { payloadOf } from './words.ts';

/** Pages by which a driver kicks without its front-end, and descriptors on the channel of the back-end. */

const applies = {
  start: 'negotiated',
  transports: ['vhost-user'],
  negotiate: ['VHOST_USER_PROTOCOL_F_HOST_NOTIFIER', ...channelFeatures],
  needs: ['host-notifiers'],
} as const;

const notifierMessage = 'VHOST_USER_BACKEND_VRING_HOST_NOTIFIER_MSG';
const mostDescriptors = 8;

interface Notifier {
  readonly index: number;
  readonly size: bigint;
  readonly offset: number;
  /** Undefined where the message takes a notifier away. */
  readonly page: number | undefined;
}

function notifierOf(message: ReceivedMessage): Notifier {
  const area = payloadOf(message, 24);
  return {
    index: Number(area.getBigUint64(0, true) & 0xffn),
    size: area.getBigUint64(8, true),
    offset: Number(area.getBigUint64(16, true)),
    page: message.descriptors[0],
  };
}

/** The one that the back-end registered last for a ring. */
const notifierFor = (session: VhostUserSession, ring: number): Notifier | undefined =>
  backEndMessages(session, notifierMessage)
    .map(notifierOf)
    .findLast(({ index }) => index === ring);

export const pageSized = defineCase({
  id: 'vhost-user/host-notifier/page-has-the-size-of-a-page',
  title: 'each host notifier that the back-end registers has the size of a page',
  proves: { 'vu-backend-req/host-notifier-page-sized': 'host-notifier-of-two-pages' },
  applies,
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-backend-req/host-notifier-page-sized');
    serveBackEnd(session, check);
    servedQueue({ driver, ring });
    const registered = cameOf(port, session, notifierMessage)
      .map(notifierOf)
      .filter(({ page }) => page !== undefined);
    if (registered.length === 0) check.inconclusive('the back-end registered no host notifier');
    for (const { index, size } of registered) {
      check.equal(size, BigInt(kernelPageSize()), `size of the host notifier of ring ${index}`);
    }
  },
});

/** No text has a back-end register one: the target says that it does, and a case on its pages would show nothing without. */
export const oneForEachRing = defineCase({
  id: 'vhost-user/host-notifier/each-ring-has-one-where-the-target-says-so',
  title: 'a back-end that is known to register host notifiers registers one, with a page, for each ring that runs',
  proves: { 'vu-backend-req/known-host-notifiers-registered': 'host-notifier-without-page' },
  applies,
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-backend-req/known-host-notifiers-registered');
    serveBackEnd(session, check);
    for (const { index } of [servedQueue({ driver, ring }), ...driver.companions()]) {
      const isThere = () => notifierFor(session, index)?.page !== undefined;
      waited(port, check, `the start of ring ${index}`, 'a host notifier with a page', isThere);
    }
  },
});

export const kicksItsRing = defineCase({
  id: 'vhost-user/host-notifier/a-store-to-the-page-kicks-its-ring',
  title: 'a driver that stores the index of a ring in its host notifier gets a chain used without another kick',
  proves: { 'vu-backend-req/host-notifier-kicks-its-ring': 'host-notifier-unheeded' },
  applies,
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-backend-req/host-notifier-kicks-its-ring');
    serveBackEnd(session, check);
    const queue = servedQueue({ driver, ring });
    driver.companions();
    isSeen(port, () => notifierFor(session, queue.index) !== undefined);
    const { page, offset = 0 } = notifierFor(session, queue.index) ?? {};
    if (page === undefined) return check.inconclusive('the back-end registered no host notifier for the ring');
    // Pages of a device are there for those alone that map them.
    check.presumes(port.descriptors.sizeOf(page) > offset, 'the page is one of a file');
    const index = Uint8Array.of(queue.index & 0xff, queue.index >> 8);
    for (const seed of [2, 3]) {
      queue.makeAvailable([driver.request({ seed }).segments]);
      port.descriptors.store(page, offset, index);
      const isUsed = () => queue.usedCount() === seed;
      if (!waited(port, check, `store ${seed - 1} to the host notifier`, 'a used element', isUsed)) return;
      queue.waitForUsed(1);
    }
  },
});

function bringsNone({ messages }: VhostUserSession, check: Check): void {
  const carrying = messages.backEndRequests.filter(({ descriptors }) => descriptors.length > 0);
  const requests = carrying.map(({ request }) => request);
  check.sameSequence(requests, [], 'requests of the back-end that brought descriptors');
}

export const noneWithoutSendFd = defineCase({
  id: 'vhost-user/backend-req/no-descriptor-travels-without-send-fd',
  title: 'without BACKEND_SEND_FD no request of the back-end brings a descriptor, not even for its host notifiers',
  proves: { 'vu-backend-req/descriptors-need-send-fd': 'host-notifier-without-send-fd' },
  applies: {
    ...applies,
    negotiate: ['VHOST_USER_PROTOCOL_F_HOST_NOTIFIER', 'VHOST_USER_PROTOCOL_F_BACKEND_REQ'],
    without: ['VHOST_USER_PROTOCOL_F_BACKEND_SEND_FD'],
  },
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-backend-req/descriptors-need-send-fd');
    serveBackEnd(session, check);
    servedQueue({ driver, ring });
    cameOf(port, session, notifierMessage);
    bringsNone(session, check);
  },
});

export const noMappingWithoutSendFd = defineCase({
  id: 'vhost-user/backend-req/no-shared-memory-travels-without-send-fd',
  title: 'without BACKEND_SEND_FD no request of the back-end brings a descriptor, not even of its shared memory',
  proves: { 'vu-backend-req/descriptors-need-send-fd': 'shared-memory-without-send-fd' },
  applies: {
    ...applies,
    negotiate: ['VHOST_USER_PROTOCOL_F_SHMEM', 'VHOST_USER_PROTOCOL_F_BACKEND_REQ'],
    without: ['VHOST_USER_PROTOCOL_F_BACKEND_SEND_FD'],
    needs: ['shared-mappings'],
  },
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-backend-req/descriptors-need-send-fd');
    serveBackEnd(session, check);
    check.reply(session.messages.exchange({ request: 'VHOST_USER_GET_SHMEM_CONFIG' }), 'GET_SHMEM_CONFIG');
    servedQueue({ driver, ring });
    cameOf(port, session, 'VHOST_USER_BACKEND_SHMEM_MAP');
    bringsNone(session, check);
  },
});

export const atMostEight = defineCase({
  id: 'vhost-user/backend-req/at-most-eight-descriptors-travel-with-a-request',
  title: 'no request of the back-end brings more than 8 descriptors',
  proves: { 'vu-backend-req/at-most-eight-descriptors-per-message': 'nine-descriptors-with-a-request' },
  applies,
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-backend-req/at-most-eight-descriptors-per-message');
    serveBackEnd(session, check);
    servedQueue({ driver, ring });
    cameOf(port, session, notifierMessage);
    const carrying = session.messages.backEndRequests.filter(({ descriptors }) => descriptors.length > 0);
    if (carrying.length === 0) check.inconclusive('no request of the back-end brought a descriptor');
    for (const { request, descriptors } of carrying) {
      check.atMost(descriptors.length, mostDescriptors, `descriptors of request ${request} of the back-end`);
    }
  },
});
