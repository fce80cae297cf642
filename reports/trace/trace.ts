import type { ObservedEvent } from '../../reference-impl/observations/event.ts';

/** Version of the trace format. Readers accept every minor of the same major. */
export const traceSchemaVersion = { major: 1, minor: 0 } as const;

/** All that was sent to an IUT and seen of it while one case ran, in one order. */
export interface Trace {
  readonly target: string;
  /** `caseKey` of the case. */
  readonly key: string;
  readonly repetition: number;
  /** How many events were left out of the middle. */
  readonly dropped: number;
  readonly events: readonly ObservedEvent[];
}

/** What a trace may grow to: both ends of a long case are kept, and the start of long messages. */
export interface TraceBounds {
  readonly firstEvents: number;
  readonly lastEvents: number;
  /** Bytes kept of each message, ring write and memory change. */
  readonly bytesPerEvent: number;
}

/** A trace within these stays below 2 MiB. */
export const defaultTraceBounds: TraceBounds = { firstEvents: 256, lastEvents: 768, bytesPerEvent: 1024 };

/** The same trace, cut to the bounds. `length` fields keep the length on the wire. */
export function boundTrace(trace: Trace, bounds: TraceBounds = defaultTraceBounds): Trace {
  const { firstEvents, lastEvents, bytesPerEvent } = bounds;
  const surplus = Math.max(0, trace.events.length - firstEvents - lastEvents);
  const kept =
    surplus === 0
      ? trace.events
      : [...trace.events.slice(0, firstEvents), ...trace.events.slice(firstEvents + surplus)];
  return {
    ...trace,
    dropped: trace.dropped + surplus,
    events: kept.map((event) =>
      'bytes' in event && event.bytes.length > bytesPerEvent
        ? { ...event, bytes: event.bytes.subarray(0, bytesPerEvent) }
        : event,
    ),
  };
}
