/**
 * The fewest of these items, in their order, with which something still shows: runs of them are left out, half of them and
 * less. It asks and does nothing else; false for what it cannot afford to ask any more.
 */
export function fewest<Item>(items: readonly Item[], stillShows: (candidate: readonly Item[]) => boolean): Item[] {
  let kept = [...items];
  for (let size = kept.length; size >= 1; size = Math.floor(size / 2)) {
    // From the oldest on: what has a part in a finding mostly ran shortly before it.
    for (let from = 0; from < kept.length; ) {
      const candidate = kept.toSpliced(from, size);
      if (stillShows(candidate)) kept = candidate;
      else from += size;
    }
  }
  return kept;
}
