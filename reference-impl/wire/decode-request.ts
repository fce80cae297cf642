import { checkDescriptors, checkGates, checkHeader, Findings, noContext, readPayload } from './decode-checks.ts';
import type { BackEndRequest, DecodedRequest, FrontEndRequest } from './decoded-message.ts';
import { type Direction, isGateOpen, type NegotiatedContext, protocolGate } from './message-description.ts';
import { VHOST_USER_HEADER_SIZE, VHOST_USER_NEED_REPLY_MASK, VHOST_USER_REPLY_MASK } from './vhost-user-constants.ts';
import { messageById } from './vhost-user-messages.ts';
import type { Decoded } from './wire-problem.ts';

const replyAck = protocolGate('VHOST_USER_PROTOCOL_F_REPLY_ACK');

/** As `decodeRequest`, of the `length` bytes at `offset`; offsets in problems count from there. */
export function decodeRequestAt(
  direction: 'front-end',
  view: DataView,
  offset: number,
  length: number,
  descriptorCount: number,
  context?: NegotiatedContext,
): Decoded<FrontEndRequest>;
export function decodeRequestAt(
  direction: 'back-end',
  view: DataView,
  offset: number,
  length: number,
  descriptorCount: number,
  context?: NegotiatedContext,
): Decoded<BackEndRequest>;
export function decodeRequestAt(
  direction: Direction,
  view: DataView,
  offset: number,
  length: number,
  descriptorCount: number,
  context?: NegotiatedContext,
): Decoded<DecodedRequest>;
export function decodeRequestAt(
  direction: Direction,
  view: DataView,
  offset: number,
  length: number,
  descriptorCount: number,
  context: NegotiatedContext = noContext,
): Decoded<DecodedRequest> {
  const findings = new Findings();
  if (!checkHeader(view, offset, length, findings)) {
    return findings.refuse();
  }
  const request = view.getUint32(offset, true);
  const flags = view.getUint32(offset + 4, true);
  const size = view.getUint32(offset + 8, true);
  if ((flags & VHOST_USER_REPLY_MASK) !== 0) {
    findings.problem('reply-flag-on-request', 4, 'flags', 'a request carries the reply flag');
  }
  const needsReply = (flags & VHOST_USER_NEED_REPLY_MASK) !== 0;
  if (needsReply && isGateOpen(replyAck, context) === false) {
    findings.remark('need-reply-not-negotiated', 4, 'flags', 'need_reply without VHOST_USER_PROTOCOL_F_REPLY_ACK');
  }
  const message = messageById(direction, request);
  if (message === undefined) {
    findings.problem('unknown-request', 0, 'request', `no ${direction} message has the id ${request}`);
    return findings.refuse();
  }
  checkGates(message, context, findings);
  const readable = Math.min(size, length - VHOST_USER_HEADER_SIZE);
  const payload = readPayload(message.request, context, view, offset, readable, findings);
  if (payload === undefined) {
    return findings.refuse();
  }
  const { codec, value } = payload;
  checkDescriptors(message, 'request', value, descriptorCount, findings);
  const decoded = { request, flags, size, needsReply, name: message.name, message, codec, value, descriptorCount };
  return findings.settle(decoded as DecodedRequest);
}

/**
 * Reads one whole request, header and payload, that came with `descriptorCount` descriptors.
 * Never throws; without a value, every problem found is named, with its byte and field.
 */
export function decodeRequest(
  direction: 'front-end',
  bytes: Uint8Array,
  descriptorCount: number,
  context?: NegotiatedContext,
): Decoded<FrontEndRequest>;
export function decodeRequest(
  direction: 'back-end',
  bytes: Uint8Array,
  descriptorCount: number,
  context?: NegotiatedContext,
): Decoded<BackEndRequest>;
export function decodeRequest(
  direction: Direction,
  bytes: Uint8Array,
  descriptorCount: number,
  context?: NegotiatedContext,
): Decoded<DecodedRequest>;
export function decodeRequest(
  direction: Direction,
  bytes: Uint8Array,
  descriptorCount: number,
  context: NegotiatedContext = noContext,
): Decoded<DecodedRequest> {
  return decodeRequestAt(
    direction,
    new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
    0,
    bytes.length,
    descriptorCount,
    context,
  );
}
