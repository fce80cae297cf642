import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Extent } from './extent.ts';

/** Where members of the device side are used when no fault is there. */
const users = ['reference-impl', 'drivers', 'judging', 'suites'] as const;
const asideFrom: ReadonlySet<string> = new Set(['faults', 'tests']);

const comment = /\/\*[\s\S]*?\*\/|\/\/[^\n]*/g;
const headOfMethod = /^ +(?:get |set |static |async )*[\w$]+(?=\([^;]*\) \{$)/gm;

/** Names that stand somewhere in the built code of the reference and of what runs it, but as a method's own. */
export function usedNames(dist: string): ReadonlySet<string> {
  const names = new Set<string>();
  for (const file of users
    .map((folder) => join(dist, folder))
    .filter(existsSync)
    .flatMap(filesBelow)) {
    const code = readFileSync(file, 'utf8').replace(comment, '').replace(headOfMethod, '');
    for (const [name] of code.matchAll(/[\w$]+/g)) names.add(name);
  }
  return names;
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return asideFrom.has(entry.name) ? [] : filesBelow(path);
    return entry.name.endsWith('.js') ? [path] : [];
  });
}

interface MethodNode extends Extent {
  readonly type: string;
  readonly kind?: string;
  readonly key?: { readonly type: string; readonly name?: string };
}

/** The extent of a method that faults and tests alone use; undefined for other code. */
export function unusedMethod(path: object, used: ReadonlySet<string>): Extent | undefined {
  const { node } = path as { readonly node: MethodNode };
  if (node.type !== 'ClassMethod' || node.kind === 'constructor' || node.key?.type !== 'Identifier') return undefined;
  return used.has(node.key.name ?? '') ? undefined : node;
}

/**
 * State that rules of faults read, and no rule of the reference: how often a ring was started, used or found empty,
 * whether it ran before, whether a chain is in a table, whether a session has an owner, and what a device of
 * vhost-mdev was told of features and logs.
 */
const faultState =
  /^\{? ?(?:(?:(?:\w+\.)+(?:starts|uses|emptyLooks|isResumed|hasOwner|logAddress|isIndirect)(?:\+\+| = ))+(?:\w|\.)*|(?:(?:\w+\.)+(?:features|logBase) = )+[^;{}]*)[;,]? ?\}?$/;

export const keepsFaultState = (original: string): boolean => faultState.test(original);

/** What a session, or a device, tells those who watch it (`observe`, the oracle, tests), and who they are: no driver sees it. */
const toldToObserver =
  /^\{? ?(?:this|session|this\.#session)\.(?:observer|#stores|#wrap)(?: = \w+|\?\.(?:\w+)?\([^()]*\));? ?\}?$/;

export const tellsObserver = (original: string): boolean => toldToObserver.test(original);
