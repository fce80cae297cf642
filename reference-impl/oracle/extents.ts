/** Bytes of a region from `start` up to `end`. */
export interface Extent {
  readonly start: number;
  readonly end: number;
}

/** Sorted, with those that touch made one. */
export function merged(extents: readonly Extent[]): Extent[] {
  const all: { start: number; end: number }[] = [];
  for (const { start, end } of [...extents].sort((a, b) => a.start - b.start)) {
    const last = all.at(-1);
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
    else if (start < end) all.push({ start, end });
  }
  return all;
}

/** What of an extent lies in none of the merged ones. */
export function outside({ start, end }: Extent, allowed: readonly Extent[]): Extent[] {
  const rest: Extent[] = [];
  let at = start;
  for (const extent of allowed) {
    if (extent.end <= at) continue;
    if (extent.start >= end) break;
    if (extent.start > at) rest.push({ start: at, end: extent.start });
    at = extent.end;
  }
  if (at < end) rest.push({ start: at, end });
  return rest;
}

const WORD = 4;

/** Runs of bytes between `from` and `to` that differ. Equal words are passed over whole, where the bytes lie on words. */
export function differences(now: Uint8Array, before: Uint8Array, from: number, to: number): Extent[] {
  const found: Extent[] = [];
  let start = -1;
  let at = from;
  const isAligned = (now.byteOffset + from) % WORD === 0 && (before.byteOffset + from) % WORD === 0;
  const words = isAligned ? Math.floor((to - from) / WORD) : 0;
  const nowWords = new Int32Array(now.buffer, isAligned ? now.byteOffset + from : 0, words);
  const beforeWords = new Int32Array(before.buffer, isAligned ? before.byteOffset + from : 0, words);
  for (let word = 0; at < to; word++) {
    if (word < words && nowWords[word] === beforeWords[word]) {
      if (start >= 0) found.push({ start, end: at });
      start = -1;
      at += WORD;
      continue;
    }
    for (const end = word < words ? at + WORD : to; at < end; at++) {
      if (now[at] === before[at]) {
        if (start >= 0) found.push({ start, end: at });
        start = -1;
      } else if (start < 0) start = at;
    }
  }
  if (start >= 0) found.push({ start, end: to });
  return found;
}
