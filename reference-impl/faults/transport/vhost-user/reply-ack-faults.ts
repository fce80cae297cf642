import { done } from '../../../vhost-user/handled.ts';
import { u64Bytes } from '../../../vhost-user/reply-payloads.ts';
import { VHOST_USER_NEED_REPLY_MASK } from '../../../wire/vhost-user-constants.ts';
import { requestId } from '../../../wire/vhost-user-messages.ts';
import type { VhostUserFault } from '../../fault.ts';
import { inTable, type onMessage, vhostUserFault } from './vhost-user-fault.ts';

/** Acknowledgements that REPLY_ACK asks for. */
export const replyAckFaults = {
  'acknowledgement-of-four-bytes': vhostUserFault(
    'vu-reply-ack/need-reply-answered-with-u64',
    'SET_VRING_ERR is acknowledged with four bytes',
    inTable('reply', {
      leaving: (message) =>
        message.request === requestId.VHOST_USER_SET_VRING_ERR
          ? [{ ...message, size: 4, payload: message.payload.subarray(0, 4) }]
          : [message],
    }),
  ),
  'need-reply-not-answered': vhostUserFault(
    'vu-reply-ack/need-reply-answered-with-u64',
    'SET_VRING_NUM is never acknowledged',
    inTable('reply', {
      leaving: (message) => (message.request === requestId.VHOST_USER_SET_VRING_NUM ? [] : [message]),
    }),
  ),
  'set-vring-err-not-acknowledged': vhostUserFault(
    'vu-reply-ack/need-reply-answered-with-u64',
    'SET_VRING_ERR is never acknowledged',
    inTable('reply', {
      leaving: (message) => (message.request === requestId.VHOST_USER_SET_VRING_ERR ? [] : [message]),
    }),
  ),
  'success-answered-with-one': vhostUserFault(
    'vu-reply-ack/success-is-zero',
    'SET_VRING_BASE is acknowledged with 1 from its first time on',
    inTable('reply', {
      leaving: (message) =>
        message.request === requestId.VHOST_USER_SET_VRING_BASE ? [{ ...message, payload: u64Bytes(1n) }] : [message],
    }),
  ),
  'failure-answered-with-zero': vhostUserFault(
    'vu-reply-ack/failure-is-non-zero',
    'an acknowledgement of failure is 0',
    inTable('reply', { failure: 0n }),
  ),
  'own-reply-followed-by-acknowledgement': vhostUserFault(
    'vu-reply-ack/messages-with-own-reply-unchanged',
    'a request with need_reply and a reply of its own gets an acknowledgement, too',
    inTable('reply', {
      leaving: (message, flags, session) =>
        (flags & VHOST_USER_NEED_REPLY_MASK) !== 0 && hasOwnReply(session.rules.messages, message.request)
          ? [message, { ...message, size: 8, payload: u64Bytes(0n), descriptors: [] }]
          : [message],
    }),
  ),
  'own-reply-replaced-by-acknowledgement': vhostUserFault(
    'vu-reply-ack/messages-with-own-reply-unchanged',
    'a request with need_reply gets an acknowledgement in place of its own reply',
    inTable('reply', {
      leaving: (message, flags, session) =>
        (flags & VHOST_USER_NEED_REPLY_MASK) !== 0 && hasOwnReply(session.rules.messages, message.request)
          ? [{ ...message, size: 8, payload: u64Bytes(0n) }]
          : [message],
    }),
  ),
  'refused-own-reply-acknowledged': vhostUserFault(
    'vu-reply-ack/messages-with-own-reply-unchanged',
    'a request with need_reply that has a reply of its own is refused by an acknowledgement',
    inTable('reply', { closesWhereNoReplyCanFail: false }),
  ),
  'unnegotiated-need-reply-answered-twice': vhostUserFault(
    'vu-reply-ack/unnegotiated-need-reply-brings-at-most-one-answer',
    'before REPLY_ACK is negotiated, need_reply is answered twice',
    inTable('reply', {
      wantsAcknowledgement: (flags) => (flags & VHOST_USER_NEED_REPLY_MASK) !== 0,
      leaving: (message, flags, session) =>
        (flags & VHOST_USER_NEED_REPLY_MASK) !== 0 && !session.hasProtocolFeature('VHOST_USER_PROTOCOL_F_REPLY_ACK')
          ? [message, message]
          : [message],
    }),
  ),
  'config-acknowledged-before-written': vhostUserFault(
    'vu-reply-ack/answer-follows-effect',
    'SET_CONFIG is acknowledged at once and carried out behind the next request',
    afterNextRequest('VHOST_USER_SET_CONFIG'),
  ),
  'status-acknowledged-before-stored': vhostUserFault(
    'vu-reply-ack/answer-follows-effect',
    'SET_STATUS is acknowledged at once and carried out behind the next request',
    afterNextRequest('VHOST_USER_SET_STATUS'),
  ),
  'base-acknowledged-before-stored': vhostUserFault(
    'vu-reply-ack/answer-follows-effect',
    'SET_VRING_BASE is acknowledged at once and carried out behind the next request',
    afterNextRequest('VHOST_USER_SET_VRING_BASE'),
  ),
  'set-features-acknowledged-twice': vhostUserFault(
    'vu-reply-ack/one-answer-per-request-in-order',
    'SET_FEATURES is acknowledged twice',
    inTable('reply', {
      leaving: (message) => (message.request === requestId.VHOST_USER_SET_FEATURES ? [message, message] : [message]),
    }),
  ),
  'acknowledgement-sent-twice': vhostUserFault(
    'vu-reply-ack/one-answer-per-request-in-order',
    'SET_VRING_NUM is acknowledged twice',
    inTable('reply', {
      leaving: (message) => (message.request === requestId.VHOST_USER_SET_VRING_NUM ? [message, message] : [message]),
    }),
  ),
} as const satisfies Record<string, VhostUserFault>;

function hasOwnReply(
  messages: readonly { readonly request: number; readonly answer: string }[],
  request: number,
): boolean {
  return messages.some((entry) => entry.request === request && entry.answer === 'own-reply');
}

/** Carries a request out behind the one that follows it, having said that it was done. */
function afterNextRequest(name: Parameters<typeof onMessage>[0]): ReturnType<typeof onMessage> {
  return (rules) => {
    let waiting: (() => void) | undefined;
    const messages = rules.messages.map((entry) => ({
      ...entry,
      handle: (...[session, value, context]: Parameters<typeof entry.handle>) => {
        if (entry.name === name) {
          waiting = () => {
            if (session.isOpen) entry.handle(session, value, context);
          };
          return done;
        }
        const handled = entry.handle(session, value, context);
        waiting?.();
        waiting = undefined;
        return handled;
      },
    }));
    return { ...rules, messages };
  };
}
