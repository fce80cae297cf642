import type { Guest } from './guest.ts';
import type { Region } from './region.ts';
import type { Span } from './span.ts';

/** The memory of a guest as it was. */
export interface Snapshot {
  readonly guest: Guest;
  readonly copies: readonly Uint8Array[];
}

/** A run of bytes that all differ now. */
export interface MemoryChange {
  readonly region: number;
  readonly offset: number;
  readonly length: number;
}

export function snapshot(guest: Guest): Snapshot {
  return { guest, copies: guest.regions.map(({ bytes }) => bytes.slice()) };
}

/** Every run of bytes that differs from the snapshot, by region and offset. A write of what was there is not seen. */
export function changes({ guest, copies }: Snapshot): MemoryChange[] {
  const found: MemoryChange[] = [];
  for (const region of guest.regions) {
    const copy = copies[region.index];
    if (copy !== undefined) compareRegion(region, copy, found);
  }
  return found;
}

const LINE = 64;

function compareRegion({ index, bytes }: Region, copy: Uint8Array, found: MemoryChange[]): void {
  const lines = bytes.byteOffset % 4 === 0 ? Math.floor(bytes.length / LINE) : 0;
  const now = new Int32Array(bytes.buffer, lines === 0 ? 0 : bytes.byteOffset, (lines * LINE) / 4);
  const before = new Int32Array(copy.buffer, 0, (lines * LINE) / 4);
  let start = -1;
  const settle = (to: number): void => {
    if (start >= 0) found.push({ region: index, offset: start, length: to - start });
    start = -1;
  };
  const byByte = (from: number, to: number): void => {
    for (let at = from; at < to; at++) {
      if (bytes[at] === copy[at]) settle(at);
      else if (start < 0) start = at;
    }
  };
  for (let word = 0; word < now.length; word++) {
    if (now[word] === before[word]) continue;
    const line = word - (word % (LINE / 4));
    const end = (line + LINE / 4) * 4;
    byByte(line * 4, end);
    // A run goes on over the end of a line only where the next one begins with a difference.
    if (bytes[end] === copy[end]) settle(end);
    word = line + LINE / 4 - 1;
  }
  byByte(lines * LINE, bytes.length);
  settle(bytes.length);
}

interface Extent {
  readonly start: number;
  readonly end: number;
}

/** What of the changes lies in none of the spans: for "nothing but these was written". */
export function changesOutside(all: readonly MemoryChange[], allowed: readonly Span[]): MemoryChange[] {
  const byRegion = new Map<number, Extent[]>();
  for (const span of allowed) {
    let { region, offset } = span;
    for (const piece of span.pieces) {
      const extents = byRegion.get(region.index) ?? [];
      extents.push({ start: offset, end: offset + piece.length });
      byRegion.set(region.index, extents);
      if (region.adjacent === undefined) break;
      region = region.adjacent;
      offset = 0;
    }
  }
  for (const extents of byRegion.values()) extents.sort((a, b) => a.start - b.start);
  return all.flatMap((change) => without(change, byRegion.get(change.region) ?? []));
}

function without(change: MemoryChange, extents: readonly Extent[]): MemoryChange[] {
  const rest: MemoryChange[] = [];
  let at = change.offset;
  const end = change.offset + change.length;
  for (const extent of extents) {
    if (extent.end <= at) continue;
    if (extent.start >= end) break;
    if (extent.start > at) rest.push({ region: change.region, offset: at, length: extent.start - at });
    at = extent.end;
  }
  if (at < end) rest.push({ region: change.region, offset: at, length: end - at });
  return rest;
}
