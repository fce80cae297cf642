/** The only offset arithmetic of the split virtqueue (virtio 2.7). Offsets and sizes are bytes. */
import { DESCRIPTOR_SIZE, MAX_QUEUE_SIZE } from '../descriptor.ts';
import type { RingArea } from '../ring.ts';

export const VIRTQ_AVAIL_F_NO_INTERRUPT = 1;
export const VIRTQ_USED_F_NO_NOTIFY = 1;

/** struct virtq_desc: addr u64, len u32, flags u16, next u16. */
export const descriptorOffset = (index: number): number => index * DESCRIPTOR_SIZE;

/** struct virtq_avail as 16-bit units: flags, idx, ring[size], used_event. */
export const AVAIL_FLAGS = 0;
export const AVAIL_IDX = 1;
export const AVAIL_RING = 2;
export const usedEventUnit = (size: number): number => AVAIL_RING + size;

/** struct virtq_used as 16-bit units: flags, idx, ring[size] of 8 bytes, avail_event. */
export const USED_FLAGS = 0;
export const USED_IDX = 1;
export const availEventUnit = (size: number): number => 2 + 4 * size;
/** The same as 32-bit units: element `slot` is id, then len. */
export const usedElementUnit = (slot: number): number => 1 + 2 * slot;

/** Byte offsets in the used ring. */
export const USED_IDX_OFFSET = 2;
export const USED_ELEMENT_SIZE = 8;
export const usedElementOffset = (slot: number): number => 4 + USED_ELEMENT_SIZE * slot;
export const availEventOffset = (size: number): number => usedElementOffset(size);

/** Alignments that each area must have (virtio 2.7.1). */
export const splitAlignment = { descriptor: 16, driver: 2, device: 4 } as const satisfies Record<RingArea, number>;

/** Bytes of each area, event fields included. */
export const splitSizes = (size: number): Record<RingArea, number> => ({
  descriptor: DESCRIPTOR_SIZE * size,
  driver: 6 + 2 * size,
  device: 6 + 8 * size,
});

export const isQueueSize = (size: number): boolean =>
  Number.isInteger(size) && size >= 1 && size <= MAX_QUEUE_SIZE && (size & (size - 1)) === 0;
