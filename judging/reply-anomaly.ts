import type { ObservedEvent } from '../reference-impl/observations/event.ts';
import type { Layout } from '../reference-impl/wire/layout.ts';
import { flagsAt, payloadSizeAt, requestAt } from '../reference-impl/wire/vhost-user-codec.ts';
import { VHOST_USER_HEADER_SIZE, VHOST_USER_REPLY_FLAGS } from '../reference-impl/wire/vhost-user-constants.ts';
import { messageById } from '../reference-impl/wire/vhost-user-messages.ts';

/** Version and reply flag. */
const replyMask = 0x7;
const acknowledgementBytes = 8;

/**
 * The first message of an IUT on a vhost-user connection that cannot be an answer to any request, by its number, flags,
 * size and descriptors; undefined where there is none. What reads such a message may fail anywhere.
 */
export function replyAnomaly(events: readonly ObservedEvent[]): string | undefined {
  for (const event of events) {
    if (event.kind !== 'message' || event.direction !== 'from-iut' || event.channel !== 'front-end') continue;
    const { bytes, descriptors } = event;
    if (bytes.length < VHOST_USER_HEADER_SIZE) continue;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const why = whyNoReply(requestAt(view, 0), flagsAt(view, 0), payloadSizeAt(view, 0), descriptors);
    if (why !== undefined) return why;
  }
  return undefined;
}

function whyNoReply(request: number, flags: number, size: number, descriptors: number): string | undefined {
  const message = messageById('front-end', request);
  if (message === undefined) return `it answers request ${request}, which there is not`;
  const { name, reply = [], replyDescriptors } = message;
  if ((flags & replyMask) !== VHOST_USER_REPLY_FLAGS) return `it answers ${name} with flags 0x${flags.toString(16)}`;
  const fits = reply.some(({ codec }) => hasVariablePart(codec.layout) || codec.size === size);
  if (!fits && size !== acknowledgementBytes) return `it answers ${name} with ${size} bytes of payload`;
  if (descriptors > replyDescriptors.maximum) return `it answers ${name} with ${descriptors} descriptors`;
  return undefined;
}

function hasVariablePart(layout: Layout): boolean {
  return layout.some(({ kind }) => kind === 'repeated' || kind === 'tail');
}
