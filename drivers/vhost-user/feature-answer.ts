import { VHOST_USER_HEADER_SIZE, VHOST_USER_REPLY_FLAGS } from '../../reference-impl/wire/vhost-user-constants.ts';
import type { FeatureWord, ReceivedMessage } from '../port/port.ts';
import { u64Of } from './negotiated-words.ts';

/** Version and reply flag; the bit between says that an acknowledgement is wanted. */
const replyMask = 0x7;
const shownBytes = 16;

/** The word in an answer to a request for one; what is no vhost-user is named for what it is instead. */
export function featureAnswer(message: ReceivedMessage, request: string): FeatureWord {
  const { payload, flags } = message;
  if ((flags & replyMask) !== VHOST_USER_REPLY_FLAGS) {
    return { kind: 'malformed', why: whyForeign(beginOf(message), request, true) };
  }
  if (payload.length === 8) return { kind: 'word', word: u64Of(message) };
  return { kind: 'malformed', why: `its answer to ${request} has ${payload.length} bytes in place of 8` };
}

/** The protocol of a peer whose answer begins so. @param hasMore whether more of the answer may have come. */
export function whyForeign(begin: Uint8Array, request: string, hasMore: boolean): string {
  const bytes = Buffer.from(begin.buffer, begin.byteOffset, begin.length);
  if (bytes.toString('latin1').startsWith('HTTP/')) return 'it speaks HTTP and not vhost-user';
  const shown = bytes
    .subarray(0, shownBytes)
    .toString('hex')
    .replace(/..(?=.)/g, '$& ');
  const rest = hasMore || begin.length > shownBytes ? ' …' : '';
  return `it answers ${request} with something that is not vhost-user: ${shown}${rest}`;
}

/** The bytes with which a message came: its header, and what there is of a payload. */
function beginOf({ request, flags, size, payload }: ReceivedMessage): Buffer {
  const header = Buffer.alloc(VHOST_USER_HEADER_SIZE);
  for (const [at, word] of [request, flags, size].entries()) header.writeUInt32LE(word >>> 0, at * 4);
  return Buffer.concat([header, payload]);
}
