import { CatalogueError } from '../errors.ts';
import { stringOf } from './checked-json.ts';
import sources from './sources.json' with { type: 'json' };

/** A text that requirements were read in. */
export type SourceName = keyof typeof sources;

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
