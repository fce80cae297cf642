/** What a function reads of an argument: all of it, nothing, or the fields that it takes out of it. */
export type ReadOfArgument = 'all' | 'nothing' | ReadonlySet<string>;

/** What a function reads of each argument, by its text; behind the last parameter it reads nothing. */
export class ReadParameters {
  readonly #reads: readonly ReadOfArgument[];
  /** Whether the text says of all arguments what is read. */
  readonly #isKnown: boolean;

  constructor(reads: readonly ReadOfArgument[] | undefined) {
    this.#reads = reads ?? [];
    this.#isKnown = reads !== undefined;
  }

  static of(text: string): ReadParameters {
    const [, list] = /^\(([^()=]*)\) =>/.exec(text) ?? [];
    if (list === undefined || list.includes('...')) return new ReadParameters(undefined);
    const parameters = list.match(/\{[^{}]*\}|[\w$]+/g) ?? [];
    return new ReadParameters(parameters.map(readOf));
  }

  at(position: number): ReadOfArgument {
    return this.#isKnown ? (this.#reads[position] ?? 'nothing') : 'all';
  }

  /** What this or another function reads. */
  or(other: ReadParameters): ReadParameters {
    if (!this.#isKnown || !other.#isKnown) return new ReadParameters(undefined);
    const longer = this.#reads.length > other.#reads.length ? this : other;
    return new ReadParameters(longer.#reads.map((_, position) => either(this.at(position), other.at(position))));
  }
}

function readOf(parameter: string): ReadOfArgument {
  if (parameter.startsWith('_')) return 'nothing';
  if (!parameter.startsWith('{')) return 'all';
  return new Set([...parameter.matchAll(/([\w$]+)(?:: [\w$]+)?/g)].map(([, field = '']) => field));
}

function either(one: ReadOfArgument, other: ReadOfArgument): ReadOfArgument {
  if (one === 'all' || other === 'all') return 'all';
  if (one === 'nothing') return other;
  return other === 'nothing' ? one : new Set([...one, ...other]);
}
