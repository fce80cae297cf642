import type { Guest } from '../../drivers/port/port.ts';
import type { Segment } from '../../reference-impl/virtqueue/segment.ts';

/** What lies in the readable or the writable segments of a chain whose buffers are in a guest, one after the other. */
export function bytesOfChain(guest: Guest, segments: readonly Segment[], writable: boolean): Uint8Array {
  const bytes = new Uint8Array(roomOfChain(segments, writable));
  let at = 0;
  for (const segment of segments) {
    if (segment.writable !== writable) continue;
    bytes.set(guest.spanAt(segment.guestAddress, segment.length).load(), at);
    at += segment.length;
  }
  return bytes;
}

export function roomOfChain(segments: readonly Segment[], writable: boolean): number {
  let room = 0;
  for (const segment of segments) if (segment.writable === writable) room += segment.length;
  return room;
}
