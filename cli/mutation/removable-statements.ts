import type { Instrumenter } from '@stryker-mutator/instrumenter';
import { allMutators } from './all-mutators.ts';
import { type Extent, extentOf } from './extent.ts';

/** What is read of a node of the syntax tree and the node around it. */
interface SyntaxPath {
  readonly node: {
    readonly type: string;
    readonly start: number;
    readonly end: number;
    readonly expression?: { readonly callee?: { readonly type: string } };
  };
  readonly parent: { readonly type: string; readonly body?: readonly unknown[] | object } | null;
}

const opening = '{ ';
const closing = ' }';

/** A file whose statements that act have blocks of their own. */
export class WrappedFile {
  readonly content: string;
  readonly #extents: readonly Extent[];
  readonly #ends: ReadonlySet<string>;

  /** Extents do not overlap in their ends: a statement lies inside another, or apart from it. */
  constructor(built: string, statements: readonly Extent[], ends: readonly Extent[]) {
    const extents = [...statements, ...ends];
    this.#extents = extents;
    this.#ends = new Set(ends.map(extentOf));
    const inserts = extents.flatMap(({ start, end }) => [
      { at: start, text: opening },
      { at: end, text: closing },
    ]);
    let content = built;
    for (const { at, text } of inserts.sort((a, b) => b.at - a.at)) {
      content = content.slice(0, at) + text + content.slice(at);
    }
    this.content = content;
  }

  /** Where a piece of the content lies in the file as built, without blocks that are not in it. */
  built({ start, end }: Extent): Extent {
    return { start: this.#offset(start), end: this.#offset(end) };
  }

  /** Whether a piece of the content is the block that an early end was given. */
  isEnd(extent: Extent): boolean {
    const isBlock =
      this.content.startsWith(opening, extent.start) && this.content.startsWith(closing, extent.end - closing.length);
    const inside = { start: extent.start + opening.length, end: extent.end - closing.length };
    return isBlock && this.#ends.has(extentOf(this.built(inside)));
  }

  #offset(at: number): number {
    const ends = this.#extents.flatMap((one) => [one.start, one.end]).sort((a, b) => a - b);
    let offset = at;
    for (const [n, one] of ends.entries())
      if (one + (n + 1) * opening.length <= at) offset = at - (n + 1) * opening.length;
    return offset;
  }
}

/**
 * Gives each statement that acts (an assignment, a call) a block of its own. The instrumenter empties blocks and removes no
 * statement; so it removes these too. A statement that is alone in its block is removed with that block already. An
 * early end (`return` or `continue` behind an `if`) gets one too: what reaches it is then known.
 */
export async function withRemovableStatements(
  instrumenter: Instrumenter,
  sources: ReadonlyMap<string, string>,
  alsoLook: (name: string, path: object) => void,
): Promise<Map<string, WrappedFile>> {
  const wrapped = new Map<string, WrappedFile>();
  for (const [name, content] of sources) {
    const extents: Extent[] = [];
    const ends: Extent[] = [];
    const look = {
      shouldIgnore: (path: object): undefined => {
        const { node, parent } = path as SyntaxPath;
        if (node.type === 'ExpressionStatement' && isRemovable(node, parent)) extents.push(node);
        if (isEarlyEnd(node, parent)) ends.push(node);
        alsoLook(name, path);
        return undefined;
      },
    };
    await instrumenter.instrument([{ name, content, mutate: true }], {
      plugins: null,
      excludedMutations: [...allMutators],
      ignorers: [look],
    });
    wrapped.set(name, new WrappedFile(content, extents, ends));
  }
  return wrapped;
}

const isEarlyEnd = ({ type }: SyntaxPath['node'], parent: SyntaxPath['parent']): boolean =>
  parent?.type === 'IfStatement' && (type === 'ReturnStatement' || type === 'ContinueStatement');

function isRemovable({ expression }: SyntaxPath['node'], parent: SyntaxPath['parent']): boolean {
  if (expression?.callee?.type === 'Super' || parent === null) return false;
  return parent.type !== 'BlockStatement' || (Array.isArray(parent.body) && parent.body.length > 1);
}
