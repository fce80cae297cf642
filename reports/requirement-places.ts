import { holdsIn } from '../reference-impl/catalogue/catalogue.ts';
import type { CatalogueSnapshot, SnapshotRequirement, SnapshotSource } from './record/catalogue-snapshot.ts';

/** Where a version of a text says a requirement, and what of that was looked at. */
export interface RequirementPlace {
  readonly version: string;
  /** The number of the clause; empty where the text has none. */
  readonly number: string;
  readonly title: string;
  /** The published page, at the clause where its anchor is known; undefined where none is known. */
  readonly published: string | undefined;
  /** Day on which somebody opened the published page; undefined: it is unverified. */
  readonly opened: string | undefined;
  /** The lines of the sources that say it, and the day on which the clause was found there. */
  readonly source: { readonly address: string; readonly read: string } | undefined;
}

/** The places of a requirement in the versions of its text that hold it, from the oldest to the newest. */
export function requirementPlaces(
  { sources = [], clauses = {} }: Pick<CatalogueSnapshot, 'sources' | 'clauses'>,
  { clause, since, until }: Pick<SnapshotRequirement, 'clause' | 'since' | 'until'>,
): RequirementPlace[] {
  if (since === undefined) return [];
  const span = { since, until: until ?? null };
  return sources
    .filter(({ name }) => holdsIn(span, name, sources))
    .map((source) => placeIn(source, clause, clauses[clause]?.[source.name]));
}

function placeIn(text: SnapshotSource, clause: string, place: readonly string[] | undefined): RequirementPlace {
  const [number = '', anchor = '', at = '', title] = place ?? [];
  const page = webAddress(text.address);
  const lines = place === undefined ? undefined : webAddress(text.sourceAddress);
  return {
    version: text.name,
    number,
    title: title ?? lastHeading(clause),
    published: page === undefined || anchor === '' ? page : `${page}#${anchor}`,
    opened: text.opened ?? undefined,
    source: lines === undefined || typeof text.read !== 'string' ? undefined : { address: lines + at, read: text.read },
  };
}

/** Records may come from a stranger: only addresses of the web become links. */
function webAddress(address: string | null | undefined): string | undefined {
  return typeof address === 'string' && /^https:\/\//.test(address) ? address : undefined;
}

/** `2.7.8.2 A / B / C` is about C. */
function lastHeading(clause: string): string {
  const slash = clause.lastIndexOf(' / ');
  return slash < 0 ? clause.replace(/^\d[\d.]* /, '') : clause.slice(slash + 3);
}

/** The newest of the places that were looked at; without any, the newest of all. */
export function newestPlace(places: readonly RequirementPlace[]): RequirementPlace | undefined {
  return places.findLast(({ source, opened }) => source !== undefined || opened !== undefined) ?? places.at(-1);
}

/** `was stated as a fact (MUST)`: how older versions say it. */
export function formerlyWords({ formerly }: Pick<SnapshotRequirement, 'formerly'>): string {
  if (formerly === undefined) return '';
  return formerly.basis === 'fact' ? `was stated as a fact (${formerly.level})` : `was ${formerly.level}`;
}
