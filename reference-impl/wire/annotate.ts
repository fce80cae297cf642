import { annotationNote } from './annotation-notes.ts';
import { type Annotation, Annotator, type FieldNote, numberText } from './annotator.ts';
import type { Codec } from './compile-layout.ts';
import type { Direction, MessageDescription } from './message-description.ts';
import { VHOST_USER_HEADER_SIZE, VHOST_USER_REPLY_MASK } from './vhost-user-constants.ts';
import { messageById } from './vhost-user-messages.ts';
import { u64Payload } from './vhost-user-payloads.ts';

function bestForm(
  message: MessageDescription,
  isReply: boolean,
  view: DataView,
  size: number,
): Codec<unknown> | undefined {
  const forms = isReply ? (message.reply ?? [{ codec: u64Payload }]) : message.request;
  // An acknowledgement is by far the likelier reply, and its 8 bytes also read as a table without regions.
  const candidates = isReply && message.ownReply !== 'always' ? [{ codec: u64Payload }, ...forms] : forms;
  const fitting = candidates.find((form) => form.codec.decode(view, VHOST_USER_HEADER_SIZE, size).ok);
  return (fitting ?? candidates[0])?.codec;
}

/**
 * Says what every byte of a message is. Copes with anything: what cannot be read is annotated as bytes, with why.
 * The annotations are in order, do not overlap and cover all bytes.
 */
export function annotate(direction: Direction, bytes: Uint8Array): readonly Annotation[] {
  const annotator = new Annotator(bytes);
  if (bytes.length < VHOST_USER_HEADER_SIZE) {
    annotator.raw(0, bytes.length, 'header', `cut: ${bytes.length} of 12 bytes`);
    return annotator.annotations;
  }
  const request = annotator.u32(0);
  const flags = annotator.u32(4);
  const size = annotator.u32(8);
  const message = messageById(direction, request);
  const isReply = (flags & VHOST_USER_REPLY_MASK) !== 0;
  const present = bytes.length - VHOST_USER_HEADER_SIZE;
  annotator.add(0, 4, 'request', numberText(request), message?.name ?? `no ${direction} message has this id`);
  annotator.add(4, 4, 'flags', numberText(flags), annotationNote('header', 'flags', flags));
  const differs = size === present ? undefined : `${present} bytes follow`;
  annotator.add(8, 4, 'size', numberText(size), differs);
  const end = VHOST_USER_HEADER_SIZE + Math.min(size, present);
  let at = VHOST_USER_HEADER_SIZE;
  if (message === undefined) {
    annotator.raw(at, end, 'payload', 'of an unknown request');
    at = end;
  } else {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const codec = bestForm(message, isReply, view, end - at);
    const note: FieldNote = (field, value) => annotationNote(message.name, field, value);
    at = codec === undefined ? at : annotator.fields(codec.layout, at, end, '', note);
    annotator.raw(at, end, 'payload', 'beyond the known payload');
  }
  annotator.raw(end, annotator.end, 'trailing', 'beyond the declared size');
  return annotator.annotations;
}
