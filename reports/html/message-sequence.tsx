import type { JSX } from 'preact';
import type { FeatureOwner } from '../../reference-impl/catalogue/features.ts';
import type {
  ConnectionObservation,
  IoctlObservation,
  MessageObservation,
  Observation,
  ObservedEvent,
  ProcessObservation,
  RegionAccessObservation,
} from '../../reference-impl/observations/event.ts';
import type { TargetRecord } from '../record/record.ts';
import { frameWords } from '../trace/event-in-words.ts';
import { featureOwnerOf } from '../trace/feature-words.ts';
import { ringWriteWords, tableWords } from '../trace/ring-write-words.ts';
import { DeviceCall } from './device-call.tsx';
import { ForeignText } from './foreign-text.tsx';
import { hex, messageAnnotations, messageTitle } from './message-title.ts';
import { WithFields } from './shared-fields.tsx';
import type { ExcerptItem, TraceExcerpt } from './trace-excerpt.ts';

/** What the two ends of a transport are called. */
export interface Ends {
  readonly ours: string;
  readonly theirs: string;
  /** Whose feature bits go over it. */
  readonly owner?: FeatureOwner | undefined;
}

export function endsOf(target: Pick<TargetRecord, 'transport' | 'device' | 'role'> | undefined): Ends {
  const owner = featureOwnerOf(target);
  if (target?.role === 'front-end') return { ours: 'back-end', theirs: 'front-end', owner };
  if (target?.transport === 'vhost-user') return { ours: 'front-end', theirs: 'back-end', owner };
  return { ours: 'driver', theirs: 'device', owner };
}

/** What went between front-end and back-end, or driver and device, in order, in two lanes. */
export function MessageSequence(props: { readonly excerpt: TraceExcerpt; readonly ends: Ends }): JSX.Element {
  const { excerpt, ends } = props;
  return (
    <div class="sequence">
      <div class="lanes" aria-hidden="true">
        <span>{ends.ours} · us</span>
        <span>{ends.theirs} · under test</span>
      </div>
      <ol>
        {excerpt.items.map((item) => (
          <SequenceItem
            key={item.kind === 'event' ? item.event.seq : `${item.kind} ${item.seq}`}
            item={item}
            ends={ends}
            layouts={excerpt.layouts}
          />
        ))}
      </ol>
    </div>
  );
}

type Layouts = TraceExcerpt['layouts'];

function SequenceItem(props: {
  readonly item: ExcerptItem;
  readonly ends: Ends;
  readonly layouts: Layouts;
}): JSX.Element {
  const { item, ends, layouts } = props;
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
    <li class={`event ${event.kind} ${laneOf(event, ends)}${isFailing ? ' failing' : ''}`}>
      <time>{milliseconds(event.timeUs)}</time>
      <Body event={event} ends={ends} layouts={layouts} isOpen={isFailing} isContinuation={isContinuation} />
      {isFailing ? <strong class="verdict">the check failed here</strong> : null}
    </li>
  );
}

function Body(props: {
  readonly event: ObservedEvent;
  readonly ends: Ends;
  readonly layouts: Layouts;
  readonly isOpen: boolean;
  readonly isContinuation: boolean;
}): JSX.Element {
  const { event, ends, layouts, isOpen, isContinuation } = props;
  switch (event.kind) {
    case 'message':
      return <Message event={event} ends={ends} isOpen={isOpen} isContinuation={isContinuation} />;
    case 'region-access':
    case 'ioctl':
      return <DeviceCall call={event} theirs={ends.theirs} isOpen={isOpen} />;
    case 'notification':
    case 'ring-write':
    case 'indirect-table':
    case 'frame':
    case 'connection':
    case 'process':
    case 'memory-change':
    case 'note':
      return <EventBody event={event} ends={ends} layouts={layouts} />;
  }
}

/** `to`, `from` and `round` cross between the lanes, `us` and `iut` stay in one. */
function laneOf(event: ObservedEvent, ends: Ends): 'to' | 'from' | 'round' | 'us' | 'iut' | 'both' {
  switch (event.kind) {
    case 'region-access':
      return event.access === 'read' ? 'from' : 'to';
    case 'ioctl':
      return 'round';
    case 'message':
      return event.direction === 'to-iut' ? 'to' : 'from';
    case 'notification':
      return (event.what === 'kick') === (ends.theirs === 'front-end') ? 'from' : 'to';
    case 'ring-write':
      return event.what === 'used-seen' ? 'iut' : 'us';
    case 'indirect-table':
      return 'us';
    case 'frame':
      return event.direction === 'to-iut' ? 'to' : 'from';
    case 'memory-change':
    case 'process':
      return 'iut';
    case 'connection':
    case 'note':
      return 'both';
  }
}

type PlainObservation = Exclude<Observation, MessageObservation | RegionAccessObservation | IoctlObservation>;

function EventBody(props: {
  readonly event: PlainObservation;
  readonly ends: Ends;
  readonly layouts: Layouts;
}): JSX.Element {
  const { event, ends, layouts } = props;
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
          <b>{event.what.replaceAll('-', ' ')}</b> ring {event.index} at 0x{event.address.toString(16)}{' '}
          <code>{ringWriteWords(event, layouts.get(event.index) ?? 'split')}</code>
        </p>
      );
    case 'indirect-table':
      return (
        <p class="own">
          <b>indirect table</b> ring {event.index} at 0x{event.address.toString(16)}{' '}
          <code>{tableWords(event, layouts.get(event.index) ?? 'split')}</code>
        </p>
      );
    case 'frame':
      return (
        <p class="arrow">
          <b>frame</b> ring {event.index} <code>{frameWords(event)}</code>
        </p>
      );
    case 'connection':
      return (
        <p class="own">
          <b>connection {event.session}</b> {connectionWords(event.state, ends)}
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

function connectionWords(state: ConnectionObservation['state'], { theirs }: Ends): string {
  switch (state) {
    case 'opened':
    case 'refused':
      return state;
    case 'closed-by-iut':
      return `closed by the ${theirs}`;
    case 'closed-by-us':
      return 'closed by us';
  }
}

const processWords: Record<ProcessObservation['state'], string> = {
  started: 'started',
  ready: 'ready',
  died: 'died',
  ended: 'ended',
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
  readonly ends: Ends;
  readonly isOpen: boolean;
  readonly isContinuation: boolean;
}): JSX.Element {
  const { event, ends, isOpen, isContinuation } = props;
  const { name, brief } = messageTitle(event, isContinuation, ends.owner);
  const descriptors = event.descriptors === 0 ? '' : ` + ${event.descriptors} fd`;
  const channel = event.channel === 'back-end' ? 'back-end channel, ' : '';
  const summary = (
    <>
      <span class="unseen">{`${event.direction === 'to-iut' ? 'to' : 'from'} the ${ends.theirs}: `}</span>
      <b>{name}</b>
      {brief === '' ? null : <span class="brief"> {brief}</span>}
      <span class="size">
        {' '}
        {channel}
        {event.length} B{descriptors}
      </span>
    </>
  );
  const annotations = messageAnnotations(event, isContinuation, ends.owner);
  return (
    <WithFields
      summary={summary}
      blocks={[{ bytes: event.bytes, annotations, length: event.length }]}
      isOpen={isOpen}
    />
  );
}

function shortHex(bytes: Uint8Array): string {
  return bytes.length > 16 ? `${hex(bytes.subarray(0, 16))} … (${bytes.length} bytes)` : hex(bytes);
}

function milliseconds(timeUs: number): string {
  return `${(timeUs / 1000).toFixed(3)} ms`;
}
