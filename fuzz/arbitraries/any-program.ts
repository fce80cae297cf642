import fc from 'fast-check';
import {
  type Address,
  type AnyValue,
  type AnyValues,
  type Argument,
  type ArgumentTable,
  areas,
  spaces,
} from '../program/arguments.ts';
import { argumentsOf, type CallKind, callKinds } from '../program/call-table.ts';
import type { Call, Program } from '../program/program.ts';

const mostIds = 24;
/** Objects as programs have them. */
const plain = { noNullPrototype: true } as const;

const offset = fc.oneof(fc.constant(0), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }));
const space = fc.constantFrom(...spaces);
const reference = fc.integer({ min: 0, max: mostIds });

const address: fc.Arbitrary<Address> = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value) => ({ kind: 'literal' as const, value })),
  fc.record(
    { kind: fc.constant('ring' as const), ring: reference, area: fc.constantFrom(...areas), offset, space },
    plain,
  ),
  fc.record(
    {
      kind: fc.constant('memory' as const),
      memory: reference,
      region: fc.integer({ min: 0, max: 255 }),
      offset,
      space,
    },
    plain,
  ),
);

function anyValueOf(argument: Argument): fc.Arbitrary<AnyValue> {
  switch (argument.type) {
    case 'number':
      return fc.integer({ min: 0, max: 2 ** argument.bits - 1 });
    case 'optional-number':
      return fc.option(fc.integer({ min: 0, max: 2 ** argument.bits - 1 }), { nil: undefined });
    case 'word':
      return fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    case 'flag':
      return fc.boolean();
    case 'choice':
      return fc.constantFrom(...argument.names);
    case 'name':
      return fc.constantFrom('u64', 'index', 'num', 'descriptor', 'noSuchField');
    case 'bytes':
      return fc.oneof(
        fc.uint8Array({ maxLength: 40 }),
        fc.tuple(fc.nat(255), fc.nat(600)).map(([byte, count]) => new Uint8Array(count).fill(byte)),
      );
    case 'address':
      return fc.option(address, { nil: undefined });
    case 'reference':
      return reference;
    case 'list':
      return fc.array(valuesOf(argument.element), { maxLength: 4 });
  }
}

/** Half of the arguments have their default, as in programs that are written. */
function valuesOf(table: ArgumentTable): fc.Arbitrary<AnyValues> {
  return fc.record(
    Object.fromEntries(
      Object.entries(table).map(([name, argument]) => [
        name,
        fc.oneof(fc.constant(argument.default as AnyValue), anyValueOf(argument)),
      ]),
    ),
    plain,
  );
}

const callOf = (kinds: readonly CallKind[]): fc.Arbitrary<Call> =>
  fc.oneof(
    ...kinds.map((kind) =>
      valuesOf(argumentsOf(kind)).map((values) => ({ id: 0, kind, ...values }) as unknown as Call),
    ),
  );

/** Any calls of some kinds, lawful or not, with references to any thing that they make. Their ids are 0. */
export const anyCalls = (kinds: readonly CallKind[], most: number): fc.Arbitrary<Call[]> =>
  fc.array(callOf(kinds), { maxLength: most });

/** Any program, lawful or not, with references to any thing that it makes. */
export const anyProgram: fc.Arbitrary<Program> = anyCalls(callKinds, mostIds).map((calls) => ({
  calls: calls.map((each, at) => ({ ...each, id: at + 1 })),
}));
