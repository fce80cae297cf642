import protobuf from 'protobufjs/light.js';
import {
  type Address,
  type AnyValue,
  type AnyValues,
  type Argument,
  type ArgumentTable,
  areas,
  isSame,
  spaces,
} from './arguments.ts';
import { argumentsOf, type CallKind, callKinds } from './call-table.ts';
import {
  type Call,
  fieldName,
  mostBytes,
  mostElements,
  type Program,
  ProgramError,
  problemOf,
  valuesOf,
} from './program.ts';
import { fieldOfKind, programDescriptor, programSchemaVersion, programTypeName } from './program-schema.ts';

const programType = protobuf.Root.fromJSON(programDescriptor()).lookupType(programTypeName);
const kindOfField: ReadonlyMap<string, CallKind> = new Map(callKinds.map((kind) => [fieldOfKind(kind), kind]));

/** A field of 64 bits as protobufjs writes it; it reads them as bigint. */
interface Wire64 {
  readonly low: number;
  readonly high: number;
}

const wire64 = (value: bigint): Wire64 => ({
  low: Number(BigInt.asUintN(32, value)),
  high: Number(BigInt.asUintN(32, value >> 32n)),
});

type WireValue =
  | Wire64
  | number
  | bigint
  | boolean
  | string
  | Uint8Array
  | WireValues
  | readonly WireValues[]
  | undefined;
type WireValues = { readonly [name: string]: WireValue };

/** Protobuf bytes (program.proto). */
export function encodeProgram({ calls }: Program): Uint8Array {
  const wire = calls.map((call) => ({
    id: call.id,
    [fieldOfKind(call.kind)]: toWire(argumentsOf(call.kind), valuesOf(call)),
  }));
  return programType.encode({ ...programSchemaVersion, calls: wire }).finish();
}

/** @throws ProgramError */
export function decodeProgram(bytes: Uint8Array): Program {
  let message: { readonly major?: number; readonly minor?: number; readonly calls?: readonly WireValues[] };
  try {
    message = programType.toObject(programType.decode(bytes), { longs: BigInt });
  } catch (cause) {
    throw new ProgramError('these bytes are no program', { cause });
  }
  const { major = 0, minor = 0, calls = [] } = message;
  if (major !== programSchemaVersion.major) {
    throw new ProgramError(`program schema ${major}.${minor}; this version reads ${programSchemaVersion.major}.x`);
  }
  const program = { calls: calls.map(callFrom) };
  const problem = problemOf(program);
  if (problem !== undefined) throw new ProgramError(problem);
  return program;
}

function callFrom(wire: WireValues): Call {
  const { id = 0, ...what } = wire;
  for (const [field, values] of Object.entries(what)) {
    const kind = kindOfField.get(field);
    if (kind !== undefined) {
      return { id, kind, ...fromWire(argumentsOf(kind), values as WireValues) } as Call;
    }
  }
  throw new ProgramError(`call ${String(id)} is of no kind that this version knows`);
}

/** What differs from the default; protobuf leaves out the rest. */
function toWire(table: ArgumentTable, values: AnyValues): WireValues {
  const wire: Record<string, WireValue> = {};
  for (const [name, argument] of Object.entries(table)) {
    const value = values[name];
    if (!isSame(argument, value, argument.default)) wire[name] = valueToWire(argument, value);
  }
  return wire;
}

function valueToWire(argument: Argument, value: AnyValue): WireValue {
  switch (argument.type) {
    case 'number':
    case 'optional-number':
    case 'flag':
    case 'name':
    case 'bytes':
    case 'reference':
      return value as WireValue;
    case 'word':
      return wire64(value as bigint);
    case 'choice':
      return argument.names.indexOf(value as string);
    case 'address':
      return addressToWire(value as Address);
    case 'list':
      return (value as readonly AnyValues[]).map((each) => toWire(argument.element, each));
  }
}

function addressToWire(address: Address): WireValues {
  switch (address.kind) {
    case 'literal':
      return { literal: wire64(address.value) };
    case 'ring': {
      const { ring, area, offset, space } = address;
      return { ring: { ring, area: areas.indexOf(area), offset, space: spaces.indexOf(space) } };
    }
    case 'memory': {
      const { memory, region, offset, space } = address;
      return { memory: { memory, region, offset, space: spaces.indexOf(space) } };
    }
  }
}

function fromWire(table: ArgumentTable, wire: WireValues): AnyValues {
  const values: Record<string, AnyValue> = {};
  for (const [name, argument] of Object.entries(table)) {
    const value = wire[name];
    values[name] = value === undefined ? argument.default : valueFromWire(name, argument, value);
  }
  return values;
}

function valueFromWire(name: string, argument: Argument, value: WireValue): AnyValue {
  switch (argument.type) {
    case 'number':
    case 'optional-number':
      if (Number(value) >= 2 ** argument.bits) throw new ProgramError(`${name}: ${String(value)} is too large`);
      return Number(value);
    case 'word':
    case 'flag':
      return value as AnyValue;
    case 'name':
      if (!fieldName.test(String(value))) throw new ProgramError(`${name}: no name of a field`);
      return String(value);
    case 'reference':
      return Number(value);
    case 'bytes': {
      const bytes = value as Uint8Array;
      if (bytes.length > mostBytes) throw new ProgramError(`${name}: ${bytes.length} bytes, at most ${mostBytes}`);
      // A copy: the decoder gives a part of what it read, of a class of its own.
      return new Uint8Array(bytes);
    }
    case 'choice':
      return oneOf(name, argument.names, Number(value));
    case 'address':
      return addressFromWire(name, value as WireValues);
    case 'list': {
      const elements = value as readonly WireValues[];
      if (elements.length > mostElements) throw new ProgramError(`${name}: ${elements.length} elements`);
      return elements.map((each) => fromWire(argument.element, each));
    }
  }
}

function addressFromWire(name: string, { literal, ring, memory }: WireValues): Address {
  if (ring !== undefined) {
    const place = ring as Readonly<Record<string, number>>;
    const { ring: of = 0, area = 0, offset = 0, space = 0 } = place;
    return { kind: 'ring', ring: of, area: oneOf(name, areas, area), offset, space: oneOf(name, spaces, space) };
  }
  if (memory !== undefined) {
    const place = memory as Readonly<Record<string, number>>;
    const { memory: of = 0, region = 0, offset = 0, space = 0 } = place;
    if (region > 0xff) throw new ProgramError(`${name}: no memory has a region ${region}`);
    return { kind: 'memory', memory: of, region, offset, space: oneOf(name, spaces, space) };
  }
  return { kind: 'literal', value: (literal as bigint | undefined) ?? 0n };
}

function oneOf<Name extends string>(what: string, names: readonly Name[], at: number): Name {
  const found = names[at];
  if (found === undefined) throw new ProgramError(`${what}: ${at} is none of ${names.join(', ')}`);
  return found;
}
