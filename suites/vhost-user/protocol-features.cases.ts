import type { OutgoingMessage } from '../../drivers/port/port.ts';
import { defineCase } from '../case.ts';
import { configPayload } from './config-space.ts';
import { setBase, setNum } from './ring-messages.ts';
import { featureBit, leastFeatures, needReply, negotiatedWith, protocolBit, wordOf } from './words.ts';

/** What protocol features bring, and what may not be used before they are negotiated (vhost-user, "Protocol features"). */

interface Exchanged {
  readonly key: string;
  readonly bit: bigint;
  readonly number: number;
  readonly message: OutgoingMessage;
}

/** A message with an answer that each of these features brings. */
const brought: readonly Exchanged[] = [
  { key: 'MQ', bit: protocolBit.MQ, number: 17, message: { request: 'VHOST_USER_GET_QUEUE_NUM' } },
  {
    key: 'REPLY_ACK',
    bit: protocolBit.REPLY_ACK,
    number: 8,
    message: { ...setNum(0, 16), flags: needReply },
  },
  {
    key: 'CONFIG',
    bit: protocolBit.CONFIG,
    number: 24,
    message: { request: 'VHOST_USER_GET_CONFIG', payload: configPayload(0, 6) },
  },
  {
    key: 'INFLIGHT_SHMFD',
    bit: protocolBit.INFLIGHT_SHMFD,
    number: 31,
    message: {
      request: 'VHOST_USER_GET_INFLIGHT_FD',
      payload: { mmapSize: 0n, mmapOffset: 0n, numQueues: 1, queueSize: 16 },
    },
  },
  {
    key: 'CONFIGURE_MEM_SLOTS',
    bit: protocolBit.CONFIGURE_MEM_SLOTS,
    number: 36,
    message: { request: 'VHOST_USER_GET_MAX_MEM_SLOTS' },
  },
  { key: 'STATUS', bit: protocolBit.STATUS, number: 40, message: { request: 'VHOST_USER_GET_STATUS' } },
];

export const offeredWork = defineCase({
  id: 'vhost-user/protocol-features/offered-ones-have-working-messages',
  title: 'each protocol feature that is offered can be negotiated alone, and a message that it brings is answered',
  proves: { 'vu-features/offered-protocol-features-work': 'offer-without-working-message' },
  applies: { start: 'closed', transports: ['vhost-user'], offers: ['VHOST_USER_F_PROTOCOL_FEATURES'], ring: 'none' },
  run({ port, connect, points, requirement }) {
    const check = requirement('vu-features/offered-protocol-features-work');
    const probe = connect('connected');
    const answer = probe.messages.exchange({ request: 'VHOST_USER_GET_PROTOCOL_FEATURES' });
    const offered = wordOf(check.reply(answer, 'GET_PROTOCOL_FEATURES'));
    probe.close();
    const all = brought.filter(({ bit }) => (offered & bit) !== 0n);
    points(all, ({ key, bit, number, message }) => {
      const session = negotiatedWith(port, connect('connected'), bit);
      session.messages.send(message);
      // GET_FEATURES is the fence: where its reply comes first, the message before it has none.
      session.messages.send({ request: 'VHOST_USER_GET_FEATURES' });
      const first = check.reply(session.messages.receive(), `an answer with ${key}`);
      check.equal(first.request, number, `the request that is answered with ${key}`);
      session.close();
    });
  },
});

export const noneBefore = defineCase({
  id: 'vhost-user/protocol-features/nothing-comes-unasked-before-negotiation',
  title: 'while no protocol feature is negotiated, nothing comes but replies to requests that have one',
  proves: { 'vu-features/no-extension-before-negotiation': 'acknowledges-before-negotiation' },
  applies: { start: 'connected', transports: ['vhost-user'], ring: 'none' },
  run({ port, session, requirement }) {
    const check = requirement('vu-features/no-extension-before-negotiation');
    const offered = wordOf(check.reply(session.messages.fence(), 'GET_FEATURES'));
    const u64 = offered & leastFeatures(port) & ~featureBit.PROTOCOL_FEATURES;
    const lawful: readonly OutgoingMessage[] = [
      { request: 'VHOST_USER_SET_OWNER' },
      { request: 'VHOST_USER_SET_FEATURES', payload: { u64 } },
      setNum(0, 16),
      setBase(0, 0),
    ];
    for (const message of lawful) {
      session.messages.send(message);
      session.messages.send({ request: 'VHOST_USER_GET_FEATURES' });
      const first = check.reply(session.messages.receive(), `a fence behind ${message.request}`);
      if (!check.equal(first.request, 1, `the request that is answered first behind ${message.request}`)) return;
    }
    session.messages.send({ request: 'VHOST_USER_GET_FEATURES' });
    check.equal(check.reply(session.messages.receive(), 'a last fence').request, 1, 'the request answered at last');
  },
});
