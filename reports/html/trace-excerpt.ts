import type { ObservedEvent } from '../../reference-impl/observations/event.ts';
import type { Trace } from '../trace/trace.ts';

/** Events in order, with how many were left out where they were. */
export type ExcerptItem =
  | { readonly kind: 'event'; readonly event: ObservedEvent; readonly isFailing: boolean }
  | { readonly kind: 'gap'; readonly missing: number };

export interface TraceExcerpt {
  readonly items: readonly ExcerptItem[];
  readonly shown: number;
  /** Of the whole case, recorded or not. */
  readonly total: number;
}

const openingEvents = 3;

/**
 * The part of a trace that a reader wants first: how it began, then what led to the failing event and what came
 * after. Without a failing event, the end.
 */
export function traceExcerpt(trace: Trace, failingSeq: number | undefined, maximum: number): TraceExcerpt {
  const { events } = trace;
  const failing = failingSeq === undefined ? -1 : lastIndexUpTo(events, failingSeq);
  const opening = Math.min(openingEvents, maximum);
  const window = maximum - opening;
  const after = failing < 0 ? 0 : Math.floor(window / 4);
  const end = failing < 0 ? events.length : Math.min(events.length, Math.max(failing + 1 + after, maximum));
  const start = Math.max(0, end - window);
  const items: ExcerptItem[] = [];
  let next = 0;
  let shown = 0;
  for (const [index, event] of events.entries()) {
    if (index >= opening && (index < start || index >= end)) continue;
    if (event.seq > next) items.push({ kind: 'gap', missing: event.seq - next });
    items.push({ kind: 'event', event, isFailing: index === failing });
    next = event.seq + 1;
    shown += 1;
  }
  const total = Math.max(events.length + trace.dropped, (events.at(-1)?.seq ?? -1) + 1);
  if (total > next) items.push({ kind: 'gap', missing: total - next });
  return { items, shown, total };
}

function lastIndexUpTo(events: readonly ObservedEvent[], seq: number): number {
  return events.findLastIndex((event) => event.seq <= seq);
}
