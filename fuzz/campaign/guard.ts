import { type AnyValue, type AnyValues, type Argument, type ArgumentTable, isSame } from '../program/arguments.ts';
import { argumentsOf } from '../program/call-table.ts';
import { type Call, type Program, valuesOf } from '../program/program.ts';

/**
 * Keeps a known bucket from ending the search: most programs that would show it are cut before the call that does. It holds
 * the calls of a minimal program; each argument that is not its default decides.
 */
export class Guard {
  readonly #calls: readonly Call[];

  constructor({ calls }: Program) {
    this.#calls = calls;
  }

  /** The place of the call with which a resolved program would show the bucket; undefined where it would not. */
  placeIn({ calls }: Program): number | undefined {
    let next = 0;
    for (const [place, call] of calls.entries()) {
      const wanted = this.#calls[next];
      if (wanted === undefined) return undefined;
      if (!isLike(call, wanted)) continue;
      next++;
      if (next === this.#calls.length) return place;
    }
    return undefined;
  }
}

function isLike(call: Call, wanted: Call): boolean {
  if (call.kind !== wanted.kind) return false;
  // Requests are names and not amounts.
  if (call.kind === 'message' && wanted.kind === 'message' && call.request !== wanted.request) return false;
  return areLike(argumentsOf(call.kind), valuesOf(call), valuesOf(wanted));
}

const areLike = (table: ArgumentTable, values: AnyValues, wanted: AnyValues): boolean =>
  Object.entries(table).every(([name, argument]) => isLikeValue(argument, values[name], wanted[name]));

/** A number decides from itself on, away from the default; of a list, elements that are alike are enough. */
function isLikeValue(argument: Argument, value: AnyValue, wanted: AnyValue): boolean {
  if (isSame(argument, wanted, argument.default)) return true;
  switch (argument.type) {
    case 'reference':
      return true;
    case 'number':
    case 'optional-number':
      return Number(value ?? -1) >= Number(wanted ?? 0);
    case 'word':
      return (value as bigint) >= (wanted as bigint);
    case 'flag':
    case 'choice':
    case 'name':
      return value === wanted;
    case 'bytes':
      return (value as Uint8Array).length >= (wanted as Uint8Array).length;
    case 'address':
      return value !== undefined;
    case 'list': {
      const elements = value as readonly AnyValues[];
      return (wanted as readonly AnyValues[]).every((each) =>
        elements.some((element) => areLike(argument.element, element, each)),
      );
    }
  }
}
