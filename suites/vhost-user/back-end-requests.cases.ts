import type { OutgoingMessage, VhostUserSession } from '../../drivers/port/port.ts';
import { seenWithinMs } from '../../judging/deadline.ts';
import type { Attempt } from '../../judging/refusal.ts';
import { featureSetOf } from '../../reference-impl/catalogue/catalogue.ts';
import { isGateOpen } from '../../reference-impl/wire/message-description.ts';
import { messageById } from '../../reference-impl/wire/vhost-user-messages.ts';
import { defineCase } from '../case.ts';
import { stoppedAt } from '../ring-positions.ts';
import { channelFeatures, serveBackEnd, servedQueue } from './back-end-messages.ts';
import { refusesMessage, stillServes } from './refusal.ts';
import { setDescriptor } from './ring-messages.ts';
import { leastFeatures, needReply, negotiatedWith, protocolBit, wordOf } from './words.ts';

/** The channel for requests of the back-end, and in-band notifications (vhost-user, "Back-end communication"). */

const transports = ['vhost-user'] as const;
const replyFlag = 4;

export const answeredZero = defineCase({
  id: 'vhost-user/backend-req/set-backend-req-fd-is-answered-zero',
  title: 'SET_BACKEND_REQ_FD with a socket is acknowledged with 0',
  proves: { 'vu-backend-req/set-backend-req-fd-answered-zero': 'backend-req-fd-refused' },
  applies: {
    ring: 'none',
    start: 'connected',
    transports,
    offers: ['VHOST_USER_PROTOCOL_F_BACKEND_REQ', 'VHOST_USER_PROTOCOL_F_REPLY_ACK'],
  },
  run({ port, session, requirement }) {
    const check = requirement('vu-backend-req/set-backend-req-fd-answered-zero');
    negotiatedWith(port, session, protocolBit.BACKEND_REQ | protocolBit.REPLY_ACK);
    check.accepted(session.messages.openBackEndChannel({ kind: 'serve' }), 'SET_BACKEND_REQ_FD');
  },
});

export const channelSurvived = defineCase({
  id: 'vhost-user/backend-req/front-end-refusal-is-survived',
  title: 'a front-end that refuses every request of the back-end, or closes that channel, still gets its buffers used',
  proves: { 'vu-backend-req/front-end-refusal-survived': 'backend-channel-refusal-hangs' },
  applies: {
    start: 'negotiated',
    transports,
    negotiate: ['VHOST_USER_PROTOCOL_F_BACKEND_REQ', 'VHOST_USER_PROTOCOL_F_REPLY_ACK'],
  },
  variants: { policy: ['refuse', 'withhold'] },
  run({ port, session, driver, ring, variant, requirement }) {
    const check = requirement('vu-backend-req/front-end-refusal-survived');
    check.accepted(session.messages.openBackEndChannel({ kind: variant.policy }), 'SET_BACKEND_REQ_FD');
    const queue = driver.attach(ring({ size: 16 }));
    queue.makeAvailable([driver.request().segments]);
    check.equal(queue.kickAndWaitForUsed(1).length, 1, 'used elements');
    stillServes(port, session, check, 'service afterwards');
  },
});

export const givenSocket = defineCase({
  id: 'vhost-user/backend-req/requests-use-the-given-socket',
  title: 'with a back-end channel nothing but answers comes on the main socket',
  proves: { 'vu-backend-req/requests-use-given-socket': 'back-end-request-on-main-socket' },
  applies: {
    start: 'negotiated',
    transports,
    negotiate: ['VHOST_USER_PROTOCOL_F_BACKEND_REQ', 'VHOST_USER_PROTOCOL_F_REPLY_ACK'],
  },
  run({ session, driver, ring, requirement }) {
    const check = requirement('vu-backend-req/requests-use-given-socket');
    check.accepted(session.messages.openBackEndChannel({ kind: 'serve' }), 'SET_BACKEND_REQ_FD');
    const queue = driver.attach(ring({ size: 16 }));
    driver.warmUp(queue);
    const asked = [
      { ...setDescriptor('ERR', queue.index), number: 14, flags: needReply },
      { request: 'VHOST_USER_GET_FEATURES', number: 1 },
      { request: 'VHOST_USER_GET_PROTOCOL_FEATURES', number: 15 },
    ];
    for (const { number, ...message } of asked) {
      const answer = check.reply(session.messages.exchange(message), `${message.request}`);
      check.equal(answer.request, number, `what comes behind ${message.request}`);
      check.equal(answer.flags & replyFlag, replyFlag, `reply flag of what comes behind ${message.request}`);
    }
  },
});

export const noneUnnegotiated = defineCase({
  id: 'vhost-user/backend-req/no-request-comes-without-its-features',
  title:
    'while rings start, serve, stop and start again, and at a reset, no request of the back-end comes that hangs on a feature that was not negotiated',
  proves: {
    'vu-features/no-extension-before-negotiation': [
      'host-notifier-told-unnegotiated',
      'shared-object-told-unnegotiated',
    ],
  },
  applies: {
    start: 'negotiated',
    transports,
    negotiate: channelFeatures,
    without: [
      'VHOST_USER_PROTOCOL_F_CONFIG',
      'VHOST_USER_PROTOCOL_F_HOST_NOTIFIER',
      'VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS',
      'VHOST_USER_PROTOCOL_F_SHARED_OBJECT',
      'VHOST_USER_PROTOCOL_F_SHMEM',
    ],
  },
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-features/no-extension-before-negotiation');
    serveBackEnd(session, check);
    const first = servedQueue({ driver, ring });
    stoppedAt(check, first.stop(), 'GET_VRING_BASE');
    servedQueue({ driver, ring });
    const { reset } = session.device;
    if (reset !== undefined) check.granted(reset(), 'RESET_DEVICE');
    check.reply(session.messages.fence(), 'GET_FEATURES at last');
    const { protocol: protocolFeatures, device: features } = session.negotiated.accepted;
    const unlawful = (): string[] =>
      session.messages.backEndRequests.flatMap(({ request }) => {
        const { name, gate } = messageById('back-end', request) ?? { name: `request ${request}`, gate: [] };
        return gate.every((each) => isGateOpen(each, { protocolFeatures, features }) === true) ? [] : [name];
      });
    port.until(() => unlawful().length > 0, seenWithinMs(port));
    check.equal(unlawful().join(', '), '', 'requests of the back-end whose features were not negotiated');
  },
});

export const inbandPrerequisites = defineCase({
  id: 'vhost-user/inband/connection-closed-without-prerequisites',
  title: 'INBAND_NOTIFICATIONS without BACKEND_REQ and REPLY_ACK ends the connection',
  proves: { 'vu-inband/closed-without-prerequisites': 'inband-without-prerequisites-accepted' },
  applies: { start: 'closed', transports, offers: ['VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS'], ring: 'none' },
  run({ port, connect, points, refusal, requirement }) {
    const check = requirement('vu-inband/closed-without-prerequisites');
    const { INBAND_NOTIFICATIONS, BACKEND_REQ, REPLY_ACK } = protocolBit;
    const negotiate = (session: VhostUserSession, protocol: bigint): Attempt => {
      const offered = wordOf(check.reply(session.messages.fence(), 'GET_FEATURES'));
      session.messages.send({ request: 'VHOST_USER_SET_PROTOCOL_FEATURES', payload: { u64: protocol } });
      const u64 = offered & leastFeatures(port);
      session.messages.send({ request: 'VHOST_USER_SET_FEATURES', payload: { u64 } });
      const answer = session.fence();
      return answer.kind === 'passed' ? { kind: 'shown', isAccepted: true, how: 'open connection' } : answer;
    };
    const all = [
      { key: 'neither', u64: INBAND_NOTIFICATIONS },
      { key: 'without-reply-ack', u64: INBAND_NOTIFICATIONS | BACKEND_REQ },
      { key: 'without-backend-req', u64: INBAND_NOTIFICATIONS | REPLY_ACK },
    ];
    points(all, ({ key, u64 }) => {
      const tried = refusal({
        open: () => connect('connected'),
        flawed: (session) => negotiate(session, u64),
        control: (session) => negotiate(session, INBAND_NOTIFICATIONS | BACKEND_REQ | REPLY_ACK),
        controlName: 'both',
      });
      check.refused(tried, `INBAND_NOTIFICATIONS ${key}`);
    });
  },
});

export const newConnection = defineCase({
  id: 'vhost-user/close/new-connection-is-accepted-after-refusal',
  title: 'after a connection that ended over a message that was refused, the next one is served',
  proves: {
    'vu-close/new-connection-accepted-after-refusal': [
      'no-connection-after-refusal',
      'second-connection-refused-for-good',
    ],
  },
  applies: { start: 'closed', transports, ring: 'none' },
  run({ port, connect, points, requirement }) {
    const check = requirement('vu-close/new-connection-accepted-after-refusal');
    const all = [
      { key: 'version=0', flags: 0, declaredSize: 8, byte: 0 },
      { key: 'size=0xffffffff', flags: 1, declaredSize: 0xffffffff, byte: 0 },
      { key: 'flags=0xffffffff', flags: 0xffffffff, declaredSize: 8, byte: 0 },
      { key: 'features=all', flags: 1, declaredSize: 8, byte: 0xff },
    ];
    points(all, ({ key, flags, declaredSize, byte }) => {
      const session = connect('connected');
      const payload = new Uint8Array(8).fill(byte);
      session.messages.send({ request: 'VHOST_USER_SET_FEATURES', flags, declaredSize, payload });
      session.messages.shutdown('write');
      session.close();
      stillServes(port, session, check, `a new connection after ${key}`);
    });
  },
});

export const openAfterLawful = defineCase({
  id: 'vhost-user/close/connection-stays-open-over-lawful-messages',
  title:
    'nothing that the text allows closes the connection: features set twice, rings disabled twice, no call descriptor',
  proves: { 'vu-close/connection-closed-only-for-grave-errors': 'call-without-descriptor-closes' },
  applies: { start: 'connected', transports, offers: ['VHOST_USER_F_PROTOCOL_FEATURES'], ring: 'none' },
  run({ port, session, requirement }) {
    const check = requirement('vu-close/connection-closed-only-for-grave-errors');
    negotiatedWith(port, session, protocolBit.REPLY_ACK);
    const u64 = session.negotiated.accepted.device;
    const lawful: readonly OutgoingMessage[] = [
      { request: 'VHOST_USER_SET_FEATURES', payload: { u64 } },
      { request: 'VHOST_USER_SET_FEATURES', payload: { u64 } },
      { request: 'VHOST_USER_SET_VRING_ENABLE', payload: { index: 0, num: 0 } },
      { request: 'VHOST_USER_SET_VRING_ENABLE', payload: { index: 0, num: 0 } },
      setDescriptor('CALL', 0),
      setDescriptor('ERR', 0),
      { request: 'VHOST_USER_GET_PROTOCOL_FEATURES' },
    ];
    for (const message of lawful) {
      session.messages.send(message);
      const next = session.messages.exchange({ request: 'VHOST_USER_GET_FEATURES' });
      check.reply(next, `a message behind ${message.request}`);
      if (message.request === 'VHOST_USER_GET_PROTOCOL_FEATURES') check.reply(session.messages.receive(), 'the fence');
    }
  },
});

export const mtu = defineCase({
  id: 'vhost-user/net/mtu-is-validated',
  title: 'NET_SET_MTU: a valid MTU is answered 0, and one that cannot be is answered otherwise',
  proves: { 'vu-net/mtu-validated': ['any-mtu-accepted', 'mtu-always-refused'] },
  applies: {
    ring: 'none',
    start: 'closed',
    transports,
    devices: ['net'],
    offers: ['VHOST_USER_PROTOCOL_F_MTU', 'VHOST_USER_PROTOCOL_F_REPLY_ACK', 'VIRTIO_NET_F_MTU'],
  },
  run(context) {
    const { port, connect, requirement } = context;
    const check = requirement('vu-net/mtu-validated');
    const open = (): VhostUserSession => {
      const session = connect('connected');
      const { device } = featureSetOf(['VIRTIO_NET_F_MTU'], port.facts);
      session.negotiate({ device: leastFeatures(port) | device, protocol: protocolBit.MTU | protocolBit.REPLY_ACK });
      return session;
    };
    const set = (u64: bigint): OutgoingMessage => ({ request: 'VHOST_USER_NET_SET_MTU', payload: { u64 } });
    for (const invalid of [0n, 67n, 65536n]) {
      refusesMessage(context, check, { what: `MTU ${invalid}`, open, flawed: set(invalid), sound: set(1500n) });
    }
    const session = open();
    for (const valid of [68n, 1500n, 65535n]) {
      check.accepted(session.messages.acknowledged(set(valid)), `MTU ${valid}`);
    }
  },
});
