/** Texts have versions: whether a requirement belongs to the version that an implementation is judged by. */

/** A version of a text. Those of one family are versions of the same text, listed from the oldest to the newest. */
export interface TextVersion {
  readonly name: string;
  readonly family: string;
}

/** The oldest and the last version that hold a requirement; null: it still stands. */
export interface TextSpan {
  readonly since: string;
  readonly until: string | null;
}

/**
 * `in-force`: a violation counts. `newest-text-only`: no version but the newest of several holds the requirement.
 * `later-text`: a later version than the chosen one holds it. `withdrawn`: earlier versions alone hold it.
 */
export const textStandings = ['in-force', 'newest-text-only', 'later-text', 'withdrawn'] as const;
export type TextStanding = (typeof textStandings)[number];

/**
 * Where a requirement stands, given the versions that were chosen (at most one of each family). Without a choice in its
 * family it is in force if every version since its own holds it and there are at least two of them, or no others.
 */
export function textStandingOf(
  { since, until }: TextSpan,
  versions: readonly TextVersion[],
  chosen: readonly string[],
): TextStanding {
  const family = versions.find(({ name }) => name === since)?.family;
  const names = versions.filter((version) => version.family === family).map(({ name }) => name);
  const begins = names.indexOf(since);
  // Records of older schemas name no versions.
  if (begins < 0) return 'in-force';
  const newest = names.length - 1;
  const ends = until === null ? newest : names.indexOf(until);
  const choice = names.findIndex((name) => chosen.includes(name));
  if (choice >= 0) return choice < begins ? 'later-text' : choice > ends ? 'withdrawn' : 'in-force';
  if (ends < newest) return 'withdrawn';
  return begins === newest && names.length > 1 ? 'newest-text-only' : 'in-force';
}

/** Whether a version of its text holds a requirement. */
export function holdsIn({ since, until }: TextSpan, version: string, versions: readonly TextVersion[]): boolean {
  const family = versions.find(({ name }) => name === since)?.family;
  const names = versions.filter((one) => one.family === family).map(({ name }) => name);
  const place = names.indexOf(version);
  const last = until === null ? names.length - 1 : names.indexOf(until);
  return place >= 0 && place >= names.indexOf(since) && place <= last;
}

/** The versions by which an implementation is judged: those that were chosen, and of other texts those that it was written to. */
export function countingVersions(
  chosen: readonly string[],
  own: readonly string[],
  versions: readonly TextVersion[],
): readonly string[] {
  const familyOf = (name: string): string | undefined => versions.find((version) => version.name === name)?.family;
  const decided = new Set(chosen.map(familyOf));
  return [...chosen, ...own.filter((name) => !decided.has(familyOf(name)))];
}

/** The newest version of each text. */
export function newestVersions(versions: readonly TextVersion[]): string[] {
  const newest = new Map(versions.map(({ family, name }) => [family, name]));
  return [...newest.values()];
}

/** Of several chosen versions, two that are versions of one text. */
export function conflictingVersions(
  versions: readonly TextVersion[],
  chosen: readonly string[],
): readonly [string, string] | undefined {
  for (const [place, name] of chosen.entries()) {
    const family = versions.find((version) => version.name === name)?.family;
    const other = chosen
      .slice(place + 1)
      .find((later) => versions.find((version) => version.name === later)?.family === family);
    if (other !== undefined) return [name, other];
  }
  return undefined;
}
