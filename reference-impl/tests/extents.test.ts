import t from 'tap';
import { differences, type Extent } from '../oracle/extents.ts';

const size = 40;

/** Memory in which the bytes with these offsets differ from zero; it begins `shift` bytes behind a word. */
function changed(offsets: readonly number[], shift: number): Uint8Array {
  const bytes = new Uint8Array(shift + size).subarray(shift);
  for (const offset of offsets) bytes[offset] = 1;
  return bytes;
}

const runsBetween = (from: number, to: number, offsets: readonly number[]): Extent[] => {
  const runs: { start: number; end: number }[] = [];
  for (const at of offsets.filter((offset) => offset >= from && offset < to)) {
    const last = runs.at(-1);
    if (last?.end === at) last.end = at + 1;
    else runs.push({ start: at, end: at + 1 });
  }
  return runs;
};

t.test('runs are found byte by byte, on and off word boundaries, in every range', async (t) => {
  const patterns = [[], [0], [3, 4], [7], [4, 5, 6, 7], [2, 3, 4, 5, 6, 7, 8, 9], [1, 6, 11, 16, 21], [38, 39]];
  for (const offsets of patterns) {
    for (const [nowShift, beforeShift] of [
      [0, 0],
      [1, 1],
      [4, 0],
      [0, 3],
    ] as const) {
      for (const [from, to] of [
        [0, size],
        [1, size],
        [4, 6],
        [3, 39],
        [8, 8],
      ] as const) {
        const found = differences(changed(offsets, nowShift), changed([], beforeShift), from, to);
        t.same(found, runsBetween(from, to, offsets), `${offsets} between ${from} and ${to}`);
      }
    }
  }
});
