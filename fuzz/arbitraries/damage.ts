import fc from 'fast-check';
import {
  VIRTQ_DESC_F_INDIRECT,
  VIRTQ_DESC_F_NEXT,
  VIRTQ_DESC_F_WRITE,
} from '../../reference-impl/virtqueue/descriptor.ts';
import { literal } from '../program/arguments.ts';
import { callTable } from '../program/call-table.ts';
import { type CallOf, elementOf } from '../program/program.ts';

/** What is wrong with the first chain of a fresh ring. */
export type Damage =
  /** Bytes are written over the ring behind the chain: `fields` of the descriptor area name a field of a descriptor. */
  | {
      readonly kind: 'ring';
      readonly area: 'descriptor' | 'driver';
      readonly offset: number;
      readonly bytes: Uint8Array;
    }
  /** The chain has a table, and the table or what leads to it is wrong. */
  | { readonly kind: 'table'; readonly values: Partial<CallOf<'chain'>> }
  /** The session is told a buffer of requests in flight that its records do not fit into. */
  | { readonly kind: 'record'; readonly fields: Readonly<Record<string, bigint>> }
  /** Of vhost-vdpa: all memory is taken away. */
  | { readonly kind: 'unmapped' }
  /** Buffers to write come ahead of those to read. */
  | { readonly kind: 'reversed' }
  /** The chain has more descriptors than the ring, in a table or not. */
  | { readonly kind: 'long'; readonly isIndirect: boolean };

function little(bytes: 2 | 4 | 8, value: bigint): Uint8Array {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, value, true);
  return new Uint8Array(view.buffer, 0, bytes);
}

const places = [0n, 1n, 0x7e00_0010_0000n, 1n << 63n, (1n << 64n) - 1n, (1n << 64n) - 0x1000n] as const;
const lengths = [0, 1, 0x8000_0000, 0xffff_ffff] as const;
const numbers = [0, 1, 2, 15, 16, 255, 1024, 0x7fff, 0x8000, 0xffff] as const;
const flags = [
  VIRTQ_DESC_F_NEXT,
  VIRTQ_DESC_F_WRITE,
  VIRTQ_DESC_F_INDIRECT,
  VIRTQ_DESC_F_INDIRECT | VIRTQ_DESC_F_NEXT,
  VIRTQ_DESC_F_INDIRECT | VIRTQ_DESC_F_WRITE,
  VIRTQ_DESC_F_NEXT | VIRTQ_DESC_F_WRITE,
  8,
  0xffff,
] as const;
const descriptorBytes = 16;

/** Split: flags, next; packed: id, flags. What comes next may be a descriptor ahead, so that the chain has no end. */
const word = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom(...flags) },
  { weight: 1, arbitrary: fc.constantFrom(...numbers) },
  { weight: 1, arbitrary: fc.constantFrom(0, 0, 1, 2) },
);

/** One field of one of the first descriptors. */
const descriptorField = fc
  .tuple(
    fc.constantFrom(0, 0, 1, 2),
    fc.oneof(
      { weight: 1, arbitrary: fc.constantFrom(...places).map((place) => [0, little(8, place)] as const) },
      { weight: 1, arbitrary: fc.constantFrom(...lengths).map((length) => [8, little(4, BigInt(length))] as const) },
      {
        weight: 4,
        arbitrary: fc
          .tuple(fc.constantFrom(12, 14), word)
          .map(([field, value]) => [field, little(2, BigInt(value))] as const),
      },
    ),
  )
  .map(([descriptor, [field, bytes]]) => ({
    kind: 'ring' as const,
    area: 'descriptor' as const,
    offset: descriptor * descriptorBytes + field,
    bytes,
  }));

/** Of a split ring: the available idx, and the first of its heads. */
const driverField = fc.tuple(fc.constantFrom(2, 2, 4, 4), fc.constantFrom(...numbers)).map(([offset, number]) => ({
  kind: 'ring' as const,
  area: 'driver' as const,
  offset,
  bytes: little(2, BigInt(number)),
}));

const { element } = callTable.chain.arguments.table;

const seldom = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value });

const tableEntry = fc
  .record({
    entry: fc.constantFrom(0, 0, 1, 2),
    address: seldom(fc.constantFrom(...places).map(literal)),
    length: seldom(fc.constantFrom(...lengths)),
    flags: fc.option(fc.constantFrom(...flags), { freq: 3, nil: undefined }),
    next: fc.option(fc.constantFrom(...numbers), { freq: 2, nil: undefined }),
  })
  .map((values) => elementOf(element, values));

const tableDamage = fc
  .oneof(
    { weight: 4, arbitrary: fc.array(tableEntry, { minLength: 1, maxLength: 2 }).map((table) => ({ table })) },
    {
      weight: 2,
      arbitrary: fc
        .constantFrom(0, 1, 8, 15, 17, 40, 0x1_0000, 0xffff_ffff, 0xffff_fff0)
        .map((tableLength) => ({ tableLength })),
    },
    { weight: 1, arbitrary: fc.constantFrom(...flags).map((tableFlags) => ({ tableFlags })) },
    // No table may be there at all.
    { weight: 1, arbitrary: fc.constant({}) },
  )
  .map((values) => ({ kind: 'table' as const, values: { ...values, direct: 0 } }));

export const damage: fc.Arbitrary<Damage> = fc.oneof(
  { weight: 4, arbitrary: descriptorField },
  { weight: 2, arbitrary: driverField },
  { weight: 5, arbitrary: tableDamage },
  {
    weight: 1,
    arbitrary: fc
      .record({
        mmapSize: fc.constantFrom(0n, 0x10n, 0x100n, 0x1000n, 0x2_0000n, 1n << 40n),
        mmapOffset: fc.constantFrom(0n, 0n, 8n, 0x1_f000n, (1n << 64n) - 0x1000n),
        numQueues: fc.constantFrom(1n, 2n, 0xffffn),
        queueSize: fc.constantFrom(1n, 16n, 1024n, 0xffffn),
      })
      .map((fields) => ({ kind: 'record' as const, fields })),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'unmapped' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'reversed' as const }) },
  { weight: 1, arbitrary: fc.boolean().map((isIndirect) => ({ kind: 'long' as const, isIndirect })) },
);
