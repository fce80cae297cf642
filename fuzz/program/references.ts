import type { Address, AnyValue, AnyValues, Argument, ArgumentTable, Made } from './arguments.ts';
import { argumentsOf, madeBy } from './call-table.ts';
import { type Call, callOf, nextId, type Program, valuesOf, withValues } from './program.ts';

/** The id that a reference means at its place: given what it says, and what kind of thing it refers to. */
type Resolve = (id: number, to: Made) => number;

/** The call with each of its references as `resolve` gives it; the same object where none of them changes. */
export function withReferences(call: Call, resolve: Resolve): Call {
  const before = valuesOf(call);
  const after = valuesWith(argumentsOf(call.kind), before, resolve);
  return after === before ? call : withValues(call, after);
}

function valuesWith(table: ArgumentTable, values: AnyValues, resolve: Resolve): AnyValues {
  let changed: Record<string, AnyValue> | undefined;
  for (const name in table) {
    const before = values[name];
    const after = valueWith(table[name] as Argument, before, resolve);
    if (after === before) continue;
    changed ??= { ...values };
    changed[name] = after;
  }
  return changed ?? values;
}

function valueWith(argument: Argument, value: AnyValue, resolve: Resolve): AnyValue {
  switch (argument.type) {
    case 'number':
    case 'optional-number':
    case 'word':
    case 'flag':
    case 'choice':
    case 'name':
    case 'bytes':
      return value;
    case 'reference':
      return resolve(value as number, argument.to);
    case 'address':
      return value === undefined ? undefined : addressWith(value as Address, resolve);
    case 'list': {
      const elements = value as readonly AnyValues[];
      const after = elements.map((each) => valuesWith(argument.element, each, resolve));
      return after.every((each, at) => each === elements[at]) ? value : after;
    }
  }
}

function addressWith(address: Address, resolve: Resolve): Address {
  switch (address.kind) {
    case 'literal':
      return address;
    case 'ring': {
      const ring = resolve(address.ring, 'ring');
      return ring === address.ring ? address : { ...address, ring };
    }
    case 'memory': {
      const memory = resolve(address.memory, 'memory');
      return memory === address.memory ? address : { ...address, memory };
    }
  }
}

/**
 * The program with every reference an id of an earlier call that makes such a thing. One that is none any more, as after a
 * deletion, becomes the nearest earlier one. Where there is none, calls are put in front that make one with defaults: a
 * session with features negotiated, memory that it was told, a ring of 16 entries, that ring attached. An event or a change
 * has no default: their reference is 0 then.
 */
export function resolved(program: Program): Program {
  const calls: Call[] = [];
  const madeBefore = new Map<number, Made>();
  const nearest = new Map<Made, number>();
  let next = nextId(program);
  const add = (call: Call): void => {
    calls.push(call);
    const made = madeBy(call.kind);
    if (made === undefined) return;
    madeBefore.set(call.id, made);
    nearest.set(made, call.id);
  };
  const resolve: Resolve = (id, to) => {
    if (madeBefore.get(id) === to) return id;
    const before = nearest.get(to);
    if (before !== undefined) return before;
    return makeDefault(to);
  };
  const make = (call: Call): number => {
    add(withReferences(call, resolve));
    return call.id;
  };
  const makeDefault = (to: Made): number => {
    switch (to) {
      case 'session': {
        const session = make(callOf('connect', next++));
        make(callOf('negotiate', next++, { session }));
        return session;
      }
      case 'memory': {
        const memory = make(callOf('memory', next++));
        make(callOf('share', next++, { memory }));
        return memory;
      }
      case 'ring':
        return make(callOf('ring', next++));
      case 'queue':
        return make(callOf('attach', next++));
      case 'event':
      case 'change':
        return 0;
    }
  };
  for (const call of program.calls) add(withReferences(call, resolve));
  return { calls };
}
