import type { AddressSpace } from '../memory/addresses.ts';
import { isPackedQueueSize, packedSizes } from '../virtqueue/packed/layout.ts';
import { type RingArea, type RingLayout, startPosition } from '../virtqueue/ring.ts';
import { isQueueSize, splitSizes } from '../virtqueue/split/layout.ts';
import { encodeVringBase } from '../wire/vring-base.ts';

/** Addresses of SET_VRING_ADDR, in whichever space the session uses for rings. */
export interface RingAddresses {
  readonly desc: bigint;
  readonly avail: bigint;
  readonly used: bigint;
}

/** The areas of a ring by its addresses: `avail` is the driver area, `used` the device area. */
export const ringAreasAt = ({ desc, avail, used }: RingAddresses): Record<RingArea, bigint> => ({
  descriptor: desc,
  driver: avail,
  device: used,
});

export const areaSizes = (layout: RingLayout, size: number): Record<RingArea, number> =>
  layout === 'packed' ? packedSizes(size) : splitSizes(size);

export interface LogAddress {
  readonly address: bigint;
  readonly isLogged: boolean;
}

/** What a front-end may tell of a ring, and what it is told. */
export interface VringRules {
  readonly acceptsIndex: (index: number, rings: number) => boolean;
  /** The ring that an accepted index means. */
  readonly ringOf: (index: number, rings: number) => number;
  readonly acceptsSize: (size: number, layout: RingLayout) => boolean;
  readonly acceptsDescriptors: (hasDescriptor: boolean, descriptors: number) => boolean;
  /** Whether a descriptor can tell of buffers. */
  readonly acceptsEventDescriptor: (isPipe: boolean) => boolean;
  /** Bits of SET_VRING_KICK, _CALL and _ERR that choose the ring. */
  readonly indexOf: (word: bigint) => number;
  readonly hasDescriptor: (word: bigint) => boolean;
  /** Whether they are aligned, and lie in memory, is judged when the ring starts. */
  readonly acceptsAddresses: (addresses: RingAddresses) => boolean;
  /** Numbers of SET_VRING_ENDIAN, and the one that means big-endian. */
  readonly acceptsByteOrder: (num: number) => boolean;
  readonly isBigEndian: (num: number) => boolean;
  readonly storedSize: (size: number) => number;
  readonly storedBase: (num: number) => number;
  readonly storedAddresses: (addresses: RingAddresses) => RingAddresses;
  /** Where a ring begins that was told no base (virtio 2.8.1). */
  readonly unsetBase: (layout: RingLayout) => number;
  /** The reply to GET_VRING_BASE. */
  readonly reportedBase: (base: number) => number;
  /** Where a ring begins; `isResumed` where it ran before and no other base was set since. */
  readonly startBase: (base: number, isResumed: boolean) => number;
  /** Without VIRTIO_F_ACCESS_PLATFORM: the spaces of ring addresses, and of the addresses in descriptors. */
  readonly ringSpace: AddressSpace;
  readonly bufferSpace: AddressSpace;
  /** The space of ring addresses with GPA_ADDRESSES. */
  readonly guestRingSpace: AddressSpace;
  /** Whether a ring is looked at when it starts, or only at a kick; `starts` counts this one. */
  readonly servesAtStart: (starts: number) => boolean;
  /** Rings that GET_VRING_BASE stops, beside the one that was asked for. */
  readonly stopsAlso: (index: number, rings: number) => readonly number[];
}

export const vringRules: VringRules = {
  acceptsIndex: (index, rings) => index < rings,
  ringOf: (index) => index,
  acceptsSize: (size, layout) => (layout === 'packed' ? isPackedQueueSize(size) : isQueueSize(size)),
  acceptsDescriptors: (hasDescriptor, descriptors) => descriptors === (hasDescriptor ? 1 : 0),
  acceptsEventDescriptor: () => true,
  indexOf: (word) => Number(word & 0xffn),
  hasDescriptor: (word) => (word & 0x100n) === 0n,
  acceptsAddresses: () => true,
  acceptsByteOrder: (num) => num === 0 || num === 1,
  isBigEndian: (num) => num === 1,
  storedSize: (size) => size,
  storedBase: (num) => num,
  storedAddresses: (addresses) => addresses,
  unsetBase: (layout) => encodeVringBase(startPosition(layout)),
  reportedBase: (base) => base,
  startBase: (base) => base,
  ringSpace: 'user',
  bufferSpace: 'guest-physical',
  guestRingSpace: 'guest-physical',
  servesAtStart: () => true,
  stopsAlso: () => [],
};
