import { CatalogueError } from '../errors.ts';
import { stringOf } from './checked-json.ts';
import sources from './sources.json' with { type: 'json' };
import type { TextVersion } from './text-standing.ts';

/** A version of a text that requirements were read in. */
export type SourceName = keyof typeof sources;

export interface Source extends TextVersion {
  readonly name: SourceName;
  readonly title: string;
  /** ISO 8601 day of publication; null where it has none. */
  readonly date: string | null;
  /** Where it is published; null where that is not known. */
  readonly address: string | null;
  /** Day on which somebody opened the address and found the text; null where nobody did: it is unverified. */
  readonly opened: string | null;
  /** What scripts/clauses.mjs reads of it, where that can be looked at, and the day on which it did. */
  readonly source: string | null;
  readonly sourceAddress: string | null;
  readonly read: string | null;
}

function isSourceName(name: string): name is SourceName {
  return Object.hasOwn(sources, name);
}

/** @throws CatalogueError for a name that no source has */
export function sourceNameOf(value: unknown, where: string): SourceName {
  const name = stringOf(value, where);
  if (!isSourceName(name)) throw new CatalogueError(`${where}: no source is called ${name}`);
  return name;
}

/** The full title of a text. */
export function sourceTitle(name: SourceName): string {
  return stringOf(sources[name].title, name);
}

/** All texts; the versions of one text from the oldest to the newest. */
export function allSources(): readonly Source[] {
  return Object.keys(sources)
    .filter(isSourceName)
    .map((name) => ({ name, ...sources[name] }));
}
