import { VhostConformanceError } from '../../reference-impl/errors.ts';
import { type AnyValues, type ArgumentTable, defaultsOf, type ValuesOf } from './arguments.ts';
import { argumentsOf, type CallKind, type CallTable, callKinds } from './call-table.ts';

/** One call: its kind, its arguments, and the id by which later calls refer to what it made. */
export type CallOf<Kind extends CallKind> = {
  readonly id: number;
  readonly kind: Kind;
} & ValuesOf<CallTable[Kind]['arguments']>;

export type Call = { [Kind in CallKind]: CallOf<Kind> }[CallKind];

/** An input of fuzzing, as data: calls in their order. Ids are positive, and each is there once. */
export interface Program {
  readonly calls: readonly Call[];
}

/** Bytes or text that are no program. */
export class ProgramError extends VhostConformanceError {
  readonly code = 'program';
}

/** Bounds of a program: what is longer is refused where it is read. */
export const mostCalls = 4096;
export const mostBytes = 0x1_0000;
export const mostElements = 1024;
/** A buffer of a chain has so many bytes of memory of its own at most; its descriptor says what the program says. */
export const largestBuffer = 0x1_0000;
/** Names of fields of messages. */
export const fieldName = /^[A-Za-z][A-Za-z0-9]{0,63}$/;

const defaults = new Map(callKinds.map((kind) => [kind, defaultsOf(argumentsOf(kind))]));

/** A call with the arguments that are given, and the defaults of all others. */
export function callOf<Kind extends CallKind>(
  kind: Kind,
  id: number,
  values: Partial<ValuesOf<CallTable[Kind]['arguments']>> = {},
): CallOf<Kind> {
  return { id, kind, ...defaults.get(kind), ...values } as CallOf<Kind>;
}

/** An element of a list with the values that are given, and defaults. */
export function elementOf<Element extends ArgumentTable>(
  element: Element,
  values: Partial<ValuesOf<Element>> = {},
): ValuesOf<Element> {
  return { ...defaultsOf(element), ...values } as ValuesOf<Element>;
}

/** The arguments of a call by their names, for those that treat all calls alike. */
export const valuesOf = (call: Call): AnyValues => call as unknown as AnyValues;

/** The call with other values of some arguments: each of the type that its table says. */
export const withValues = (call: Call, values: AnyValues): Call => ({ ...call, ...values }) as Call;

/** The id behind all that a program uses. */
export const nextId = ({ calls }: Program): number => calls.reduce((next, { id }) => Math.max(next, id + 1), 1);

/** Why these calls are no program; undefined where they are one. */
export function problemOf({ calls }: Program): string | undefined {
  if (calls.length > mostCalls) return `${calls.length} calls: at most ${mostCalls}`;
  const seen = new Set<number>();
  for (const { id, kind } of calls) {
    if (!Number.isInteger(id) || id < 1 || id > 0xffff_ffff) return `${kind}: ${id} is no id`;
    if (seen.has(id)) return `${kind}: id ${id} is there twice`;
    seen.add(id);
  }
  return undefined;
}
