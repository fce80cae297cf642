import { type Extent, isWithin } from './extent.ts';

interface Node extends Extent {
  readonly type: string;
  readonly [field: string]: unknown;
}

interface Path {
  readonly node: Node;
  readonly parent: Node | null;
  readonly scope: {
    getBinding(name: string): {
      readonly constant: boolean;
      readonly referencePaths: readonly { readonly node: Node }[];
    };
  };
}

/** A value that is given a name, and where the name is read. */
interface Kept {
  readonly value: Extent;
  readonly reads: readonly Extent[];
}

const nameOf = (node: unknown): string => String((node as Node | undefined)?.['name'] ?? '');
const privateName = (node: unknown): string => nameOf((node as Node)['id']);

/** Names of one value in a file: constants, and private fields that are given a value once. */
export class KeptValues {
  readonly #constants: Kept[] = [];
  readonly #fieldValues = new Map<string, Extent[]>();
  readonly #fieldReads = new Map<string, Extent[]>();

  look(path: object): void {
    const { node, parent, scope } = path as Path;
    const { id, init, key, value, property } = node as Record<string, Node | null | undefined>;
    if (node.type === 'VariableDeclarator' && id?.type === 'Identifier' && init) {
      const binding = scope.getBinding(nameOf(id));
      if (binding.constant) this.#constants.push({ value: init, reads: binding.referencePaths.map((one) => one.node) });
    }
    if (node.type === 'ClassPrivateProperty' && value) note(this.#fieldValues, privateName(key), value);
    if (node.type === 'MemberExpression' && property?.type === 'PrivateName') {
      const isAssigned = parent?.type === 'AssignmentExpression' && parent['left'] === node;
      note(
        isAssigned ? this.#fieldValues : this.#fieldReads,
        privateName(property),
        isAssigned && parent ? parent : node,
      );
    }
  }

  /** Whether an extent is of values whose names are read where nothing reads what is there. */
  areUnread(extent: Extent, isUnread: (read: Extent) => boolean): boolean {
    const fields = [...this.#fieldValues].flatMap(([name, values]) =>
      values.map((value) => ({ value, reads: this.#fieldReads.get(name) ?? [] })),
    );
    return [...this.#constants, ...fields].some(
      ({ value, reads }) => isWithin(extent, value) && reads.length > 0 && reads.every(isUnread),
    );
  }
}

function note(extents: Map<string, Extent[]>, name: string, extent: Extent): void {
  const known = extents.get(name);
  if (known === undefined) extents.set(name, [extent]);
  else known.push(extent);
}
