import type { DriverPort, OutgoingMessage, VhostUserSession } from '../../drivers/port/port.ts';
import { type FeatureName, hasFeature } from '../../reference-impl/catalogue/catalogue.ts';
import { defineCase } from '../case.ts';
import { growsNot } from '../resource-growth.ts';
import { tableOf } from './memory-table.ts';
import { refusesMessage } from './refusal.ts';
import { tellRing } from './ring-messages.ts';
import { negotiatedWith, protocolBit } from './words.ts';

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

/** Requests that need a descriptor, and the feature without which a back-end has no use for one. */
const needingOne = (
  ring: bigint,
  table: OutgoingMessage,
): readonly { readonly key: string; readonly message: OutgoingMessage; readonly feature?: FeatureName }[] => [
  { key: 'SET_LOG_FD', message: { request: 'VHOST_USER_SET_LOG_FD' }, feature: 'VHOST_F_LOG_ALL' },
  { key: 'SET_VRING_KICK', message: { request: 'VHOST_USER_SET_VRING_KICK', payload: { u64: ring } } },
  { key: 'SET_VRING_CALL', message: { request: 'VHOST_USER_SET_VRING_CALL', payload: { u64: ring } } },
  { key: 'SET_VRING_ERR', message: { request: 'VHOST_USER_SET_VRING_ERR', payload: { u64: ring } } },
  {
    key: 'SET_BACKEND_REQ_FD',
    message: { request: 'VHOST_USER_SET_BACKEND_REQ_FD' },
    feature: 'VHOST_USER_PROTOCOL_F_BACKEND_REQ',
  },
  { key: 'SET_MEM_TABLE', message: table },
];

export const missingDescriptor = defineCase({
  id: 'vhost-user/fds/missing-descriptor-is-refused',
  title: 'a message that needs a descriptor and has none is refused',
  proves: { 'vu-fds/missing-descriptor-refused': 'missing-descriptor-accepted' },
  applies: { start: 'closed', transports, offers: ['VHOST_USER_PROTOCOL_F_REPLY_ACK'], ring: 'split' },
  run(context) {
    const { port, connect, guest, ring, points, requirement } = context;
    const check = requirement('vu-fds/missing-descriptor-refused');
    const vring = ring({ size: 16 });
    const open = (): VhostUserSession => {
      const session = negotiatedBare(port, connect('connected'));
      session.shareMemory(guest);
      tellRing(session, port.facts.workload.queueIndex, vring);
      return session;
    };
    const { offered } = open().negotiated;
    const table = tableOf(port, guest);
    const all = needingOne(BigInt(port.facts.workload.queueIndex), { ...table, descriptors: [] }).filter(
      ({ feature }) => feature === undefined || hasFeature(offered, feature, port.facts),
    );
    points(all, ({ key, message }) => {
      const { descriptors = [] } =
        key === 'SET_MEM_TABLE' ? table : { descriptors: [port.descriptors.pipe().writeEnd] };
      refusesMessage(context, check, {
        what: `${key} without a descriptor`,
        open,
        flawed: message,
        sound: { ...message, descriptors },
      });
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
        const session = negotiatedBare(port, connect('connected'));
        const fd = port.descriptors.eventfd();
        session.messages.send({ request, payload: { u64: 255n }, descriptors: [fd] });
        session.messages.fence();
        session.close();
        port.descriptors.close(fd);
      });
    });
  },
});

export const farRingLeaks = defineCase({
  id: 'vhost-user/fds/request-for-a-ring-that-cannot-be-leaks-no-descriptor',
  title: 'a descriptor that comes with SET_VRING_ENABLE of a ring which no back-end has does not stay open',
  proves: { 'vu-fds/refused-message-leaks-no-descriptor': 'far-ring-leaks-descriptors' },
  applies: { start: 'closed', transports, needs: ['resources'], ring: 'none' },
  run({ port, connect, points, requirement }) {
    const check = requirement('vu-fds/refused-message-leaks-no-descriptor');
    check.isBesideText = true;
    const all = [256, 0x8001].map((index) => ({ key: `index=${index}`, index }));
    points(all, ({ key, index }) => {
      growsNot(port, check, `descriptors held after repeating SET_VRING_ENABLE with a descriptor and ${key}`, () => {
        const session = negotiatedBare(port, connect('connected'));
        const fd = port.descriptors.eventfd();
        const payload = { index, num: 0 };
        session.messages.send({ request: 'VHOST_USER_SET_VRING_ENABLE', payload, descriptors: [fd] });
        session.messages.fence();
        session.close();
        port.descriptors.close(fd);
      });
    });
  },
});

export const surplusDescriptors = defineCase({
  id: 'vhost-user/fds/surplus-descriptors-are-refused-or-closed',
  title: 'more descriptors than a message takes do not stay open',
  proves: { 'vu-fds/surplus-descriptors-refused-or-closed': 'surplus-descriptors-kept' },
  applies: { start: 'closed', transports, needs: ['resources'], ring: 'none' },
  run({ port, connect, points, requirement }) {
    const check = requirement('vu-fds/surplus-descriptors-refused-or-closed');
    const all = [2, 8, 9, 32].map((count) => ({ key: `descriptors=${count}`, count }));
    points(all, ({ key, count }) => {
      growsNot(port, check, `descriptors held after repeating SET_VRING_CALL with ${key}`, () => {
        const session = negotiatedBare(port, connect('connected'));
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
function negotiatedBare(port: DriverPort<VhostUserSession>, session: VhostUserSession): VhostUserSession {
  return negotiatedWith(port, session, protocolBit.REPLY_ACK | protocolBit.BACKEND_REQ | protocolBit.LOG_SHMFD);
}
