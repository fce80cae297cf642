/** The only offset arithmetic of the packed virtqueue (virtio 2.8). Offsets and sizes are bytes. */
import { DESCRIPTOR_SIZE, MAX_QUEUE_SIZE } from '../descriptor.ts';
import type { RingArea } from '../ring.ts';

export const VIRTQ_DESC_F_AVAIL = 1 << 7;
export const VIRTQ_DESC_F_USED = 1 << 15;

export const RING_EVENT_FLAGS_ENABLE = 0;
export const RING_EVENT_FLAGS_DISABLE = 1;
export const RING_EVENT_FLAGS_DESC = 2;

/** struct pvirtq_desc: addr u64, len u32, id u16, flags u16. */
export const descriptorOffset = (slot: number): number => slot * DESCRIPTOR_SIZE;
export const ADDR_OFFSET = 0;
export const LEN_OFFSET = 8;
export const ID_OFFSET = 12;
export const FLAGS_OFFSET = 14;

/** The same in 32-bit words, id and flags in one. */
export const WORDS = DESCRIPTOR_SIZE / 4;
export const LEN_WORD = LEN_OFFSET / 4;
export const ID_WORD = ID_OFFSET / 4;

/** struct pvirtq_event_suppress: offset u15 and wrap counter u1, then flags u2 in a u16. */
export const EVENT_SIZE = 4;

/** Alignments that each area must have (virtio 2.8.10.1). */
export const packedAlignment = { descriptor: 16, driver: 4, device: 4 } as const satisfies Record<RingArea, number>;

export const packedSizes = (size: number): Record<RingArea, number> => ({
  descriptor: DESCRIPTOR_SIZE * size,
  driver: EVENT_SIZE,
  device: EVENT_SIZE,
});

/** Any size up to the largest, not only powers of two (virtio 2.8.10.1). */
export const isPackedQueueSize = (size: number): boolean =>
  Number.isInteger(size) && size >= 1 && size <= MAX_QUEUE_SIZE;

/** The flags that mark a descriptor as available in the round of `wrap`, or as used in it (virtio 2.8.1). */
export const availableBits = (wrap: 0 | 1): number => (wrap === 1 ? VIRTQ_DESC_F_AVAIL : VIRTQ_DESC_F_USED);
export const usedBits = (wrap: 0 | 1): number => (wrap === 1 ? VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED : 0);

const MARKS = VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED;
export const isAvailableIn = (flags: number, wrap: 0 | 1): boolean => (flags & MARKS) === availableBits(wrap);
export const isUsedIn = (flags: number, wrap: 0 | 1): boolean => (flags & MARKS) === usedBits(wrap);

/** An event suppression structure as the 32-bit word that it is stored as. */
export const eventWord = (flags: number, slot = 0, wrap: 0 | 1 = 0): number =>
  (((flags & 3) << 16) | (wrap << 15) | (slot & 0x7fff)) >>> 0;
export const eventFlags = (word: number): number => (word >>> 16) & 3;
export const eventSlot = (word: number): number => word & 0x7fff;
export const eventWrap = (word: number): 0 | 1 => (((word >>> 15) & 1) === 1 ? 1 : 0);
