import { messageById } from '../../reference-impl/wire/vhost-user-messages.ts';
import { defaultsOf, literal } from '../program/arguments.ts';
import { argumentsOf, type CallKind, callKinds, callTable } from '../program/call-table.ts';
import { layoutOfRequest } from '../program/message-payload.ts';
import { type Call, type CallOf, callOf, elementOf, valuesOf, withValues } from '../program/program.ts';
import type { Random } from './random.ts';
import { madeElement, mutatedAddress, mutatedValues, mutatedWord } from './values.ts';

/** Requests of the front-end that texts name. */
const lastRequest = 45;

/** How often each kind is made, where that is not once. */
const weights: Partial<Record<CallKind, number>> = {
  message: 12,
  'ring-write': 5,
  chain: 5,
  kick: 4,
  'memory-table': 3,
  'memory-slot': 3,
  attach: 2,
  signal: 2,
  stop: 2,
  connect: 0,
};
const weighted = callKinds.flatMap((kind) => new Array<CallKind>(weights[kind] ?? 1).fill(kind));

type Maker = (random: Random, id: number) => Call;

/** Kinds that defaults and a few values would not make well. */
const makers: Partial<Record<CallKind, Maker>> = {
  message: madeMessage,
  'ring-write': madeRingWrite,
  chain: madeChain,
  'memory-table': (random, id) =>
    callOf('memory-table', id, { regions: madeRegions(random, random.pick([0, 1, 1, 2, 2, 3, 8, 9])) }),
  'memory-slot': (random, id) =>
    callOf('memory-slot', id, {
      regions: madeRegions(random, 1),
      how: random.pick<'add' | 'remove'>(['add', 'add', 'remove']),
    }),
  change: (random, id) =>
    callOf('change', id, {
      at: mutatedAddress(random, { kind: 'ring', ring: 0, area: 'descriptor', offset: 0, space: 'user' }),
      patterns: [random.bytes(4), random.bytes(4)].map((bytes) => ({ bytes })),
      periodNs: random.pick([0, 100, 10_000]),
    }),
};

/** A call that was not there, with arguments that its kind is at home with. */
export function madeCall(random: Random, id: number): Call {
  const kind = random.pick(weighted);
  const maker = makers[kind];
  if (maker !== undefined) return maker(random, id);
  let call: Call = { id, kind, ...defaultsOf(argumentsOf(kind)) } as Call;
  for (let n = random.below(3); n > 0; n--) call = changed(random, call);
  return call;
}

/** The call with another value of one argument. */
export const changed = (random: Random, call: Call): Call =>
  call.kind === 'message' && call.fields.length > 0 && random.oneIn(2)
    ? withField(random, call)
    : withValues(call, mutatedValues(random, argumentsOf(call.kind), valuesOf(call)));

/** Fields of 16 bits and of 32 have these, too. */
const edges = [0, 1, 2, 3, 8, 9, 255, 256, 0x7fff, 0x8000, 0xffff, 0x1_0000, 0xffff_ffff] as const;

/** The message with another value of one field: its header and descriptors stay as they fit each other. */
function withField(random: Random, call: CallOf<'message'>): Call {
  const changedAt = random.below(call.fields.length);
  const fields = call.fields.map((field, at) => {
    if (at !== changedAt) return field;
    const value = random.oneIn(3) ? mutatedAddress(random, field.value) : literal(BigInt(random.pick(edges)));
    return { ...field, value };
  });
  return { ...call, fields };
}

const { element: region } = callTable['memory-table'].arguments.regions;

const madeRegions = (random: Random, count: number) =>
  Array.from({ length: count }, (_, number) =>
    elementOf(region, random.oneIn(2) ? { region: number } : madeElement(random, region)),
  );

/** Any request; its fields have values of their widths, its descriptors are those that it takes, or not. */
function madeMessage(random: Random, id: number): Call {
  const request = random.oneIn(12) ? random.next() >>> random.below(32) : 1 + random.below(lastRequest);
  const { fields: field, descriptors } = callTable.message.arguments;
  const fields = layoutOfRequest(request).flatMap(({ kind, name }) => {
    if (kind === 'padding' || random.oneIn(3)) return [];
    const small = literal(BigInt(random.pick([0, 0, 1, 1, 2, 255, 256, 0xffff_ffff])));
    const value = random.oneIn(3)
      ? mutatedAddress(random, undefined)
      : kind === 'u64'
        ? literal(mutatedWord(random, 0n))
        : small;
    return [elementOf(field.element, { name, value })];
  });
  return callOf('message', id, {
    request,
    flags: random.pick([1, 1, 1, 1, 9, 9, random.below(16), random.next()]),
    fields,
    bytes: random.oneIn(6) ? random.bytes(random.pick([1, 8, 16, 40, 256])) : new Uint8Array(0),
    ...(random.oneIn(12) ? { declared: random.pick([0, 1, 4, 12, 4096, 0xffff_ffff]) } : {}),
    descriptors: Array.from({ length: descriptorCount(random, request) }, () =>
      elementOf(descriptors.element, {
        kind: random.pick(kindsFor(request)),
        size: random.pick([0, 1, 4096, 0x1_0000, 0x10_0000]),
      }),
    ),
  });
}

/** Mostly as many as the request takes. */
function descriptorCount(random: Random, request: number): number {
  const { minimum, maximum } = messageById('front-end', request)?.requestDescriptors ?? { minimum: 0, maximum: 0 };
  if (random.oneIn(4)) return random.pick([0, 1, 1, 2, 9]);
  return minimum + random.below(maximum - minimum + 1);
}

const anyKind = ['eventfd', 'eventfd', 'memory-file', 'region', 'null-device', 'pipe', 'socket'] as const;
const memoryKinds = [...anyKind, 'memory-file', 'memory-file', 'memory-file', 'region', 'region'] as const;

/** Requests that say how to map a file mostly get one. */
const kindsFor = (request: number): typeof anyKind | typeof memoryKinds =>
  layoutOfRequest(request).some(
    ({ kind, name }) => kind === 'repeated' || (kind !== 'padding' && name.startsWith('mmap')),
  )
    ? memoryKinds
    : anyKind;

/** Bytes at a field of a ring: a descriptor in whole or in part, or an index, flags, an element. */
export function madeRingWrite(random: Random, id: number): Call {
  const area = random.pick(['descriptor', 'driver', 'device'] as const);
  if (area !== 'descriptor') {
    const offset = random.pick([0, 2, 4, 6, 4 + 8 * random.below(16)]);
    return callOf('ring-write', id, { area, offset, bytes: random.bytes(random.pick([1, 2, 2, 4])) });
  }
  const entry = new DataView(new ArrayBuffer(16));
  entry.setBigUint64(0, mutatedWord(random, 0x10_0000n + BigInt(random.below(0x1000))), true);
  entry.setUint32(8, random.pick([0, 1, 16, 512, 0x1_0000, 0xffff_ffff]), true);
  // Split: flags, next. Packed: id, flags.
  entry.setUint16(12, random.pick([0, 1, 2, 3, 4, 5, 7, 0x80, 0x8080, 0xffff]), true);
  entry.setUint16(14, random.pick([0, 1, 2, 15, 16, 0x80, 0x8080, 0xffff]), true);
  const whole = new Uint8Array(entry.buffer);
  const slot = 16 * random.pick([0, 0, 1, 2, random.below(16)]);
  if (random.oneIn(2)) return callOf('ring-write', id, { area, offset: slot, bytes: whole });
  const [from, length] = random.pick([
    [0, 8],
    [8, 4],
    [12, 2],
    [14, 2],
    [12, 4],
  ] as const);
  return callOf('ring-write', id, { area, offset: slot + from, bytes: whole.slice(from, from + length) });
}

function madeChain(random: Random, id: number): Call {
  const { element } = callTable.chain.arguments.segments;
  const readables = random.below(3);
  const writables = random.below(3) + (readables === 0 ? 1 : 0);
  const segments = [
    ...Array.from({ length: readables }, () =>
      elementOf(element, { bytes: random.bytes(random.pick([1, 12, 16, 64, 512])) }),
    ),
    ...Array.from({ length: writables }, () =>
      elementOf(element, { writable: true, length: random.pick([0, 1, 1, 20, 512, 1526, 4096]) }),
    ),
  ];
  if (random.oneIn(6)) segments.push(elementOf(element, madeElement(random, element)));
  return callOf('chain', id, {
    segments,
    ...(random.oneIn(4) ? { direct: random.below(3) } : {}),
    descending: random.oneIn(8),
    held: random.oneIn(8),
  });
}
