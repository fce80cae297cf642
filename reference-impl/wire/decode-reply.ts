import { checkDescriptors, checkHeader, Findings, noContext, readPayload } from './decode-checks.ts';
import type { DecodedReply } from './decoded-message.ts';
import {
  hasOwnReply,
  type MessageDescription,
  type NegotiatedContext,
  type PayloadForm,
} from './message-description.ts';
import { VHOST_USER_HEADER_SIZE, VHOST_USER_NEED_REPLY_MASK, VHOST_USER_REPLY_MASK } from './vhost-user-constants.ts';
import type { MessageName } from './vhost-user-messages.ts';
import { u64Payload } from './vhost-user-payloads.ts';
import type { Decoded } from './wire-problem.ts';

const acknowledgementForms: readonly PayloadForm[] = [{ codec: u64Payload }];

/** The forms that a reply may take, the acknowledgement of REPLY_ACK first where it is possible. */
function replyForms(
  message: MessageDescription,
  context: NegotiatedContext,
  needsReply: boolean,
): { readonly forms: readonly PayloadForm[]; readonly mayAcknowledge: boolean } {
  const isOwn = hasOwnReply(message, context);
  const own = isOwn === false ? [] : (message.reply ?? []);
  const mayAcknowledge = own.length === 0 || (isOwn === undefined && needsReply);
  return { forms: mayAcknowledge ? [...acknowledgementForms, ...own] : own, mayAcknowledge };
}

/** As `decodeReply`, of the `length` bytes at `offset`; offsets in problems count from there. */
export function decodeReplyAt(
  message: MessageDescription<MessageName>,
  view: DataView,
  offset: number,
  length: number,
  descriptorCount: number,
  context: NegotiatedContext = noContext,
  needsReply = false,
): Decoded<DecodedReply> {
  const findings = new Findings();
  if (!checkHeader(view, offset, length, findings)) {
    return findings.refuse();
  }
  const request = view.getUint32(offset, true);
  const flags = view.getUint32(offset + 4, true);
  const size = view.getUint32(offset + 8, true);
  const repliesAgain = (flags & VHOST_USER_NEED_REPLY_MASK) !== 0;
  if ((flags & VHOST_USER_REPLY_MASK) === 0) {
    findings.problem('reply-flag-missing', 4, 'flags', 'a reply without the reply flag');
  }
  if (repliesAgain) {
    findings.remark('need-reply-on-reply', 4, 'flags', 'a reply asks for a reply');
  }
  if (request !== message.id) {
    findings.problem('request-mismatch', 0, 'request', `reply to ${request} where ${message.id} was asked`);
  }
  if (!needsReply && hasOwnReply(message, context) === false) {
    findings.problem('reply-not-expected', 0, 'request', `${message.name} is not answered here`);
  }
  const { forms, mayAcknowledge } = replyForms(message, context, needsReply);
  const readable = Math.min(size, length - VHOST_USER_HEADER_SIZE);
  const payload = readPayload(forms, context, view, offset, readable, findings);
  if (payload === undefined) {
    return findings.refuse();
  }
  const { codec, value } = payload;
  const isAcknowledgement = mayAcknowledge && codec === u64Payload;
  if (!isAcknowledgement) {
    checkDescriptors(message, 'reply', value, descriptorCount, findings);
  } else if (descriptorCount > 0) {
    findings.problem('unexpected-descriptors', 0, 'descriptors', `${descriptorCount} with an acknowledgement`);
  }
  const name = message.name;
  const header = { request, flags, size, needsReply: repliesAgain };
  return findings.settle({ ...header, name, message, codec, value, descriptorCount, isAcknowledgement });
}

/**
 * Reads the reply to `message`. `needsReply` is whether the request asked for an acknowledgement.
 * Never throws; without a value, every problem found is named, with its byte and field.
 */
export function decodeReply(
  message: MessageDescription<MessageName>,
  bytes: Uint8Array,
  descriptorCount: number,
  context: NegotiatedContext = noContext,
  needsReply = false,
): Decoded<DecodedReply> {
  return decodeReplyAt(
    message,
    new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
    0,
    bytes.length,
    descriptorCount,
    context,
    needsReply,
  );
}
