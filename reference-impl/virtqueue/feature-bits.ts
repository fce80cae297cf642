import type { RingLayout } from './ring.ts';

/** Feature bits that the virtqueue and every device share (virtio 6), as masks. */
export const VIRTIO_F_NOTIFY_ON_EMPTY = 1n << 24n;
export const VIRTIO_F_ANY_LAYOUT = 1n << 27n;
export const VIRTIO_F_INDIRECT_DESC = 1n << 28n;
export const VIRTIO_F_EVENT_IDX = 1n << 29n;
export const VIRTIO_F_VERSION_1 = 1n << 32n;
export const VIRTIO_F_ACCESS_PLATFORM = 1n << 33n;
export const VIRTIO_F_RING_PACKED = 1n << 34n;
export const VIRTIO_F_IN_ORDER = 1n << 35n;
export const VIRTIO_F_NOTIFICATION_DATA = 1n << 38n;
export const VIRTIO_F_NOTIF_CONFIG_DATA = 1n << 39n;
export const VIRTIO_F_RING_RESET = 1n << 40n;

/** The layout of every ring under these negotiated features. */
export const ringLayoutOf = (features: bigint): RingLayout =>
  (features & VIRTIO_F_RING_PACKED) === 0n ? 'split' : 'packed';

/** Numbers of the bits that every device shares, and of the one that vhost adds, by name: for people who read a word. */
export const sharedFeatureBits = {
  VIRTIO_F_NOTIFY_ON_EMPTY: 24,
  VHOST_F_LOG_ALL: 26,
  VIRTIO_F_ANY_LAYOUT: 27,
  VIRTIO_F_INDIRECT_DESC: 28,
  VIRTIO_F_EVENT_IDX: 29,
  VIRTIO_F_VERSION_1: 32,
  VIRTIO_F_ACCESS_PLATFORM: 33,
  VIRTIO_F_RING_PACKED: 34,
  VIRTIO_F_IN_ORDER: 35,
  VIRTIO_F_ORDER_PLATFORM: 36,
  VIRTIO_F_SR_IOV: 37,
  VIRTIO_F_NOTIFICATION_DATA: 38,
  VIRTIO_F_NOTIF_CONFIG_DATA: 39,
  VIRTIO_F_RING_RESET: 40,
} as const;
