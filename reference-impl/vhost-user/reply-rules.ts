import {
  VHOST_USER_NEED_REPLY_MASK,
  VHOST_USER_REPLY_FLAGS,
  VHOST_USER_VERSION,
  VHOST_USER_VERSION_MASK,
} from '../wire/vhost-user-constants.ts';
import type { DescriptorToken } from './back-end-edge.ts';
import type { NegotiatedState } from './negotiated-state.ts';

/** A message on its way to the front-end. `size` is what its header will say. */
export interface OutgoingMessage {
  readonly request: number;
  readonly flags: number;
  readonly size: number;
  readonly payload: Uint8Array;
  readonly descriptors: readonly DescriptorToken[];
}

/** The session whose messages leave, and which of its requests have a reply of their own. */
export interface ReplyingSession extends NegotiatedState {
  readonly rules: {
    readonly messages: readonly { readonly request: number; readonly answer: 'own-reply' | 'acknowledgement' }[];
  };
}

/** Headers, acknowledgements and all that leaves the session. */
export interface ReplyRules {
  /** Payloads larger than this end the connection: the stream behind such a header cannot be trusted. */
  readonly largestPayload: number;
  readonly acceptsVersion: (flags: number) => boolean;
  readonly replyFlags: (requestFlags: number) => number;
  readonly replyRequest: (request: number) => number;
  readonly replySize: (payload: Uint8Array) => number;
  readonly wantsAcknowledgement: (requestFlags: number, replyAckNegotiated: boolean) => boolean;
  /** Whether the connection ends at a refused request whose own reply has no form for a failure. */
  readonly closesWhereNoReplyCanFail: boolean;
  readonly success: bigint;
  readonly failure: bigint;
  /** What is really sent for one message that is to be sent; the last stop before the edge. */
  readonly leaving: (
    message: OutgoingMessage,
    requestFlags: number,
    session: ReplyingSession,
  ) => readonly OutgoingMessage[];
}

export const replyRules: ReplyRules = {
  largestPayload: 4096,
  acceptsVersion: (flags) => (flags & VHOST_USER_VERSION_MASK) === VHOST_USER_VERSION,
  replyFlags: () => VHOST_USER_REPLY_FLAGS,
  replyRequest: (request) => request,
  replySize: (payload) => payload.length,
  wantsAcknowledgement: (requestFlags, replyAckNegotiated) =>
    replyAckNegotiated && (requestFlags & VHOST_USER_NEED_REPLY_MASK) !== 0,
  closesWhereNoReplyCanFail: true,
  success: 0n,
  failure: 1n,
  leaving: (message) => [message],
};
