import { visibleText } from '../reports/visible-text.ts';
import type { EntrySighting } from '../suites/runner/entry-sightings.ts';
import type { Expectation } from '../suites/runner/expectations.ts';

const mostShown = 20;

const sections = [
  ['stale', 'Expected, and no longer seen'],
  ['unjudged', 'Expected, and not judged in this run'],
] as const;

/** Whether a run showed all that was expected of the results that it judged. */
export const isAllSeen = (sightings: readonly EntrySighting[]): boolean =>
  sightings.every(({ kind }) => kind === 'seen');

/** What an expectations file says and a run did not show: what has gone, and apart from it what could not be judged. */
export function linesOfNotSeen(sightings: readonly EntrySighting[]): string[] {
  return sections.flatMap(([kind, title]) => {
    const byEntry = new Map<Expectation, EntrySighting[]>();
    for (const one of sightings) {
      if (one.kind === kind) byEntry.set(one.entry, [...(byEntry.get(one.entry) ?? []), one]);
    }
    if (byEntry.size === 0) return [];
    const shown = [...byEntry].slice(0, mostShown);
    const more = byEntry.size - shown.length;
    return [
      '',
      `${title} (${byEntry.size}):`,
      ...shown.flatMap(([entry, places]) => ['', ...linesOf(entry, places)]),
      ...(more === 0 ? [] : ['', `and ${more} more`]),
    ];
  });
}

function linesOf(entry: Expectation, [first, ...others]: readonly EntrySighting[]): string[] {
  const { target, case: pattern, requirement, verdict, how, reason } = entry;
  const what = `${requirement === undefined ? '' : `${requirement}: `}${verdict}${how === undefined ? '' : ` as ${how}`}`;
  const more = others.length === 0 ? '' : ` and ${others.length} more`;
  return [
    `  ${target}  ${pattern}`,
    `    ${visibleText(`${what} (${reason})`)}`,
    ...(first === undefined ? [] : [`    ${first.key}${more}: ${visibleText(first.cameOut)}`]),
  ];
}
