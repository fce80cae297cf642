import type { ObservedEvent } from '../../reference-impl/observations/event.ts';
import { layoutsOf, type TracedLayout } from '../trace/ring-write-words.ts';
import type { Trace } from '../trace/trace.ts';
import { type EventRun, foldRepetitions } from './event-repetition.ts';
import { continuations } from './message-pieces.ts';

/** Events in order, with how many were left out where they were. */
export type ExcerptItem =
  | {
      readonly kind: 'event';
      readonly event: ObservedEvent;
      readonly isFailing: boolean;
      /** The bytes go on with a message begun before. */
      readonly isContinuation: boolean;
    }
  /** The `events` events before this were seen `times` more times in a row. */
  | { readonly kind: 'repeated'; readonly events: number; readonly times: number; readonly seq: number }
  | { readonly kind: 'gap'; readonly missing: number; readonly seq: number };

export interface TraceExcerpt {
  readonly items: readonly ExcerptItem[];
  /** Events that are shown, or said to be repetitions of those. */
  readonly shown: number;
  /** Of the whole case, recorded or not. */
  readonly total: number;
  /** Layouts of its rings, by their index. */
  readonly layouts: ReadonlyMap<number, TracedLayout>;
}

const openingRuns = 8;

/**
 * The part of a trace that a reader wants first: how it began, then what led to the failing event and what came
 * after. Without a failing event, the end.
 */
export function traceExcerpt(trace: Trace, failingSeq: number | undefined, maximum: number): TraceExcerpt {
  const { events } = trace;
  const failing = failingSeq === undefined ? undefined : events.findLast(({ seq }) => seq <= failingSeq);
  const runs = foldRepetitions(events, failing?.seq);
  const pieces = continuations(events);
  const items: ExcerptItem[] = [];
  let next = 0;
  let shown = 0;
  for (const run of chosenRuns(runs, failing, maximum)) {
    for (const event of run.events) {
      if (event.seq > next) items.push({ kind: 'gap', missing: event.seq - next, seq: next });
      items.push({ kind: 'event', event, isFailing: event === failing, isContinuation: pieces.has(event.seq) });
      next = event.seq + 1;
    }
    if (run.times > 1) {
      items.push({ kind: 'repeated', events: run.events.length, times: run.times - 1, seq: next });
      next += run.events.length * (run.times - 1);
    }
    shown += run.events.length * run.times;
  }
  const total = Math.max(events.length + trace.dropped, (events.at(-1)?.seq ?? -1) + 1);
  if (total > next) items.push({ kind: 'gap', missing: total - next, seq: next });
  return { items, shown, total, layouts: layoutsOf(trace.key, events) };
}

function chosenRuns(runs: readonly EventRun[], failing: ObservedEvent | undefined, maximum: number): EventRun[] {
  if (runs.length <= maximum) return [...runs];
  const at = failing === undefined ? -1 : runs.findIndex(({ events }) => events.includes(failing));
  const opening = Math.min(openingRuns, Math.floor(maximum / 4));
  const window = maximum - opening;
  const end = at < 0 ? runs.length : Math.min(runs.length, Math.max(at + 1 + Math.floor(window / 4), maximum));
  const start = Math.max(opening, end - window);
  return runs.filter((_run, index) => index < opening || (index >= start && index < end));
}
