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
    .map((name) => ({ name, distance: distanceTo(wanted, name.toLowerCase()) }))
    .filter(({ distance }) => distance <= furthest)
    .sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, mostShown)
    .map(({ name }) => name);
}

function distanceTo(typed: string, name: string): number {
  if (typed.length >= 4 && name.includes(typed)) return 1;
  return editDistance(typed, name);
}

/** Letters to insert, remove or replace to make one word of the other. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
