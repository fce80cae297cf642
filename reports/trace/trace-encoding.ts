import { createRequire } from 'node:module';
import type protobuf from 'protobufjs/light.js';
import { boundTrace, defaultTraceBounds, type Trace, type TraceBounds, traceSchemaVersion } from './trace.ts';
import descriptor from './trace-descriptor.json' with { type: 'json' };
import { TraceError } from './trace-error.ts';
import { fromWire, isKnown, toWire, type WireTrace } from './wire-event.ts';

let known: protobuf.Type | undefined;

/** Loaded with the first trace: most processes neither write nor read one. */
function traceType(): protobuf.Type {
  if (known !== undefined) return known;
  const { Root }: typeof protobuf = createRequire(import.meta.url)('protobufjs/light.js');
  known = Root.fromJSON(descriptor).lookupType('vhost_conformance.trace.Trace');
  return known;
}

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
  return traceType().encode(message).finish();
}

/** @throws TraceError */
export function decodeTrace(bytes: Uint8Array): Trace {
  let message: WireTrace;
  try {
    const type = traceType();
    message = type.toObject(type.decode(bytes), {
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
