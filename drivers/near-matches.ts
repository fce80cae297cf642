import { distance } from 'fastest-levenshtein';

const mostShown = 3;

/** ` (did you mean a or b?)` for the known names nearest to what was typed; empty when none is near. */
export function didYouMean(typed: string, known: readonly string[]): string {
  const near = nearMatches(typed, known);
  return near.length === 0 ? '' : ` (did you mean ${near.join(' or ')}?)`;
}

/** Known names that hold what was typed or differ from it by few letters, nearest first. */
export function nearMatches(typed: string, known: readonly string[]): string[] {
  const wanted = typed.toLowerCase();
  const furthest = Math.max(2, Math.floor(wanted.length / 3));
  return known
    .map((name) => ({ name, far: distanceTo(wanted, name.toLowerCase()) }))
    .filter(({ far }) => far <= furthest)
    .sort((a, b) => a.far - b.far || (a.name < b.name ? -1 : 1))
    .slice(0, mostShown)
    .map(({ name }) => name);
}

function distanceTo(typed: string, name: string): number {
  if (typed.length >= 4 && name.includes(typed)) return 1;
  return distance(typed, name);
}
