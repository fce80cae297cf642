import type { AddressSpace } from '../memory/addresses.ts';
import { isFailure, type MemoryMap, type TranslationFailure } from '../memory/memory-map.ts';
import type { RingObserver } from './device-ring.ts';
import type { PackedDescriptor } from './packed/ring-memory.ts';
import type { RingArea, RingFeatures, RingPosition } from './ring.ts';

/** A chain by its record. A split ring holds the descriptors still; on a packed ring they may be overwritten. */
export interface RecordedChain {
  readonly id: number;
  readonly descriptors: readonly PackedDescriptor[];
}

/** What a device side is told of a ring. */
export interface DeviceRingOptions {
  readonly size: number;
  readonly memory: MemoryMap;
  readonly areas: Readonly<Record<RingArea, bigint>>;
  /** The spaces of the area addresses and of the addresses in descriptors. */
  readonly ringSpace: AddressSpace;
  readonly bufferSpace: AddressSpace;
  readonly features: RingFeatures;
  /** The ring and the requests on it are those of a legacy driver whose byte order is this; a packed ring has no such. */
  readonly isBigEndian?: boolean;
  readonly position: RingPosition;
  /** Where the ring of this queue stood that was attached before it, which counts for nothing. */
  readonly earlier?: RingPosition | undefined;
  /** Chains that were taken before and never used, to be taken again ahead of all others (inflight I/O tracking). */
  readonly resubmitted?: readonly RecordedChain[];
  /** Keep in each chain its descriptors as they were read: a record of chains in flight needs them. */
  readonly keepsDescriptors?: boolean;
  readonly observer?: RingObserver;
}

/** Why a ring cannot be attached as told. */
export type RingAttachFailure =
  | 'queue-size-unlawful'
  | 'position-outside-ring'
  | `${RingArea}-area-misaligned`
  | `${RingArea}-area-over-several-regions`
  | `${RingArea}-area-${TranslationFailure}`;

/** An area in memory. One over several regions is refused: it is used in place. */
export function findArea(
  { memory, areas, ringSpace }: DeviceRingOptions,
  area: RingArea,
  size: number,
  alignment: number,
  access: 'read' | 'write',
): Uint8Array | RingAttachFailure {
  if (areas[area] % BigInt(alignment) !== 0n) return `${area}-area-misaligned`;
  const pieces = memory.translate(ringSpace, areas[area], size, access);
  if (isFailure(pieces)) return `${area}-area-${pieces}`;
  const [piece] = pieces;
  if (piece === undefined || pieces.length > 1) return `${area}-area-over-several-regions`;
  const view = piece.bytes.subarray(piece.offset, piece.offset + piece.length);
  // Aligned for the guest and yet not here: the region begins at an odd place of its file.
  return view.byteOffset % alignment === 0 ? view : `${area}-area-misaligned`;
}
