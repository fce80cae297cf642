import type { AddressSpace } from '../memory/addresses.ts';
import type { MemoryMap, Translation, TranslationFailure } from '../memory/memory-map.ts';
import type { Piece } from '../memory/pieces.ts';
import { DESCRIPTOR_SIZE, VIRTQ_DESC_F_INDIRECT, VIRTQ_DESC_F_NEXT, VIRTQ_DESC_F_WRITE } from './descriptor.ts';
import type { MalformedReason } from './malformed.ts';
import type { RingFeatures } from './ring.ts';

/** Decisions of a device side about descriptors and buffers that do not depend on the layout. Entries are pure. */
export interface BufferRules {
  /** Whether a chain goes on behind a descriptor, its `count`-th. */
  readonly hasNext: (flags: number, count: number) => boolean;
  readonly isWritable: (flags: number) => boolean;
  /** Whether a descriptor is one that refers to a table. */
  readonly isIndirect: (flags: number, features: RingFeatures) => boolean;
  readonly acceptsTableLength: (bytes: number, size: number) => MalformedReason | undefined;
  readonly tableEntries: (bytes: number) => number;
  /** Judges the number of descriptors of a chain, the one that refers to a table not counted: what ends a loop. */
  readonly acceptsChainLength: (descriptors: number, size: number) => MalformedReason | undefined;
  readonly acceptsOrder: (writable: boolean, writableBefore: boolean) => MalformedReason | undefined;
  /** Judges the length of a buffer. None is forbidden: a buffer of no bytes breaks no rule of virtio. */
  readonly acceptsLength: (length: number) => MalformedReason | undefined;
  readonly acceptsTotal: (bytes: number) => MalformedReason | undefined;
  /** The memory of a buffer, whose address is given in two halves, as far as its translation permits what is done there. */
  readonly reaches: (
    memory: MemoryMap,
    space: AddressSpace,
    high: number,
    low: number,
    length: number,
    writable: boolean,
  ) => Translation;
  /** Judges a buffer that memory does not hold; undefined passes over it as though it had no bytes. */
  readonly acceptsUnreachable: (failure: TranslationFailure) => MalformedReason | undefined;
  /** Judges where in memory a buffer lies. Every place is as good as another. */
  readonly acceptsPlace: (pieces: readonly Piece[]) => MalformedReason | undefined;
}

export const bufferRules: BufferRules = {
  hasNext: (flags) => (flags & VIRTQ_DESC_F_NEXT) !== 0,
  isWritable: (flags) => (flags & VIRTQ_DESC_F_WRITE) !== 0,
  isIndirect: (flags) => (flags & VIRTQ_DESC_F_INDIRECT) !== 0,
  acceptsTableLength: (bytes, size) => {
    if (bytes === 0) return 'indirect-table-empty';
    if (bytes % DESCRIPTOR_SIZE !== 0) return 'indirect-table-not-multiple-of-16';
    return bytes > size * DESCRIPTOR_SIZE ? 'indirect-table-longer-than-queue' : undefined;
  },
  tableEntries: (bytes) => Math.floor(bytes / DESCRIPTOR_SIZE),
  acceptsChainLength: (descriptors, size) => (descriptors > size ? 'chain-longer-than-queue' : undefined),
  acceptsOrder: (writable, writableBefore) => (writableBefore && !writable ? 'writable-before-readable' : undefined),
  acceptsLength: () => undefined,
  acceptsTotal: (bytes) => (Math.ceil(bytes / 2 ** 32) > 1 ? 'longer-than-4gib' : undefined),
  reaches: (memory, space, high, low, length, writable) =>
    memory.translateHalves(space, high, low, length, writable ? 'write' : 'read'),
  acceptsUnreachable: (failure) => `buffer-${failure}`,
  acceptsPlace: () => undefined,
};
