import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { UsageError } from '../usage-error.ts';

/** The sources that are worked on: entries of the catalogue and files of cases are made there. */
export interface SourceTree {
  readonly root: string;
  read(path: string): string;
  change(path: string, text: string): void;
  /** @throws UsageError where the file exists */
  create(path: string, text: string): void;
}

/** The clone around a directory. @throws UsageError outside of one, as in an installed package */
export function sourceTreeAt(directory: string): SourceTree {
  const root = rootOf(resolve(directory));
  if (root === undefined)
    throw new UsageError('new: run it in a clone of vhost-conformance; the package has no sources');
  return {
    root,
    read: (path) => readFileSync(join(root, path), 'utf8'),
    change: (path, text) => writeFileSync(join(root, path), text),
    create: (path, text) => createFile(join(root, path), path, text),
  };
}

/** @throws UsageError where the file exists, or its directory does not */
export function createFile(path: string, shown: string, text: string): void {
  if (existsSync(path)) throw new UsageError(`${shown}: exists already, and is not overwritten`);
  if (!existsSync(dirname(path))) throw new UsageError(`${shown}: no such directory`);
  writeFileSync(path, text, { flag: 'wx' });
}

function rootOf(directory: string): string | undefined {
  if (existsSync(join(directory, 'reference-impl/catalogue/feature-bits.json'))) return directory;
  const parent = dirname(directory);
  return parent === directory ? undefined : rootOf(parent);
}

/** An entry behind another one, or behind all, of a JSON file that keeps its layout. */
export function withEntry(text: string, name: string, entry: object, behind?: string): string {
  const printed = JSON.stringify(entry, undefined, 2).replaceAll('\n', '\n  ');
  const begins = behind === undefined ? -1 : text.indexOf(`\n  ${JSON.stringify(behind)}: {`);
  const ends = begins < 0 ? text.lastIndexOf('\n}') : text.indexOf('\n  }', begins) + '\n  }'.length;
  return `${text.slice(0, ends)},\n  ${JSON.stringify(name)}: ${printed}${text.slice(ends)}`;
}
