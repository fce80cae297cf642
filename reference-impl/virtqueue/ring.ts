import { DriverUsageError } from '../errors.ts';
import { type AddressSpace, addressIn } from '../memory/addresses.ts';
import type { Span } from '../memory/span.ts';

export const ringLayouts = ['split', 'packed'] as const;
export type RingLayout = (typeof ringLayouts)[number];

/**
 * The areas of a virtqueue (virtio 2.6). Split: descriptor table, available ring, used ring. Packed: descriptor ring,
 * driver event suppression, device event suppression.
 */
export const ringAreas = ['descriptor', 'driver', 'device'] as const;
export type RingArea = (typeof ringAreas)[number];

/** The negotiated features that shape a ring. */
export interface RingFeatures {
  /** VIRTIO_F_EVENT_IDX. */
  readonly eventIdx: boolean;
  /** VIRTIO_F_INDIRECT_DESC. */
  readonly indirect: boolean;
  /** VIRTIO_F_IN_ORDER. */
  readonly inOrder: boolean;
}

/** A ring in the memory of a Guest. */
export interface GuestRing {
  readonly layout: RingLayout;
  /** Entries. */
  readonly size: number;
  /** Where the ring begins: the position of the last reset. */
  readonly position: RingPosition;
  readonly areas: Readonly<Record<RingArea, Span>>;
  /**
   * Zeroes all areas and begins again at `position`, at the start of the layout without one.
   * Throws DriverUsageError for the position of another layout.
   */
  reset(position?: RingPosition): void;
}

/** The addresses of the areas in one space. */
export const areaAddresses = ({ areas }: Pick<GuestRing, 'areas'>, space: AddressSpace): Record<RingArea, bigint> => ({
  descriptor: addressIn(space, areas.descriptor),
  driver: addressIn(space, areas.driver),
  device: addressIn(space, areas.device),
});

/** Available and used idx, 16 bits each. */
export interface SplitPosition {
  readonly layout: 'split';
  readonly avail: number;
  readonly used: number;
}

/** Slots below the queue size, each with the wrap counter of its lap. */
export interface PackedPosition {
  readonly layout: 'packed';
  readonly avail: number;
  readonly availWrap: 0 | 1;
  readonly used: number;
  readonly usedWrap: 0 | 1;
}

/** Where a ring stops and goes on. */
export type RingPosition = SplitPosition | PackedPosition;

/** Whether no chain is outstanding there. */
export function isEmptyAt(position: RingPosition): boolean {
  return position.avail === position.used && (position.layout === 'split' || position.availWrap === position.usedWrap);
}

/** `used` is `avail` by default: nothing outstanding. */
export function splitPosition(avail: number, used: number = avail): SplitPosition {
  return { layout: 'split', avail, used };
}

/** Wrap counter 1 and nothing outstanding by default. */
export function packedPosition(
  avail: number,
  availWrap: 0 | 1 = 1,
  used: number = avail,
  usedWrap: 0 | 1 = availWrap,
): PackedPosition {
  return { layout: 'packed', avail, availWrap, used, usedWrap };
}

/** Where a fresh ring begins: idx 0; or slot 0 with both wrap counters 1 (virtio 2.8.1). */
export function startPosition(layout: RingLayout): RingPosition {
  switch (layout) {
    case 'split':
      return splitPosition(0);
    case 'packed':
      return packedPosition(0);
  }
}

/**
 * `count` places short of where the layout wraps: split idx 65536, packed the end of the ring. Throws DriverUsageError
 * where a packed ring is shorter than `count`.
 */
export function positionBeforeWrap(layout: RingLayout, size: number, count: number): RingPosition {
  switch (layout) {
    case 'split':
      return splitPosition((0x1_0000 - count) & 0xffff);
    case 'packed':
      if (count > size) throw new DriverUsageError(`a ring of ${size} has no place ${count} before its end`);
      return packedPosition(count === 0 ? 0 : size - count, count === 0 ? 0 : 1);
  }
}

/** The position as one of the layout. Throws DriverUsageError for another one. */
export function positionOf<L extends RingLayout>(layout: L, position: RingPosition): RingPosition & { layout: L } {
  if (!isOfLayout(layout, position)) {
    throw new DriverUsageError(`a ${layout} ring has no ${position.layout} position`);
  }
  return position;
}

const isOfLayout = <L extends RingLayout>(
  layout: L,
  position: RingPosition,
): position is Extract<RingPosition, { layout: L }> => position.layout === layout;
