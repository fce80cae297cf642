import type { JSX } from 'preact';
import type {
  ConnectionObservation,
  MessageObservation,
  Observation,
  ObservedEvent,
  ProcessObservation,
} from '../../reference-impl/observations/event.ts';
import { AnnotatedBytes, hex, messageTitle } from './annotated-bytes.tsx';
import { ForeignText } from './foreign-text.tsx';
import type { ExcerptItem, TraceExcerpt } from './trace-excerpt.ts';

/** What went between front-end and back-end, in order, in two lanes. */
export function MessageSequence({ excerpt }: { readonly excerpt: TraceExcerpt }): JSX.Element {
  return (
    <div class="sequence">
      <div class="lanes" aria-hidden="true">
        <span>front-end · us</span>
        <span>back-end · under test</span>
      </div>
      <ol>
        {excerpt.items.map((item) => (
          <SequenceItem key={item.kind === 'event' ? item.event.seq : `${item.kind} ${item.seq}`} item={item} />
        ))}
      </ol>
    </div>
  );
}

function SequenceItem({ item }: { readonly item: ExcerptItem }): JSX.Element {
  if (item.kind === 'gap') return <li class="gap">{item.missing} more</li>;
  if (item.kind === 'repeated') {
    const what = item.events === 1 ? 'this' : `the last ${item.events} events,`;
    return (
      <li class="gap">
        {what} {item.times} times more
      </li>
    );
  }
  const { event, isFailing, isContinuation } = item;
  return (
    <li class={`event ${event.kind} ${laneOf(event)}${isFailing ? ' failing' : ''}`}>
      <time>{milliseconds(event.timeUs)}</time>
      {event.kind === 'message' ? (
        <Message event={event} isOpen={isFailing} isContinuation={isContinuation} />
      ) : (
        <EventBody event={event} />
      )}
      {isFailing ? <strong class="verdict">the check failed here</strong> : null}
    </li>
  );
}

/** `to` and `from` cross between the lanes, `us` and `iut` stay in one. */
function laneOf(event: ObservedEvent): 'to' | 'from' | 'us' | 'iut' | 'both' {
  switch (event.kind) {
    case 'message':
      return event.direction === 'to-iut' ? 'to' : 'from';
    case 'notification':
      return event.what === 'kick' ? 'to' : 'from';
    case 'ring-write':
      return event.what === 'used-seen' ? 'iut' : 'us';
    case 'memory-change':
    case 'process':
      return 'iut';
    case 'connection':
    case 'note':
      return 'both';
  }
}

function EventBody({ event }: { readonly event: Exclude<Observation, MessageObservation> }): JSX.Element {
  switch (event.kind) {
    case 'notification':
      return (
        <p class="arrow">
          <b>{event.what}</b> ring {event.index}
          {event.count === 1 ? '' : `, count ${event.count}`}
        </p>
      );
    case 'ring-write':
      return (
        <p class="own">
          <b>{event.what.replaceAll('-', ' ')}</b> {event.index} at 0x{event.address.toString(16)}{' '}
          <code>{shortHex(event.bytes)}</code>
        </p>
      );
    case 'connection':
      return (
        <p class="own">
          <b>connection {event.session}</b> {connectionWords[event.state]}
          <Detail text={event.detail} />
        </p>
      );
    case 'process':
      return (
        <p class={`own ${event.state}`}>
          <b>process {processWords[event.state]}</b>
          <Detail text={event.detail} />
        </p>
      );
    case 'memory-change':
      return (
        <p class="own">
          <b>memory changed</b> region {event.region} offset 0x{event.offset.toString(16)}, {event.length} bytes{' '}
          <code>{shortHex(event.bytes)}</code>
          <Detail text={event.note} />
        </p>
      );
    case 'note':
      return (
        <p class="own">
          <ForeignText text={event.text} />
        </p>
      );
  }
}

const connectionWords: Record<ConnectionObservation['state'], string> = {
  opened: 'opened',
  'closed-by-iut': 'closed by the back-end',
  'closed-by-us': 'closed by us',
  refused: 'refused',
};

const processWords: Record<ProcessObservation['state'], string> = {
  started: 'started',
  ready: 'ready',
  died: 'died',
  'ended-by-us': 'ended by us',
};

function Detail({ text }: { readonly text: string }): JSX.Element | null {
  if (text === '') return null;
  return (
    <>
      : <ForeignText text={text} />
    </>
  );
}

function Message(props: {
  readonly event: MessageObservation;
  readonly isOpen: boolean;
  readonly isContinuation: boolean;
}): JSX.Element {
  const { event, isOpen, isContinuation } = props;
  const { name, brief } = messageTitle(event, isContinuation);
  const descriptors = event.descriptors === 0 ? '' : ` + ${event.descriptors} fd`;
  const channel = event.channel === 'back-end' ? 'back-end channel, ' : '';
  return (
    <details open={isOpen}>
      <summary class="arrow">
        <span class="unseen">{event.direction === 'to-iut' ? 'to the back-end: ' : 'from the back-end: '}</span>
        <b>{name}</b>
        {brief === '' ? null : <span class="brief"> {brief}</span>}
        <span class="size">
          {' '}
          {channel}
          {event.length} B{descriptors}
        </span>
      </summary>
      <AnnotatedBytes event={event} isContinuation={isContinuation} />
    </details>
  );
}

function shortHex(bytes: Uint8Array): string {
  return bytes.length > 16 ? `${hex(bytes.subarray(0, 16))} … (${bytes.length} bytes)` : hex(bytes);
}

function milliseconds(timeUs: number): string {
  return `${(timeUs / 1000).toFixed(3)} ms`;
}
