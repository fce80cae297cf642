import { holdsIn } from '../reference-impl/catalogue/catalogue.ts';
import type { CatalogueSnapshot, SnapshotRequirement } from './record/catalogue-snapshot.ts';

/** What differs between two versions of a text, as far as the catalogue has its rules. */
export interface TextChanges {
  readonly from: string;
  readonly to: string;
  readonly appeared: readonly SnapshotRequirement[];
  /** Rules that the older version states at another level, or as a fact. */
  readonly changed: readonly SnapshotRequirement[];
  readonly went: readonly SnapshotRequirement[];
}

type Catalogue = Pick<CatalogueSnapshot, 'sources' | 'requirements'>;

/** `from` is the older of two versions of one text. */
export function textChanges({ sources = [], requirements }: Catalogue, from: string, to: string): TextChanges {
  const holds = ({ since, until }: SnapshotRequirement, version: string): boolean =>
    since !== undefined && holdsIn({ since, until: until ?? null }, version, sources);
  const heldOtherwise = ({ formerly }: SnapshotRequirement): boolean =>
    formerly !== undefined && holdsIn({ since: formerly.since, until: null }, from, sources);
  const began = requirements.filter((rule) => holds(rule, to) && !holds(rule, from));
  return {
    from,
    to,
    appeared: began.filter((rule) => !heldOtherwise(rule)),
    changed: began.filter(heldOtherwise),
    went: requirements.filter((rule) => holds(rule, from) && !holds(rule, to)),
  };
}

/** Each version with the one ahead of it, the newest first. */
export function successiveChanges(catalogue: Catalogue): TextChanges[] {
  const { sources = [] } = catalogue;
  return sources
    .flatMap(({ name, family }, index) => {
      const before = sources.slice(0, index).findLast((source) => source.family === family);
      return before === undefined ? [] : [textChanges(catalogue, before.name, name)];
    })
    .reverse();
}
