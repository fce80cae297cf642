import type { MessageObservation, ObservedEvent } from '../../reference-impl/observations/event.ts';

const headerSize = 12;
const sizeOffset = 8;

/** A declared size beyond this is taken for wrong: no peer waits for so many bytes, or sends them. */
const longestPayload = 4096;

interface Stream {
  header: number[];
  /** Payload bytes that the last header announced and that did not come yet. */
  missing: number;
}

/**
 * Sequence numbers of the events that go on with a message begun before: they must not be read as a header.
 * A stream socket keeps no boundaries, and cases send messages in pieces on purpose.
 */
export function continuations(events: readonly ObservedEvent[]): ReadonlySet<number> {
  const found = new Set<number>();
  const streams = new Map<string, Stream>();
  for (const event of events) {
    if (event.kind === 'connection') streams.clear();
    if (event.kind !== 'message') continue;
    const name = `${event.session} ${event.channel} ${event.direction}`;
    const stream = streams.get(name) ?? { header: [], missing: 0 };
    streams.set(name, stream);
    if (goesOn(stream, event)) found.add(event.seq);
  }
  return found;
}

/** Whether the event continues what the stream holds; the stream then holds what follows it. */
function goesOn(stream: Stream, event: MessageObservation): boolean {
  if (stream.missing >= event.length && stream.missing > 0) {
    stream.missing -= event.length;
    return true;
  }
  const begun = stream.header.length;
  const header = [...stream.header, ...event.bytes].slice(0, headerSize);
  if (header.length < headerSize) {
    stream.header = header;
    stream.missing = 0;
    return begun > 0;
  }
  const declared = new DataView(Uint8Array.from(header).buffer).getUint32(sizeOffset, true);
  const present = begun + event.length - headerSize;
  stream.header = [];
  stream.missing = declared > longestPayload ? 0 : Math.max(0, declared - present);
  return begun > 0;
}
