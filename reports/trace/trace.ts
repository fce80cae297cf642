import type { ObservedEvent } from '../../reference-impl/observations/event.ts';

/** Version of the trace format. Readers accept every minor of the same major. */
export const traceSchemaVersion = { major: 1, minor: 2 } as const;

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

/** What a trace may grow to: both ends of a long case, what surrounds its findings, and the start of long messages. */
export interface TraceBounds {
  readonly firstEvents: number;
  readonly lastEvents: number;
  /** Events kept before and after each event at which a check failed. */
  readonly aroundFinding: number;
  /** Findings beyond these are not surrounded; the event at which they were made is kept all the same. */
  readonly findings: number;
  /** Bytes kept of each message, frame, ring write, indirect table, memory change and access to a region, and of each argument of a call. */
  readonly bytesPerEvent: number;
}

/** A trace within these stays below 2 MiB. */
export const defaultTraceBounds: TraceBounds = {
  firstEvents: 256,
  lastEvents: 512,
  aroundFinding: 24,
  findings: 8,
  bytesPerEvent: 1024,
};

/**
 * The same trace, cut to the bounds. `length` fields keep the length on the wire, `seq` shows where events are missing.
 * @param findings sequence numbers of the events at which checks failed.
 */
export function boundTrace(
  trace: Trace,
  findings: readonly number[] = [],
  bounds: TraceBounds = defaultTraceBounds,
): Trace {
  const { firstEvents, lastEvents, bytesPerEvent } = bounds;
  const count = trace.events.length;
  const failing = new Set(findings);
  const around = [...failing].slice(0, bounds.findings);
  const kept = trace.events.filter(
    ({ seq }, index) =>
      index < firstEvents ||
      index >= count - lastEvents ||
      failing.has(seq) ||
      around.some((finding) => Math.abs(finding - seq) <= bounds.aroundFinding),
  );
  return {
    ...trace,
    dropped: trace.dropped + (count - kept.length),
    events: kept.map((event) => {
      if (event.kind === 'ioctl' && event.before.length > bytesPerEvent) {
        const { before, after } = event;
        return { ...event, before: before.subarray(0, bytesPerEvent), after: after.subarray(0, bytesPerEvent) };
      }
      return 'bytes' in event && event.bytes.length > bytesPerEvent
        ? { ...event, bytes: event.bytes.subarray(0, bytesPerEvent) }
        : event;
    }),
  };
}
