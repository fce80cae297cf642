import type { JSX } from 'preact';
import type { MessageObservation } from '../../reference-impl/observations/event.ts';
import { annotate } from '../../reference-impl/wire/annotate.ts';
import type { Annotation } from '../../reference-impl/wire/annotator.ts';

const longestDump = 160;
const mostFields = 40;

/** Some bytes, and for each field in them its offset, name, value and meaning. */
export function AnnotatedBytes(props: {
  readonly bytes: Uint8Array;
  /** In order, over all of the bytes. */
  readonly annotations: readonly Annotation[];
  /** Bytes that there were; the trace may hold fewer. */
  readonly length: number;
  readonly title?: string;
}): JSX.Element {
  const { bytes, annotations, length, title } = props;
  const shown = annotations.slice(0, mostFields);
  const unrecorded = length - bytes.length;
  return (
    <div class="bytes">
      {title === undefined ? null : <h5>{title}</h5>}
      <pre class="dump">
        {shown.map((annotation, index) => (
          <DumpedField key={annotation.offset} bytes={bytes} annotation={annotation} index={index} />
        ))}
      </pre>
      <div class="scroll">
        <table class="fields">
          <thead>
            <tr>
              <th scope="col">offset</th>
              <th scope="col">field</th>
              <th scope="col">value</th>
              <th scope="col">meaning</th>
            </tr>
          </thead>
          <tbody>
            {shown.map(({ offset, length, field, value, note }, index) => (
              <tr key={offset} data-b={index}>
                <td>
                  {offset}
                  {length > 1 ? `–${offset + length - 1}` : ''}
                </td>
                <td>{field}</td>
                <td>{value}</td>
                <td>{note}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {annotations.length > shown.length ? (
        <p class="muted">{annotations.length - shown.length} more fields are in the trace file.</p>
      ) : null}
      {unrecorded > 0 ? (
        <p class="muted">
          The trace holds the first {bytes.length} of {length} bytes.
        </p>
      ) : null}
    </div>
  );
}

function DumpedField(props: {
  readonly bytes: Uint8Array;
  readonly annotation: Annotation;
  readonly index: number;
}): JSX.Element | null {
  const { bytes, annotation, index } = props;
  const room = longestDump - annotation.offset;
  if (room <= 0) return null;
  const { offset, length } = annotation;
  const hidden = Math.max(0, length - room);
  return (
    <>
      <span data-b={index}>{hex(bytes.subarray(offset, offset + length - hidden))}</span>
      {hidden > 0 ? ' …' : ' '}
    </>
  );
}

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
}

/** What the bytes of a message are; those of a later piece of one are bytes. */
export function messageAnnotations(event: MessageObservation, isContinuation: boolean): readonly Annotation[] {
  if (!isContinuation) return annotate(event.channel, event.bytes);
  const { length } = event.bytes;
  const note = 'goes on with the message begun before';
  return length === 0 ? [] : [{ offset: 0, length, field: 'bytes', value: '', note }];
}

/** Name of a message, and the first fields of its payload, in a line. */
export function messageTitle(
  event: MessageObservation,
  isContinuation: boolean,
): { readonly name: string; readonly brief: string } {
  if (isContinuation) return { name: 'the next piece', brief: shorten(hex(event.bytes)) };
  if (event.bytes.length < payloadOffset) return { name: 'piece of a header', brief: hex(event.bytes) };
  const annotations = annotate(event.channel, event.bytes);
  const request = annotations.find(({ field }) => field === 'request');
  const flags = annotations.find(({ field }) => field === 'flags');
  const name = request?.note?.startsWith('VHOST_USER_') ? request.note : `request ${request?.value ?? ''}`;
  const isReply = flags?.note?.includes('reply') === true && flags.note.split(', ').includes('reply');
  const payload = annotations.filter(({ offset, field }) => offset >= payloadOffset && !field.startsWith('padding'));
  const brief = payload
    .slice(0, 3)
    .map(({ field, value }) => `${field} ${value.replace(/ \(.*\)$/, '')}`)
    .join(', ');
  const more = payload.length > 3 ? ', …' : '';
  return { name: isReply ? `${name} reply` : name, brief: `${shorten(brief)}${more}` };
}

const payloadOffset = 12;

export function shorten(text: string): string {
  return text.length > 72 ? `${text.slice(0, 70)}…` : text;
}
