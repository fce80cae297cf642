import type { OutgoingMessage, VhostUserSession } from '../../drivers/port/port.ts';
import { defineCase } from '../case.ts';
import type { Check } from '../check.ts';
import { needReply, negotiatedWith, protocolBit, wordOf } from './words.ts';

/** VHOST_USER_PROTOCOL_F_REPLY_ACK (vhost-user, "VHOST_USER_PROTOCOL_F_REPLY_ACK"). */

const applies = {
  start: 'connected',
  transports: ['vhost-user'],
  offers: ['VHOST_USER_PROTOCOL_F_REPLY_ACK'],
} as const;

interface Sample {
  readonly key: string;
  readonly number: number;
  readonly message: OutgoingMessage;
}

/** Lawful requests without an answer of their own. */
const lawful: readonly Sample[] = [
  { key: 'SET_VRING_NUM', number: 8, message: { request: 'VHOST_USER_SET_VRING_NUM', payload: { index: 0, num: 64 } } },
  {
    key: 'SET_VRING_BASE',
    number: 10,
    message: { request: 'VHOST_USER_SET_VRING_BASE', payload: { index: 0, num: 0 } },
  },
  {
    key: 'SET_VRING_CALL without descriptor',
    number: 13,
    message: { request: 'VHOST_USER_SET_VRING_CALL', payload: { u64: 0x100n } },
  },
  {
    key: 'SET_VRING_ERR without descriptor',
    number: 14,
    message: { request: 'VHOST_USER_SET_VRING_ERR', payload: { u64: 0x100n } },
  },
];

export const answered = defineCase({
  id: 'vhost-user/reply-ack/need-reply-is-answered',
  title: 'with REPLY_ACK a request that carries need_reply is answered with a u64 for the same request',
  proves: {
    'vu-reply-ack/need-reply-answered-with-u64': [
      'need-reply-not-answered',
      'acknowledgement-of-four-bytes',
      'set-vring-err-not-acknowledged',
    ],
  },
  applies: { ...applies, ring: 'none' },
  run({ port, session, requirement }) {
    const check = requirement('vu-reply-ack/need-reply-answered-with-u64');
    negotiatedWith(port, session, protocolBit.REPLY_ACK);
    for (const { key, number, message } of lawful) {
      const answer = check.reply(session.messages.exchange({ ...message, flags: needReply }), key);
      check.equal(answer.request, number, `request number of the answer to ${key}`);
      check.equal(answer.size, 8, `payload of the answer to ${key} in bytes`);
    }
  },
});

export const zeroOnSuccess = defineCase({
  id: 'vhost-user/reply-ack/success-is-zero',
  title: 'a request that succeeds is answered with 0',
  proves: { 'vu-reply-ack/success-is-zero': 'success-answered-with-one' },
  applies: { ...applies, ring: 'none' },
  run({ port, session, requirement }) {
    const check = requirement('vu-reply-ack/success-is-zero');
    negotiatedWith(port, session, protocolBit.REPLY_ACK);
    for (const { key, message } of lawful) {
      const answer = check.reply(session.messages.exchange({ ...message, flags: needReply }), key);
      check.equal(wordOf(answer), 0n, `answer to ${key}`);
    }
  },
});

/** Requests that cannot succeed on any device: the descriptor is missing that each of them is about. */
const failing: readonly Sample[] = [
  { key: 'SET_LOG_FD without descriptor', number: 7, message: { request: 'VHOST_USER_SET_LOG_FD' } },
  {
    key: 'SET_MEM_TABLE with a region and no descriptor',
    number: 5,
    message: {
      request: 'VHOST_USER_SET_MEM_TABLE',
      payload: {
        numRegions: 1,
        regions: [{ guestAddress: 0x10_0000n, size: 0x1000n, userAddress: 0x7f00_0000n, mmapOffset: 0n }],
      },
    },
  },
];

export const nonZeroOnFailure = defineCase({
  id: 'vhost-user/reply-ack/failure-is-non-zero',
  title: 'a request that fails is answered with something other than 0, if the connection stays open for an answer',
  proves: { 'vu-reply-ack/failure-is-non-zero': 'failure-answered-with-zero' },
  applies: { ...applies, start: 'closed', ring: 'none' },
  run({ port, connect, points, requirement }) {
    const check = requirement('vu-reply-ack/failure-is-non-zero');
    points(failing, ({ key, message }) => {
      const session = negotiatedWith(port, connect('connected'), protocolBit.REPLY_ACK);
      check.isBesideText = true;
      const answer = session.messages.exchange({ ...message, flags: needReply });
      if (answer.kind === 'closed') check.oneOf('connection closed', ['connection closed'], key);
      else check.notEqual(wordOf(check.reply(answer, key)), 0n, `answer to ${key}`);
      session.close();
    });
  },
});

export const ownReplyUnchanged = defineCase({
  id: 'vhost-user/reply-ack/own-reply-is-unchanged',
  title: 'need_reply on a request that has a reply of its own brings that reply and no other',
  proves: {
    'vu-reply-ack/messages-with-own-reply-unchanged': [
      'own-reply-followed-by-acknowledgement',
      'own-reply-replaced-by-acknowledgement',
    ],
  },
  applies: { ...applies, ring: 'none' },
  run({ port, session, requirement }) {
    const check = requirement('vu-reply-ack/messages-with-own-reply-unchanged');
    negotiatedWith(port, session, protocolBit.REPLY_ACK);
    const plain = check.reply(session.messages.fence(), 'GET_FEATURES');
    const asked = check.reply(
      session.messages.exchange({ request: 'VHOST_USER_GET_FEATURES', flags: needReply }),
      'GET_FEATURES with need_reply',
    );
    check.equal(wordOf(asked), wordOf(plain), 'the word of features');
    alone(session, check, 'GET_FEATURES with need_reply');
  },
});

/**
 * The front-end breaks the rule here, and implementations differ: some answer, some do not. What none may do is answer
 * something else, or more than once.
 */
export const unnegotiatedNeedReply = defineCase({
  id: 'vhost-user/reply-ack/need-reply-without-negotiation-brings-at-most-one-answer',
  title: 'without REPLY_ACK a request with need_reply is answered not at all, or once and for itself',
  proves: {
    'vu-reply-ack/unnegotiated-need-reply-brings-at-most-one-answer': 'unnegotiated-need-reply-answered-twice',
  },
  applies: { ...applies, ring: 'none' },
  run({ port, session, requirement }) {
    const check = requirement('vu-reply-ack/unnegotiated-need-reply-brings-at-most-one-answer');
    negotiatedWith(port, session, 0n);
    for (const { key, number, message } of lawful) {
      session.messages.send({ ...message, flags: needReply });
      session.messages.send({ request: 'VHOST_USER_GET_FEATURES' });
      const first = check.reply(session.messages.receive(), `a fence behind ${key} with need_reply`).request;
      const seen = [first];
      if (first === number) seen.push(check.reply(session.messages.receive(), 'the reply to the fence').request);
      check.oneOf(seen.join(' then '), ['1', `${number} then 1`], `requests answered after ${key} with need_reply`);
    }
    alone(session, check, 'the last of them');
  },
});

export const inOrder = defineCase({
  id: 'vhost-user/reply-ack/one-answer-per-request-in-order',
  title: 'requests sent in one go are answered one by one, in their order',
  proves: {
    'vu-reply-ack/one-answer-per-request-in-order': ['acknowledgement-sent-twice', 'set-features-acknowledged-twice'],
  },
  applies: { ...applies, ring: 'none' },
  run({ port, session, requirement }) {
    const check = requirement('vu-reply-ack/one-answer-per-request-in-order');
    negotiatedWith(port, session, protocolBit.REPLY_ACK);
    const features = { request: 'VHOST_USER_SET_FEATURES', payload: { u64: session.negotiated.accepted.device } };
    const requests = [{ key: 'SET_FEATURES', number: 2, message: features }, ...lawful];
    for (const { message } of requests) session.messages.send({ ...message, flags: needReply });
    session.messages.send({ request: 'VHOST_USER_GET_FEATURES' });
    const order: number[] = [];
    for (const { key } of requests) order.push(check.reply(session.messages.receive(), key).request);
    order.push(check.reply(session.messages.receive(), 'GET_FEATURES').request);
    check.sameSequence(order, [...requests.map(({ number }) => number), 1], 'request numbers of the answers');
  },
});

/** Nothing but the reply to a request of another number than those before comes now. */
function alone(session: VhostUserSession, check: Check, what: string): void {
  const fence = session.messages.exchange({ request: 'VHOST_USER_GET_PROTOCOL_FEATURES' });
  check.equal(check.reply(fence, `a fence behind ${what}`).request, 15, `the next message behind ${what}`);
}
