import type { JSX } from 'preact';
import type { Annotation } from '../../reference-impl/wire/annotator.ts';
import { hex } from './message-title.ts';

const longestDump = 160;
const mostFields = 40;

export interface AnnotatedBytesProps {
  readonly bytes: Uint8Array;
  /** In order, over all of the bytes. */
  readonly annotations: readonly Annotation[];
  /** Bytes that there were; the trace may hold fewer. */
  readonly length: number;
  readonly title?: string;
}

/** Some bytes, and for each field in them its offset, name, value and meaning. */
export function AnnotatedBytes(props: AnnotatedBytesProps): JSX.Element {
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
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and the arrow keys choose a field in it */}
      {/* biome-ignore lint/a11y/useSemanticElements: it is no group of controls */}
      <div class="scroll" role="group" aria-label="Fields of these bytes" tabIndex={0}>
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
