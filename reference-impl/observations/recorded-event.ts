import type { IoctlObservation, ObservedEvent, RegionAccessObservation } from './event.ts';
import {
  accesses,
  channels,
  deviceLayouts,
  directions,
  eventKind,
  ioctlPlaces,
  notifications,
  ringWrites,
} from './event-numbers.ts';
import type { EventPage } from './event-page.ts';

/** One event of a page, copied out of its columns. */
export function recordedEvent(page: EventPage, at: number): ObservedEvent {
  const seq = page.firstSeq + at;
  const timeUs = page.times[at] ?? 0;
  const first = page.first[at] ?? 0;
  const second = page.second[at] ?? 0;
  const third = page.third[at] ?? 0;
  const start = page.starts[at] ?? 0;
  if (page.kinds[at] === eventKind.message) {
    return {
      seq,
      timeUs,
      kind: 'message',
      channel: channels[(first & 1) as 0 | 1],
      direction: directions[((first >> 1) & 1) as 0 | 1],
      session: first >>> 2,
      bytes: page.bytes.slice(start, start + (page.lengths[at] ?? 0)),
      length: third,
      descriptors: second,
    };
  }
  if (page.kinds[at] === eventKind.notification) {
    const what = notifications[(first & 3) as 0 | 1 | 2 | 3];
    return { seq, timeUs, kind: 'notification', what, session: first >>> 2, index: second, count: third };
  }
  if (page.kinds[at] === eventKind.ringWrite) {
    return {
      seq,
      timeUs,
      kind: 'ring-write',
      what: ringWrites[first] ?? 'descriptor',
      index: second,
      address: (page.bases[at] ?? 0n) + BigInt(third),
      bytes: page.bytes.slice(start, start + (page.lengths[at] ?? 0)),
    };
  }
  const kind = page.kinds[at];
  if (kind === eventKind.regionAccess || kind === eventKind.ioctl) return { seq, timeUs, ...callOf(page, at) };
  const observation = page.others.get(at);
  if (observation === undefined) throw new RangeError(`event ${seq} has no observation`);
  return { seq, timeUs, ...observation };
}

function callOf(page: EventPage, at: number): RegionAccessObservation | IoctlObservation {
  const first = page.first[at] ?? 0;
  const second = page.second[at] ?? 0;
  const start = page.starts[at] ?? 0;
  const kept = page.lengths[at] ?? 0;
  const result = page.results[at] ?? Number.NaN;
  const bytes = page.bytes.slice(start, start + kept);
  const shared = {
    session: first >>> 5,
    layout: deviceLayouts[(first >>> 2) & 7] ?? 'unknown',
    length: page.asked[at] ?? 0,
    result: Number.isNaN(result) ? undefined : result,
  };
  if (page.kinds[at] === eventKind.ioctl) {
    const on = ioctlPlaces[first & 3] ?? 'device';
    const after = page.bytes.slice(start + kept, start + 2 * kept);
    return { ...shared, kind: 'ioctl', on, request: second, before: bytes, after };
  }
  const access = accesses[(first & 3) as 0 | 1 | 2 | 3];
  // A read that never came back brought nothing.
  const brought = access === 'read' && shared.result === undefined ? new Uint8Array() : bytes;
  return { ...shared, kind: 'region-access', access, region: second, offset: page.third[at] ?? 0, bytes: brought };
}
