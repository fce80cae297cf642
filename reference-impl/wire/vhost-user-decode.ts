import { noContext } from './decode-checks.ts';
import { decodeReply } from './decode-reply.ts';
import { decodeRequest } from './decode-request.ts';
import type { DecodedReply, DecodedRequest } from './decoded-message.ts';
import type { Direction, NegotiatedContext } from './message-description.ts';
import { VHOST_USER_HEADER_SIZE, VHOST_USER_REPLY_MASK } from './vhost-user-constants.ts';
import { messageById } from './vhost-user-messages.ts';
import { type Decoded, wireProblem } from './wire-problem.ts';

export { decodeReply, decodeReplyAt } from './decode-reply.ts';
export { decodeRequest, decodeRequestAt } from './decode-request.ts';
export type * from './decoded-message.ts';

/** Reads a request, or the reply to one, by the reply flag. A reply to an unknown request has no value. */
export function decodeMessage(
  direction: Direction,
  bytes: Uint8Array,
  descriptorCount: number,
  context: NegotiatedContext = noContext,
): Decoded<DecodedRequest | DecodedReply> {
  const flags = bytes.length < VHOST_USER_HEADER_SIZE ? 0 : (bytes[4] ?? 0);
  if ((flags & VHOST_USER_REPLY_MASK) === 0) {
    return decodeRequest(direction, bytes, descriptorCount, context);
  }
  const id = new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(0, true);
  const message = messageById(direction, id);
  if (message === undefined) {
    const detail = `no ${direction} message has the id ${id}`;
    return { ok: false, problems: [wireProblem('unknown-request', 0, 'request', detail)] };
  }
  return decodeReply(message, bytes, descriptorCount, context, true);
}
