import { done } from '../../../vhost-user/handled.ts';
import type { OutgoingMessage } from '../../../vhost-user/reply-rules.ts';
import type { Codec } from '../../../wire/compile-layout.ts';
import { VHOST_USER_REPLY_MASK, VHOST_USER_VERSION_MASK } from '../../../wire/vhost-user-constants.ts';
import { messageById, requestId } from '../../../wire/vhost-user-messages.ts';
import type { VhostUserFault } from '../../fault.ts';
import { familyOf, sizedRequests } from './request-family.ts';
import { breaksDownAt, inTable, onMessage, vhostUserFault } from './vhost-user-fault.ts';

export const headerFaults = {
  'reply-with-version-2': vhostUserFault(
    'vu-header/reply-carries-version-1',
    'replies carry version 2',
    inTable('reply', (right) => ({
      replyFlags: (flags) => (right.replyFlags(flags) & ~VHOST_USER_VERSION_MASK) | 2,
    })),
  ),
  'reply-without-reply-flag': vhostUserFault(
    'vu-header/reply-carries-reply-flag',
    'replies leave the reply flag clear',
    inTable('reply', (right) => ({ replyFlags: (flags) => right.replyFlags(flags) & ~VHOST_USER_REPLY_MASK })),
  ),
  'reply-with-other-request-number': vhostUserFault(
    'vu-header/reply-repeats-request-number',
    'before SET_OWNER, the reply to GET_PROTOCOL_FEATURES carries the number of the next request',
    changingFirstProtocolFeatures((message) => ({ ...message, request: message.request + 1 })),
  ),
  'reply-size-beyond-payload': vhostUserFault(
    'vu-header/reply-size-equals-payload',
    'before SET_OWNER, the reply to GET_PROTOCOL_FEATURES has eight bytes more than it should',
    changingFirstProtocolFeatures((message) => ({ ...message, size: 16, payload: new Uint8Array(16) })),
  ),
  'reply-size-short-of-payload': vhostUserFault(
    'vu-header/reply-size-equals-payload',
    'before SET_OWNER, the size of the reply to GET_PROTOCOL_FEATURES is half of its payload',
    changingFirstProtocolFeatures((message) => ({ ...message, size: message.payload.length >> 1 })),
  ),
  'other-version-accepted': vhostUserFault(
    'vu-header/other-version-refused',
    'a message of any version is carried out',
    inTable('reply', { acceptsVersion: () => true }),
  ),
  'message-in-pieces-not-assembled': vhostUserFault(
    'vu-header/message-in-pieces-assembled',
    'the connection is closed when a message does not come at once',
    inTable('stream', { waitsForRest: false }),
  ),
  'truncated-message-hangs': vhostUserFault(
    'vu-header/truncated-message-ends-session-cleanly',
    'it waits for ever for the rest of a message whose sender is gone',
    inTable('stream', { atTruncatedEnd: 'hang' }),
  ),
  'truncated-message-crashes': vhostUserFault(
    'vu-header/truncated-message-ends-session-cleanly',
    'it aborts when a connection ends inside a message',
    inTable('stream', { atTruncatedEnd: 'abort' }),
  ),
  'unknown-request-crashes': vhostUserFault(
    'vu-header/unknown-request-survived',
    'it aborts at a request that it does not know',
    breaksDownAt('abort', ({ request }) => messageById('front-end', request) === undefined),
  ),
  'oversized-payload-crashes': vhostUserFault(
    'vu-header/oversized-payload-refused',
    'it aborts at a size larger than its buffer',
    breaksDownAt('abort', ({ size }) => size > 4096),
  ),
  'undersized-payload-crashes': vhostUserFault(
    'vu-header/undersized-payload-survived',
    'it aborts at a payload smaller than the request needs',
    breaksDownAt('abort', ({ request, size }) => size < smallestPayload(request)),
  ),
  'unknown-flag-bits-crash': vhostUserFault(
    'vu-header/unknown-flag-bits-survived',
    'it aborts at flag bits without a meaning',
    breaksDownAt('abort', ({ flags }) => flags >>> 4 !== 0),
  ),
  ...familyOf(sizedRequests, 'undersized-taken', (request, name) =>
    vhostUserFault(
      'vu-header/undersized-payload-refused',
      `${name} with too small a payload is taken as if the rest were zero`,
      onMessage(request, (entry) => ({
        payload: entry.payload.map(withMissingBytes),
        isUntimely: (session, value) => entry.isUntimely(session, value),
        handle: (session, value, context) =>
          entry.answer === 'acknowledgement' && context.size < smallestPayload(entry.request)
            ? done
            : entry.handle(session, value, context),
      })),
    ),
  ),
} as const satisfies Record<string, VhostUserFault>;

/** Takes a payload that is too short as if zeros followed it. */
function withMissingBytes<Value>(codec: Codec<Value>): Codec<Value> {
  return {
    ...codec,
    decode(view, offset, length) {
      const right = codec.decode(view, offset, length);
      if (right.ok || length >= longestPayload) return right;
      const bytes = new Uint8Array(longestPayload);
      bytes.set(new Uint8Array(view.buffer, view.byteOffset + offset, length));
      for (let more = length + 1; more <= longestPayload; more++) {
        const padded = codec.decode(new DataView(bytes.buffer), 0, more);
        if (padded.ok) return padded;
      }
      return right;
    },
  };
}

/** No request has more bytes that a fault adds. */
const longestPayload = 300;

/** Bytes that the shortest lawful form of a request has. */
function smallestPayload(request: number): number {
  const forms = messageById('front-end', request)?.request ?? [];
  return forms.length === 0 ? 0 : Math.min(...forms.map(({ codec }) => codec.size));
}

/** Changes one reply that only a front-end looks at which has not begun to use the back-end yet. */
function changingFirstProtocolFeatures(
  change: (message: OutgoingMessage) => OutgoingMessage,
): ReturnType<typeof inTable> {
  const { VHOST_USER_GET_PROTOCOL_FEATURES } = requestId;
  return inTable('reply', {
    leaving: (message, _flags, session) =>
      message.request === VHOST_USER_GET_PROTOCOL_FEATURES && !session.hasOwner ? [change(message)] : [message],
  });
}
