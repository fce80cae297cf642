import type { FeatureOwner } from '../../reference-impl/catalogue/features.ts';
import type { ObservedEvent } from '../../reference-impl/observations/event.ts';
import type { Annotation } from '../../reference-impl/wire/annotator.ts';
import { accessText, type CallText, ioctlText } from '../html/call-text.ts';
import { continuations } from '../html/message-pieces.ts';
import { hex, messageAnnotations, messageTitle } from '../html/message-title.ts';
import { frameWords } from '../trace/event-in-words.ts';
import { layoutsOf, ringWriteWords, type TracedLayout, tableWords } from '../trace/ring-write-words.ts';
import type { Trace } from '../trace/trace.ts';

export interface TraceFacts {
  /** Whose feature bits it holds. */
  readonly owner?: FeatureOwner | undefined;
  /** Sequence numbers of the events at which checks failed. */
  readonly failing: ReadonlySet<number>;
}

/** One event: a line, and the fields of its bytes. */
export interface TracedLine {
  readonly event: ObservedEvent;
  readonly title: string;
  readonly fields: readonly Annotation[];
}

/** Every event of a trace in words. */
export function tracedLines(trace: Trace, { owner }: Pick<TraceFacts, 'owner'>): TracedLine[] {
  const pieces = continuations(trace.events);
  const layouts = layoutsOf(trace.key, trace.events);
  return trace.events.map((event) => lineOf(event, pieces.has(event.seq), layouts, owner));
}

function lineOf(
  event: ObservedEvent,
  isPiece: boolean,
  layouts: ReadonlyMap<number, TracedLayout>,
  owner: FeatureOwner | undefined,
): TracedLine {
  switch (event.kind) {
    case 'message': {
      const { name, brief } = messageTitle(event, isPiece, owner);
      const descriptors = event.descriptors === 0 ? '' : ` + ${event.descriptors} fd`;
      const channel = event.channel === 'back-end' ? 'back-end channel, ' : '';
      const arrow = event.direction === 'to-iut' ? '->' : '<-';
      const title = `${arrow} ${name}${brief === '' ? '' : `  ${brief}`}  (${channel}${event.length} B${descriptors})`;
      return { event, title, fields: messageAnnotations(event, isPiece, owner) };
    }
    case 'ioctl':
      return callLine(event, '=>', ioctlText(event));
    case 'region-access':
      return callLine(event, event.access === 'read' ? '<-' : '->', accessText(event));
    case 'ring-write': {
      const words = ringWriteWords(event, layouts.get(event.index) ?? 'split');
      const what = event.what.replaceAll('-', ' ');
      return plain(event, `   ${what}, ring ${event.index} at 0x${event.address.toString(16)}: ${words}`);
    }
    case 'indirect-table': {
      const layout = layouts.get(event.index) ?? 'split';
      const title = `   indirect table, ring ${event.index} at 0x${event.address.toString(16)}: ${tableWords(event, layout)}`;
      return plain(event, title);
    }
    case 'frame': {
      const arrow = event.direction === 'to-iut' ? '->' : '<-';
      const header = event.header.every((byte) => byte === 0) ? '' : `, header ${hex(event.header)}`;
      return plain(event, `${arrow} frame, ring ${event.index}: ${frameWords(event)}${header}`);
    }
    case 'notification':
      return plain(event, `   ${event.what}, ring ${event.index}${event.count === 1 ? '' : `, count ${event.count}`}`);
    case 'connection':
      return plain(event, `-- connection ${event.session} ${event.state.replaceAll('-', ' ')}${detail(event.detail)}`);
    case 'process':
      return plain(event, `-- process ${event.state.replaceAll('-', ' ')}${detail(event.detail)}`);
    case 'memory-change': {
      const where = `region ${event.region} offset 0x${event.offset.toString(16)}, ${event.length} bytes`;
      return plain(event, `   memory changed, ${where}: ${hex(event.bytes.subarray(0, 32))}${detail(event.note)}`);
    }
    case 'note':
      return plain(event, `-- ${event.text}`);
  }
}

const plain = (event: ObservedEvent, title: string): TracedLine => ({ event, title, fields: [] });
const detail = (text: string): string => (text === '' ? '' : `: ${text}`);

function callLine(event: ObservedEvent, arrow: string, { name, brief, place, answer, blocks }: CallText): TracedLine {
  const words = [name, brief, place === '' ? '' : `(${place})`, answer === '' ? '' : `= ${answer}`];
  const title = `${arrow} ${words.filter((word) => word !== '').join('  ')}`;
  return { event, title, fields: blocks.at(-1)?.annotations ?? [] };
}

/** The whole trace as text: a line for each event, the fields of its bytes below. */
export function traceText(trace: Trace, facts: TraceFacts): string {
  const { target, key, repetition } = trace;
  const head = `${target}: ${key}${repetition === 0 ? '' : ` (repetition ${repetition})`}`;
  return `${[head, '', ...linesOf(trace, facts)].join('\n')}\n`;
}

function linesOf(trace: Trace, facts: TraceFacts): string[] {
  const lines: string[] = [];
  let next = 0;
  for (const { event, title, fields } of tracedLines(trace, facts)) {
    if (event.seq > next) lines.push(`       … ${event.seq - next} events were not recorded`);
    next = event.seq + 1;
    const mark = facts.failing.has(event.seq) ? ' <== a check failed here' : '';
    lines.push(
      `${String(event.seq).padStart(6)} ${milliseconds(event.timeUs)} ${title}${mark}`,
      ...fields.map(fieldLine),
    );
  }
  const { dropped, events } = trace;
  if (dropped > 0) lines.push('', `${dropped} of ${events.length + dropped} events were not recorded.`);
  return lines;
}

const milliseconds = (timeUs: number): string => `${(timeUs / 1000).toFixed(3).padStart(11)} ms`;

function fieldLine({ offset, length, field, value, note }: Annotation): string {
  const place = `${offset}${length > 1 ? `-${offset + length - 1}` : ''}`;
  return `${' '.repeat(25)}${place.padEnd(9)} ${field.padEnd(20)} ${[value, note ?? ''].join('  ').trimEnd()}`;
}
