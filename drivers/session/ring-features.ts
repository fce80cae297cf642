import {
  VIRTIO_F_EVENT_IDX,
  VIRTIO_F_IN_ORDER,
  VIRTIO_F_RING_PACKED,
} from '../../reference-impl/virtqueue/feature-bits.ts';
import type { RingLayout } from '../../reference-impl/virtqueue/ring.ts';
import type { AttachOptions } from '../port/queue.ts';

/** Features that shape the driver side of a ring: as the session accepted them, unless the options say otherwise. */
export function ringFeatures(
  accepted: bigint,
  { eventIdx, inOrder }: Pick<AttachOptions, 'eventIdx' | 'inOrder'>,
): { readonly eventIdx: boolean; readonly inOrder: boolean } {
  return {
    eventIdx: eventIdx ?? (accepted & VIRTIO_F_EVENT_IDX) !== 0n,
    inOrder: inOrder ?? (accepted & VIRTIO_F_IN_ORDER) !== 0n,
  };
}

/** The layout of every ring of a session, by the device features that it accepted. */
export const layoutIn = (accepted: bigint): RingLayout =>
  (accepted & VIRTIO_F_RING_PACKED) === 0n ? 'split' : 'packed';
