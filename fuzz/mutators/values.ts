import {
  type Address,
  type AnyValue,
  type AnyValues,
  type Argument,
  type ArgumentTable,
  areas,
  defaultsOf,
  type Space,
  spaces,
} from '../program/arguments.ts';
import type { Random } from './random.ts';

/** Numbers at which implementations decide: ends of widths, counts of rings and regions, sizes of pages and sectors. */
const numbers = [
  0, 1, 2, 3, 7, 8, 9, 16, 31, 32, 63, 64, 127, 128, 255, 256, 511, 512, 1023, 1024, 4095, 4096,
] as const;
const largeNumbers = [
  0x7fff, 0x8000, 0xffff, 0x1_0000, 0x10_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_f000, 0xffff_ffff,
] as const;
const words = [
  0n,
  1n,
  0xfffn,
  0x1000n,
  0x10_0000n,
  0x4000_0000n,
  0xffff_ffffn,
  0x1_0000_0000n,
  0x7e00_0010_0000n,
  0x7fff_ffff_ffff_ffffn,
  0x8000_0000_0000_0000n,
  0xffff_ffff_ffff_f000n,
  0xffff_ffff_ffff_ffffn,
] as const;
const steps = [-4096, -16, -1, 1, 16, 4096] as const;
const mostOffset = 2 ** 31 - 1;
const mostListed = 12;
const mostMade = 600;

const numberMutations: readonly ((random: Random, before: number, limit: number) => number)[] = [
  (random, before, limit) => (before + limit + random.pick([-1, 1, -2, 2, -16, 16])) % limit,
  (random, _, limit) => random.pick(numbers) % limit,
  (random, _, limit) => random.pick(largeNumbers) % limit,
  (random, before, limit) => Number(BigInt(before) ^ (1n << BigInt(random.below(Math.log2(limit))))),
  (random, _, limit) => random.next() % limit,
];

/** A number of so many bits: near the one that was there, at an edge, one bit away, or any. */
const mutatedNumber = (random: Random, before: number, bits: number): number =>
  random.pick(numberMutations)(random, before, 2 ** bits);

const wordMutations: readonly ((random: Random, before: bigint) => bigint)[] = [
  (random, before) => BigInt.asUintN(64, before + random.pick([-1n, 1n, -4096n, 4096n])),
  (random) => random.pick(words),
  (random, before) => before ^ (1n << BigInt(random.below(64))),
  (random) => random.word(),
];

export const mutatedWord = (random: Random, before: bigint): bigint => random.pick(wordMutations)(random, before);

const byteMutations: readonly ((random: Random, before: Uint8Array) => Uint8Array)[] = [
  (random, before) => before.slice(0, random.below(before.length + 1)),
  (random, before) => Uint8Array.from([...before, ...random.bytes(random.few(16))]).slice(0, mostMade),
  (random) => random.bytes(random.pick([1, 2, 4, 8, 16, 64])),
  overwritten,
  overwritten,
  overwritten,
];

const mutatedBytes = (random: Random, before: Uint8Array): Uint8Array => random.pick(byteMutations)(random, before);

function overwritten(random: Random, before: Uint8Array): Uint8Array {
  if (before.length === 0) return random.bytes(random.pick([1, 2, 4, 8, 16]));
  const bytes = before.slice();
  for (let n = random.few(4); n > 0; n--) {
    bytes[random.below(bytes.length)] = random.pick([0, 1, 0x7f, 0x80, 0xff, random.below(256)]);
  }
  return bytes;
}

const places: readonly ((random: Random, offset: number, space: Space) => Address)[] = [
  (random, offset, space) => ({ kind: 'ring', ring: 0, area: random.pick(areas), offset, space }),
  (random, offset, space) => ({ kind: 'memory', memory: 0, region: random.below(3), offset, space }),
  (random) => ({ kind: 'literal', value: mutatedWord(random, 0n) }),
];

export function mutatedAddress(random: Random, before: Address | undefined): Address {
  if (before === undefined || random.oneIn(2)) {
    const offset = random.pick([0, 0, 1, 2, 16, 512, 4096, -1, -16]);
    return random.pick(places)(random, offset, random.pick(spaces));
  }
  if (before.kind === 'literal') return { kind: 'literal', value: mutatedWord(random, before.value) };
  if (random.oneIn(3)) return { ...before, space: random.pick(spaces) };
  return { ...before, offset: Math.max(-mostOffset, Math.min(mostOffset, before.offset + random.pick(steps))) };
}

/** Another value of one argument. */
export function mutatedValue(random: Random, argument: Argument, value: AnyValue): AnyValue {
  switch (argument.type) {
    case 'number':
      return mutatedNumber(random, Number(value), argument.bits);
    case 'optional-number':
      return random.oneIn(4) ? undefined : mutatedNumber(random, Number(value ?? 0), argument.bits);
    case 'word':
      return mutatedWord(random, value as bigint);
    case 'flag':
      return value !== true;
    case 'choice':
      return random.pick(argument.names);
    case 'name':
      return value;
    case 'bytes':
      return mutatedBytes(random, value as Uint8Array);
    case 'address':
      return random.oneIn(6) ? undefined : mutatedAddress(random, value as Address | undefined);
    case 'reference':
      // 0 is the nearest; another id means that call, or what `resolved` makes of it.
      return random.oneIn(2) ? 0 : Math.max(0, Number(value) + random.pick([-3, -2, -1, 1, 2]));
    case 'list':
      return mutatedList(random, argument.element, value as readonly AnyValues[]);
  }
}

type Elements = readonly AnyValues[];

const listMutations: readonly ((random: Random, element: ArgumentTable, list: Elements, at: number) => Elements)[] = [
  inserted,
  (_random, _element, list, at) => list.toSpliced(at, 1),
  (_random, _element, list, at) =>
    list.length >= mostListed ? list : list.toSpliced(at, 0, ...list.slice(at, at + 1)),
  (random, element, list, at) => list.with(at, mutatedValues(random, element, list[at] ?? {})),
  (random, element, list, at) => list.with(at, mutatedValues(random, element, list[at] ?? {})),
];

function mutatedList(random: Random, element: ArgumentTable, list: Elements): Elements {
  if (list.length === 0) return inserted(random, element, list);
  return random.pick(listMutations)(random, element, list, random.below(list.length));
}

function inserted(random: Random, element: ArgumentTable, list: Elements): Elements {
  if (list.length >= mostListed) return list;
  return list.toSpliced(random.below(list.length + 1), 0, madeElement(random, element));
}

/** An element with some of its values not the default. */
export function madeElement(random: Random, element: ArgumentTable): AnyValues {
  let values = defaultsOf(element);
  for (let n = random.few(3); n > 0; n--) values = mutatedValues(random, element, values);
  return values;
}

/** The values with one of them changed. */
export function mutatedValues(random: Random, table: ArgumentTable, values: AnyValues): AnyValues {
  const names = Object.keys(table);
  if (names.length === 0) return values;
  const name = random.pick(names);
  const argument = table[name];
  return argument === undefined ? values : { ...values, [name]: mutatedValue(random, argument, values[name]) };
}
