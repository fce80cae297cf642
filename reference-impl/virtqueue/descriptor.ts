/** What descriptors of both layouts have in common (virtio 2.7.5, 2.8.13). */

/** Bytes of a descriptor: addr u64 and len u32, then two u16 in the order of the layout. */
export const DESCRIPTOR_SIZE = 16;

export const VIRTQ_DESC_F_NEXT = 1;
export const VIRTQ_DESC_F_WRITE = 2;
export const VIRTQ_DESC_F_INDIRECT = 4;

/** The largest queue size of both layouts (virtio 2.7, 2.8). */
export const MAX_QUEUE_SIZE = 32768;
