import { u64Bytes } from '../../../vhost-user/reply-payloads.ts';
import type { OutgoingMessage } from '../../../vhost-user/reply-rules.ts';
import {
  VHOST_USER_NEED_REPLY_MASK,
  VHOST_USER_REPLY_MASK,
  VHOST_USER_VERSION_MASK,
} from '../../../wire/vhost-user-constants.ts';
import { type FrontEndMessageName, requestId } from '../../../wire/vhost-user-messages.ts';
import type { VhostUserFault } from '../../fault.ts';
import {
  acknowledgedRequests,
  answering,
  answeringUnasked,
  familyOf,
  rareReplies,
  repliedRequests,
  sizedReplies,
} from './request-family.ts';
import { type Change, handling, inTable, vhostUserFault } from './vhost-user-fault.ts';

/** What its value makes of a request is not answered. */
function unansweredWhere<Value>(request: FrontEndMessageName, isMeant: (value: Value) => boolean): Change[] {
  const meant = new WeakMap<object, boolean>();
  return [
    handling<Value>(request, (right, session, value) => {
      meant.set(session, isMeant(value));
      return right();
    }),
    inTable('reply', {
      leaving: (message, _flags, session) =>
        message.request === requestId[request] && meant.get(session) === true ? [] : [message],
    }),
  ];
}

const withoutDescriptor = ({ u64 }: { readonly u64: bigint }): boolean => (u64 & 0x100n) !== 0n;
const unanswered = 'vu-reply-ack/need-reply-answered-with-u64';

/** Requests of one number that differ by their value. */
export const requestFormFaults = {
  'kick-without-descriptor-unanswered': vhostUserFault(
    unanswered,
    'SET_VRING_KICK with the no-fd bit is not answered',
    ...unansweredWhere('VHOST_USER_SET_VRING_KICK', withoutDescriptor),
  ),
  'call-without-descriptor-unanswered': vhostUserFault(
    unanswered,
    'SET_VRING_CALL with the no-fd bit is not answered',
    ...unansweredWhere('VHOST_USER_SET_VRING_CALL', withoutDescriptor),
  ),
  'err-without-descriptor-unanswered': vhostUserFault(
    unanswered,
    'SET_VRING_ERR with the no-fd bit is not answered',
    ...unansweredWhere('VHOST_USER_SET_VRING_ERR', withoutDescriptor),
  ),
  'disabling-unanswered': vhostUserFault(
    unanswered,
    'SET_VRING_ENABLE 0 is not answered',
    ...unansweredWhere('VHOST_USER_SET_VRING_ENABLE', ({ num }: { readonly num: number }) => num === 0),
  ),
} as const satisfies Record<string, VhostUserFault>;

/** Answers request by request. */
export const requestAnswerFaults = {
  ...familyOf(acknowledgedRequests, 'unanswered', (request, name) =>
    vhostUserFault(
      'vu-reply-ack/need-reply-answered-with-u64',
      `${name} with need_reply is not answered`,
      ...answering(request, () => []),
    ),
  ),
  ...familyOf(acknowledgedRequests, 'acknowledged-with-one', (request, name) =>
    vhostUserFault(
      'vu-reply-ack/success-is-zero',
      `${name} that succeeds is acknowledged with 1`,
      ...answering(request, (message) => [{ ...message, payload: u64Bytes(1n) }]),
    ),
  ),
  ...familyOf(acknowledgedRequests, 'answered-twice', (request, name) =>
    vhostUserFault(
      'vu-reply-ack/one-answer-per-request-in-order',
      `${name} is acknowledged twice from its second time on`,
      ...answering(request, (message) => [message, message]),
    ),
  ),
  ...familyOf(acknowledgedRequests, 'answered-unasked', (request, name) =>
    vhostUserFault(
      'vu-reply-ack/no-answer-unless-asked',
      `${name} is answered although it does not ask`,
      answeringUnasked(request),
    ),
  ),
  ...familyOf(repliedRequests, 'also-acknowledged', (request, name) =>
    vhostUserFault(
      'vu-reply-ack/messages-with-own-reply-unchanged',
      `${name} with need_reply gets an acknowledgement behind its own reply`,
      ...answering(request, (message, flags) =>
        asks(flags) ? [message, { ...message, size: 8, payload: u64Bytes(0n), descriptors: [] }] : [message],
      ),
    ),
  ),
  ...familyOf(repliedRequests, 'unanswered-when-asked', (request, name) =>
    vhostUserFault(
      'vu-reply-ack/messages-with-own-reply-unchanged',
      `${name} with need_reply gets no reply`,
      ...answering(request, (message, flags) => (asks(flags) ? [] : [message])),
    ),
  ),
} as const satisfies Record<string, VhostUserFault>;

const changingErr = (change: (message: OutgoingMessage) => OutgoingMessage) =>
  changing('VHOST_USER_SET_VRING_ERR', change);
const changingQueueNum = (change: (message: OutgoingMessage) => OutgoingMessage) =>
  changing('VHOST_USER_GET_QUEUE_NUM', change);

/** Headers of answers that few requests bring. */
export const answerHeaderFaults = {
  'acknowledgement-with-version-0': vhostUserFault(
    'vu-header/reply-carries-version-1',
    'an acknowledgement of SET_VRING_ERR carries version 0',
    changingErr((message) => ({ ...message, flags: message.flags & ~VHOST_USER_VERSION_MASK })),
  ),
  'queue-num-with-version-3': vhostUserFault(
    'vu-header/reply-carries-version-1',
    'the reply to GET_QUEUE_NUM carries version 3',
    changingQueueNum((message) => ({ ...message, flags: message.flags | VHOST_USER_VERSION_MASK })),
  ),
  'acknowledgement-without-reply-flag': vhostUserFault(
    'vu-header/reply-carries-reply-flag',
    'an acknowledgement of SET_VRING_ERR leaves the reply flag clear',
    changingErr((message) => ({ ...message, flags: message.flags & ~VHOST_USER_REPLY_MASK })),
  ),
  'queue-num-without-reply-flag': vhostUserFault(
    'vu-header/reply-carries-reply-flag',
    'the reply to GET_QUEUE_NUM leaves the reply flag clear',
    changingQueueNum((message) => ({ ...message, flags: message.flags & ~VHOST_USER_REPLY_MASK })),
  ),
  'acknowledgement-with-other-request-number': vhostUserFault(
    'vu-header/reply-repeats-request-number',
    'an acknowledgement of SET_VRING_ERR carries number 0',
    changingErr((message) => ({ ...message, request: 0 })),
  ),
  'queue-num-with-other-request-number': vhostUserFault(
    'vu-header/reply-repeats-request-number',
    'the reply to GET_QUEUE_NUM carries the number of GET_FEATURES',
    changingQueueNum((message) => ({ ...message, request: requestId.VHOST_USER_GET_FEATURES })),
  ),
  'acknowledgement-size-beyond-payload': vhostUserFault(
    'vu-header/reply-size-equals-payload',
    'an acknowledgement of SET_VRING_ERR tells 16 bytes and brings 8',
    changingErr((message) => ({ ...message, size: 16 })),
  ),
  'queue-num-size-short-of-payload': vhostUserFault(
    'vu-header/reply-size-equals-payload',
    'the reply to GET_QUEUE_NUM tells 4 bytes and brings 8',
    changingQueueNum((message) => ({ ...message, size: 4 })),
  ),
  ...familyOf(sizedReplies, 'reply-empty', (request, name) =>
    vhostUserFault('vu-header/reply-has-its-payload', `the reply to ${name} has no payload`, cutting(request, 0)),
  ),
  ...familyOf(rareReplies, 'not-replied-to', (request, name) =>
    vhostUserFault(
      'vu-header/own-reply-comes',
      `${name} gets no reply`,
      inTable('reply', { leaving: (message) => (message.request === requestId[request] ? [] : [message]) }),
    ),
  ),
  ...familyOf(sizedReplies, 'reply-of-four-bytes', (request, name) =>
    vhostUserFault('vu-header/reply-has-its-payload', `the reply to ${name} has 4 bytes`, cutting(request, 4)),
  ),
  'need-reply-echoed': vhostUserFault(
    'vu-header/reply-has-no-other-flags',
    'a reply carries the need_reply flag of its request',
    inTable('reply', (right) => ({
      replyFlags: (flags) => right.replyFlags(flags) | (flags & VHOST_USER_NEED_REPLY_MASK),
    })),
  ),
  'reserved-flags-echoed': vhostUserFault(
    'vu-header/reply-has-no-other-flags',
    'a reply carries the flag bits of its request that have no meaning',
    inTable('reply', (right) => ({
      replyFlags: (flags) => (right.replyFlags(flags) | (flags & ~0xf)) >>> 0,
    })),
  ),
} as const satisfies Record<string, VhostUserFault>;

const asks = (flags: number): boolean => (flags & VHOST_USER_NEED_REPLY_MASK) !== 0;

/** Of GET_VRING_BASE for a ring that is disabled: drivers in use ask about rings that are enabled. */
function cutting(request: FrontEndMessageName, size: number): Change {
  return handling<{ readonly index: number }>(request, (right, session, value) => {
    const isAsUsual =
      request === 'VHOST_USER_GET_VRING_BASE' && session.ring(value.index)?.state.endsWith('-enabled') !== false;
    const handled = right();
    return handled.kind === 'reply' && !isAsUsual
      ? { ...handled, payload: handled.payload.subarray(0, size) }
      : handled;
  });
}

function changing(
  request: FrontEndMessageName,
  change: (message: OutgoingMessage) => OutgoingMessage,
): ReturnType<typeof inTable> {
  return inTable('reply', {
    leaving: (message) => [message.request === requestId[request] ? change(message) : message],
  });
}
