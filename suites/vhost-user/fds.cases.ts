import type { OutgoingMessage, VhostUserSession } from '../../drivers/port/port.ts';
import { defineCase } from '../case.ts';
import { growsNot } from '../resource-growth.ts';
import { refusalOf, stillServes } from './refusal.ts';

/** Descriptors that travel with messages (vhost-user, "Communication", and each message that takes some). */

const transports = ['vhost-user'] as const;

/** Requests that take no descriptor, with a payload that is right. */
const withoutDescriptors: readonly { readonly key: string; readonly message: OutgoingMessage }[] = [
  { key: 'GET_FEATURES', message: { request: 'VHOST_USER_GET_FEATURES' } },
  { key: 'GET_PROTOCOL_FEATURES', message: { request: 'VHOST_USER_GET_PROTOCOL_FEATURES' } },
  { key: 'SET_OWNER', message: { request: 'VHOST_USER_SET_OWNER' } },
  { key: 'SET_VRING_NUM', message: { request: 'VHOST_USER_SET_VRING_NUM', payload: { index: 0, num: 16 } } },
  { key: 'SET_VRING_BASE', message: { request: 'VHOST_USER_SET_VRING_BASE', payload: { index: 0, num: 0 } } },
];

/** Requests that need one and get none. */
const needingOne: readonly { readonly key: string; readonly message: OutgoingMessage }[] = [
  { key: 'SET_LOG_FD', message: { request: 'VHOST_USER_SET_LOG_FD' } },
  { key: 'SET_VRING_KICK', message: { request: 'VHOST_USER_SET_VRING_KICK', payload: { u64: 0n } } },
  { key: 'SET_VRING_CALL', message: { request: 'VHOST_USER_SET_VRING_CALL', payload: { u64: 0n } } },
  { key: 'SET_VRING_ERR', message: { request: 'VHOST_USER_SET_VRING_ERR', payload: { u64: 0n } } },
  { key: 'SET_BACKEND_REQ_FD', message: { request: 'VHOST_USER_SET_BACKEND_REQ_FD' } },
  {
    key: 'SET_MEM_TABLE',
    message: {
      request: 'VHOST_USER_SET_MEM_TABLE',
      payload: {
        numRegions: 1,
        regions: [{ guestAddress: 0x10_0000n, size: 0x1000n, userAddress: 0x7f00_0000n, mmapOffset: 0n }],
      },
    },
  },
];

export const missingDescriptor = defineCase({
  id: 'vhost-user/fds/missing-descriptor-is-refused',
  title: 'a message that needs a descriptor and has none is refused',
  proves: { 'vu-fds/missing-descriptor-refused': 'missing-descriptor-accepted' },
  applies: { start: 'closed', transports, offers: ['VHOST_USER_PROTOCOL_F_REPLY_ACK'], ring: 'none' },
  run({ port, connect, points, requirement }) {
    const check = requirement('vu-fds/missing-descriptor-refused');
    points(needingOne, ({ key, message }) => {
      const session = negotiatedBare(connect('connected'));
      const refusal = refusalOf(session, message, check, `${key} without a descriptor`, () => false);
      if (refusal !== undefined) check.refused(refusal, `${key} without a descriptor`);
      stillServes(port, session, check, `service after ${key} without a descriptor`);
      session.close();
    });
  },
});

export const unexpectedDescriptors = defineCase({
  id: 'vhost-user/fds/unexpected-descriptors-are-closed',
  title: 'descriptors that come with a message that takes none do not stay open',
  proves: { 'vu-fds/unexpected-descriptors-closed': 'unexpected-descriptors-kept' },
  applies: { start: 'closed', transports, needs: ['resources'], ring: 'none' },
  run({ port, connect, points, requirement }) {
    const check = requirement('vu-fds/unexpected-descriptors-closed');
    points(withoutDescriptors, ({ key, message }) => {
      growsNot(port, check, `descriptors held after repeating ${key} with two descriptors`, () => {
        const session = connect('connected');
        const descriptors = [port.descriptors.eventfd(), port.descriptors.eventfd()];
        session.messages.send({ ...message, descriptors });
        session.messages.fence();
        session.close();
        for (const fd of descriptors) port.descriptors.close(fd);
      });
    });
  },
});

export const refusedLeaks = defineCase({
  id: 'vhost-user/fds/refused-messages-leak-no-descriptor',
  title: 'descriptors of a message that is refused do not stay open',
  proves: { 'vu-fds/refused-message-leaks-no-descriptor': 'refused-message-leaks-descriptors' },
  applies: { start: 'closed', transports, needs: ['resources'], ring: 'none' },
  run({ port, connect, points, requirement }) {
    const check = requirement('vu-fds/refused-message-leaks-no-descriptor');
    const all = ['VHOST_USER_SET_VRING_KICK', 'VHOST_USER_SET_VRING_CALL', 'VHOST_USER_SET_VRING_ERR'].map(
      (request) => ({
        key: `${request},index=255`,
        request,
      }),
    );
    points(all, ({ key, request }) => {
      growsNot(port, check, `descriptors held after repeating ${key}`, () => {
        const session = negotiatedBare(connect('connected'));
        const fd = port.descriptors.eventfd();
        session.messages.send({ request, payload: { u64: 255n }, descriptors: [fd] });
        session.messages.fence();
        session.close();
        port.descriptors.close(fd);
      });
    });
  },
});

export const surplusDescriptors = defineCase({
  id: 'vhost-user/fds/surplus-descriptors-are-refused-or-closed',
  title: 'more descriptors than a message takes are refused or closed, and the back-end serves on',
  proves: { 'vu-fds/surplus-descriptors-refused-or-closed': 'surplus-descriptors-kept' },
  applies: { start: 'closed', transports, needs: ['resources'], ring: 'none' },
  run({ port, connect, points, requirement }) {
    const check = requirement('vu-fds/surplus-descriptors-refused-or-closed');
    const all = [2, 8, 9, 32].map((count) => ({ key: `descriptors=${count}`, count }));
    points(all, ({ key, count }) => {
      growsNot(port, check, `descriptors held after repeating SET_VRING_CALL with ${key}`, () => {
        const session = negotiatedBare(connect('connected'));
        const descriptors = Array.from({ length: count }, () => port.descriptors.eventfd());
        session.messages.send({ request: 'VHOST_USER_SET_VRING_CALL', payload: { u64: 0n }, descriptors });
        session.messages.fence();
        session.close();
        for (const fd of descriptors) port.descriptors.close(fd);
      });
    });
  },
});

/** Protocol features on, with REPLY_ACK, and no feature that needs more. */
function negotiatedBare(session: VhostUserSession): VhostUserSession {
  session.negotiate({ device: (1n << 30n) | (1n << 32n), protocol: (1n << 3n) | (1n << 5n) | (1n << 1n) });
  return session;
}
