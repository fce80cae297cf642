/**
 * Types of arguments of calls. A table of them is all that encoding, text, mutation and minimisation know of a call; its
 * TypeScript type follows from the table.
 */

/** What a call makes, for later calls to refer to. */
export type Made = 'session' | 'memory' | 'ring' | 'queue' | 'event' | 'change';

/** Id of the call that made the thing; 0 for the nearest earlier one. */
export type Reference = number;

/** Which of its three addresses a place of memory is told by. */
export const spaces = ['guest', 'user', 'io'] as const;
export type Space = (typeof spaces)[number];

export const areas = ['descriptor', 'driver', 'device'] as const;
export type Area = (typeof areas)[number];

/** A number of 64 bits, or a place that an earlier call made. */
export type Address =
  | { readonly kind: 'literal'; readonly value: bigint }
  | {
      readonly kind: 'ring';
      readonly ring: Reference;
      readonly area: Area;
      /** Bytes, signed 32 bits. */
      readonly offset: number;
      readonly space: Space;
    }
  | {
      readonly kind: 'memory';
      readonly memory: Reference;
      readonly region: number;
      /** Bytes, signed 32 bits. */
      readonly offset: number;
      readonly space: Space;
    };

export const literal = (value: bigint): Address => ({ kind: 'literal', value });

interface Tagged {
  /** Number of the field in protobuf: it never changes. */
  readonly tag: number;
}

export interface NumberArgument extends Tagged {
  readonly type: 'number';
  readonly bits: 8 | 16 | 32;
  readonly default: number;
}
/** A number that a call can do without. */
export interface OptionalNumberArgument extends Tagged {
  readonly type: 'optional-number';
  readonly bits: 16 | 32;
  readonly default: undefined;
}
export interface WordArgument extends Tagged {
  readonly type: 'word';
  readonly default: bigint;
}
export interface FlagArgument extends Tagged {
  readonly type: 'flag';
  readonly default: boolean;
}
export interface ChoiceArgument<Name extends string = string> extends Tagged {
  readonly type: 'choice';
  /** A value travels as its place in this list: names are only added at its end. */
  readonly names: readonly Name[];
  readonly default: Name;
}
export interface NameArgument extends Tagged {
  readonly type: 'name';
  readonly default: '';
}
export interface BytesArgument extends Tagged {
  readonly type: 'bytes';
  readonly default: Uint8Array;
}
export interface AddressArgument extends Tagged {
  readonly type: 'address';
  readonly default: Address | undefined;
}
export interface ReferenceArgument extends Tagged {
  readonly type: 'reference';
  readonly to: Made;
  readonly default: 0;
}
export interface ListArgument<Element extends ArgumentTable = ArgumentTable> extends Tagged {
  readonly type: 'list';
  readonly element: Element;
  /** Name of its elements in protobuf. */
  readonly name: string;
  readonly default: readonly [];
}

export type Argument =
  | NumberArgument
  | OptionalNumberArgument
  | WordArgument
  | FlagArgument
  | ChoiceArgument
  | NameArgument
  | BytesArgument
  | AddressArgument
  | ReferenceArgument
  | ListArgument;

export type ArgumentTable = { readonly [name: string]: Argument };

export type ValueOf<A> = A extends { type: 'number' }
  ? number
  : A extends { type: 'optional-number' }
    ? number | undefined
    : A extends { type: 'word' }
      ? bigint
      : A extends { type: 'flag' }
        ? boolean
        : A extends { type: 'choice'; names: readonly (infer Name)[] }
          ? Name
          : A extends { type: 'name' }
            ? string
            : A extends { type: 'bytes' }
              ? Uint8Array
              : A extends { type: 'address' }
                ? Address | undefined
                : A extends { type: 'reference' }
                  ? Reference
                  : A extends { type: 'list'; element: infer Element }
                    ? readonly ValuesOf<Element>[]
                    : never;

export type ValuesOf<Table> = { readonly [Name in keyof Table]: ValueOf<Table[Name]> };

/** Any value of an argument. */
export type AnyValue =
  | number
  | bigint
  | boolean
  | string
  | Uint8Array
  | Address
  | undefined
  | readonly { readonly [name: string]: AnyValue }[];

export type AnyValues = { readonly [name: string]: AnyValue };

const none = new Uint8Array(0);

export const u8 = (tag: number, value = 0): NumberArgument => ({ type: 'number', bits: 8, tag, default: value });
export const u16 = (tag: number, value = 0): NumberArgument => ({ type: 'number', bits: 16, tag, default: value });
export const u32 = (tag: number, value = 0): NumberArgument => ({ type: 'number', bits: 32, tag, default: value });
export const optionalU16 = (tag: number): OptionalNumberArgument => ({
  type: 'optional-number',
  bits: 16,
  tag,
  default: undefined,
});
export const optionalU32 = (tag: number): OptionalNumberArgument => ({
  type: 'optional-number',
  bits: 32,
  tag,
  default: undefined,
});
export const word = (tag: number, value = 0n): WordArgument => ({ type: 'word', tag, default: value });
export const flag = (tag: number, value = false): FlagArgument => ({ type: 'flag', tag, default: value });
export const name = (tag: number): NameArgument => ({ type: 'name', tag, default: '' });
export const bytes = (tag: number): BytesArgument => ({ type: 'bytes', tag, default: none });
export const address = (tag: number): AddressArgument => ({ type: 'address', tag, default: undefined });

/** One of the names; the first unless told. */
export const choice = <const Name extends string>(tag: number, names: readonly [Name, ...Name[]]) =>
  ({ type: 'choice', tag, names, default: names[0] }) as const satisfies ChoiceArgument<Name>;

export const reference = (tag: number, to: Made): ReferenceArgument => ({ type: 'reference', tag, to, default: 0 });

export const list = <const Element extends ArgumentTable>(tag: number, called: string, element: Element) =>
  ({ type: 'list', tag, name: called, element, default: [] }) as const satisfies ListArgument<Element>;

/** Whether two values of one argument are the same. */
export function isSame(argument: Argument, left: AnyValue, right: AnyValue): boolean {
  if (left === right) return true;
  switch (argument.type) {
    case 'number':
    case 'optional-number':
    case 'word':
    case 'flag':
    case 'choice':
    case 'name':
    case 'reference':
      return false;
    case 'bytes':
      return left instanceof Uint8Array && right instanceof Uint8Array && areSameBytes(left, right);
    case 'address':
      return isSameAddress(left as Address | undefined, right as Address | undefined);
    case 'list': {
      const before = left as readonly AnyValues[];
      const after = right as readonly AnyValues[];
      return (
        before.length === after.length &&
        before.every((values, at) => areSameValues(argument.element, values, after[at] ?? {}))
      );
    }
  }
}

export function areSameValues(table: ArgumentTable, left: AnyValues, right: AnyValues): boolean {
  return Object.entries(table).every(([key, argument]) => isSame(argument, left[key], right[key]));
}

function areSameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, at) => byte === right[at]);
}

function isSameAddress(left: Address | undefined, right: Address | undefined): boolean {
  if (left === undefined || right === undefined || left.kind !== right.kind) return false;
  switch (left.kind) {
    case 'literal':
      return right.kind === 'literal' && left.value === right.value;
    case 'ring':
      return (
        right.kind === 'ring' &&
        left.ring === right.ring &&
        left.area === right.area &&
        left.offset === right.offset &&
        left.space === right.space
      );
    case 'memory':
      return (
        right.kind === 'memory' &&
        left.memory === right.memory &&
        left.region === right.region &&
        left.offset === right.offset &&
        left.space === right.space
      );
  }
}

/** The values that a table gives where nothing is told. */
export function defaultsOf(table: ArgumentTable): AnyValues {
  return Object.fromEntries(Object.entries(table).map(([key, argument]) => [key, argument.default]));
}
