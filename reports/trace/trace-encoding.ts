import protobuf from 'protobufjs/light.js';
import { boundTrace, defaultTraceBounds, type Trace, type TraceBounds, traceSchemaVersion } from './trace.ts';
import descriptor from './trace-descriptor.json' with { type: 'json' };
import { TraceError } from './trace-error.ts';
import { fromWire, isKnown, toWire, type WireTrace } from './wire-event.ts';

const traceType = protobuf.Root.fromJSON(descriptor).lookupType('vhost_conformance.trace.Trace');

/**
 * Protobuf bytes (trace.proto) of the trace, cut to the bounds first.
 * @param findings sequence numbers of the events at which checks failed: what surrounds them is kept.
 */
export function encodeTrace(
  trace: Trace,
  findings: readonly number[] = [],
  bounds: TraceBounds = defaultTraceBounds,
): Uint8Array {
  const { events, ...rest } = boundTrace(trace, findings, bounds);
  const message: WireTrace = { ...traceSchemaVersion, ...rest, events: events.map(toWire) };
  return traceType.encode(message).finish();
}

/** @throws TraceError */
export function decodeTrace(bytes: Uint8Array): Trace {
  let message: WireTrace;
  try {
    message = traceType.toObject(traceType.decode(bytes), {
      defaults: true,
      arrays: true,
      oneofs: true,
      longs: BigInt,
    }) as WireTrace;
  } catch (cause) {
    throw new TraceError('not a trace', { cause });
  }
  const { major, minor, target, key, repetition, dropped, events } = message;
  if (major !== traceSchemaVersion.major) {
    throw new TraceError(`trace schema ${major}.${minor}; this version reads ${traceSchemaVersion.major}.x`);
  }
  // What a later minor added is left out and counted: the trace shows that something is missing there.
  const readable = minor > traceSchemaVersion.minor ? events.filter(isKnown) : events;
  const unknown = events.length - readable.length;
  return { target, key, repetition, dropped: Number(dropped) + unknown, events: readable.map(fromWire) };
}
