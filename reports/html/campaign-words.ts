/** `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`. */
export function timeWords(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 90) return `${minutes} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export const countWords = (count: number, noun: string): string =>
  `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;

/** What a kind of finding means. */
export function kindWords(kind: string): string {
  switch (kind) {
    case 'crash':
      return 'the process ended';
    case 'hang':
      return 'it serves no longer';
    case 'stray-write':
      return 'it wrote outside of the memory that it was given';
    case 'report':
      return 'a sanitizer complained, and the process went on';
    case 'leak':
      return 'it holds more with each repeat';
    case 'invariant':
      return 'a ring invariant is broken';
    case 'model':
      return 'the text does not allow what came';
    default:
      return 'found by fuzzing';
  }
}
