import type { FeatureOwner } from '../../reference-impl/catalogue/features.ts';
import type { MessageObservation } from '../../reference-impl/observations/event.ts';
import { annotate } from '../../reference-impl/wire/annotate.ts';
import type { Annotation } from '../../reference-impl/wire/annotator.ts';
import { withFeatureNames } from '../trace/feature-words.ts';

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
}

/** What the bytes of a message are; those of a later piece of one are bytes. */
export function messageAnnotations(
  event: MessageObservation,
  isContinuation: boolean,
  owner?: FeatureOwner,
): readonly Annotation[] {
  if (!isContinuation) {
    const annotations = annotate(event.channel, event.bytes);
    const request = annotations.find(({ field }) => field === 'request')?.note ?? '';
    return withFeatureNames(annotations, request, owner);
  }
  const { length } = event.bytes;
  const note = 'continues the message before it';
  return length === 0 ? [] : [{ offset: 0, length, field: 'bytes', value: '', note }];
}

/** Name of a message, and the first fields of its payload, in a line. */
export function messageTitle(
  event: MessageObservation,
  isContinuation: boolean,
  owner?: FeatureOwner,
): { readonly name: string; readonly brief: string } {
  if (isContinuation) return { name: 'the next piece', brief: shorten(hex(event.bytes)) };
  if (event.bytes.length < payloadOffset) return { name: 'piece of a header', brief: hex(event.bytes) };
  const annotations = messageAnnotations(event, isContinuation, owner);
  const request = annotations.find(({ field }) => field === 'request');
  const flags = annotations.find(({ field }) => field === 'flags');
  const name = request?.note?.startsWith('VHOST_USER_') ? request.note : `request ${request?.value ?? ''}`;
  const isReply = flags?.note?.includes('reply') === true && flags.note.split(', ').includes('reply');
  const payload = annotations.filter(({ offset, field }) => offset >= payloadOffset && !field.startsWith('padding'));
  const brief = payload
    .slice(0, 3)
    .map(({ field, value, note }) =>
      isWordOfBits(name, field) ? (note ?? 'no bit') : `${field} ${value.replace(/ \(.*\)$/, '')}`,
    )
    .join(', ');
  const more = payload.length > 3 ? ', …' : '';
  return { name: isReply ? `${name} reply` : name, brief: `${shorten(brief)}${more}` };
}

/** The names of bits say more than the word. */
const isWordOfBits = (request: string, field: string): boolean => field === 'u64' && /_FEATURES$/.test(request);

const payloadOffset = 12;

export function shorten(text: string): string {
  return text.length > 72 ? `${text.slice(0, 70)}…` : text;
}
