import type { Instrumenter } from '@stryker-mutator/instrumenter';

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

/** Left out while statements are looked for: placing their mutants takes most of the time. */
const everyMutator = [
  'ArithmeticOperator',
  'ArrayDeclaration',
  'ArrowFunction',
  'AssignmentOperator',
  'BlockStatement',
  'BooleanLiteral',
  'ConditionalExpression',
  'EqualityOperator',
  'LogicalOperator',
  'MethodExpression',
  'ObjectLiteral',
  'OptionalChaining',
  'Regex',
  'StringLiteral',
  'UnaryOperator',
  'UpdateOperator',
];

interface Extent {
  readonly start: number;
  readonly end: number;
}

/**
 * Gives each statement that acts (an assignment, a call) a block of its own. The instrumenter empties blocks and removes no
 * statement; so it removes these too. A statement that is alone in its block is removed with that block already.
 */
export async function withRemovableStatements(
  instrumenter: Instrumenter,
  sources: ReadonlyMap<string, string>,
): Promise<Map<string, string>> {
  const wrapped = new Map<string, string>();
  for (const [name, content] of sources) {
    const extents: Extent[] = [];
    const look = {
      shouldIgnore: (path: object): undefined => {
        const { node, parent } = path as SyntaxPath;
        if (node.type === 'ExpressionStatement' && isRemovable(node, parent)) extents.push(node);
        return undefined;
      },
    };
    await instrumenter.instrument([{ name, content, mutate: true }], {
      plugins: null,
      excludedMutations: everyMutator,
      ignorers: [look],
    });
    wrapped.set(name, inBlocks(content, extents));
  }
  return wrapped;
}

function isRemovable({ expression }: SyntaxPath['node'], parent: SyntaxPath['parent']): boolean {
  if (expression?.callee?.type === 'Super' || parent === null) return false;
  return parent.type !== 'BlockStatement' || (Array.isArray(parent.body) && parent.body.length > 1);
}

/** Extents do not overlap in their ends: a statement lies inside another, or apart from it. */
function inBlocks(content: string, extents: readonly Extent[]): string {
  const inserts = extents.flatMap(({ start, end }) => [
    { at: start, text: '{ ' },
    { at: end, text: ' }' },
  ]);
  let text = content;
  for (const { at, text: one } of inserts.sort((a, b) => b.at - a.at)) text = text.slice(0, at) + one + text.slice(at);
  return text;
}
