import { featureMask } from '../catalogue/feature-set.ts';
import { allFeatures } from '../catalogue/features.ts';
import type { RingLayout } from './ring.ts';

/** Feature bits that the virtqueue and every device share (virtio 6), as masks. */
export const VIRTIO_F_NOTIFY_ON_EMPTY = featureMask('VIRTIO_F_NOTIFY_ON_EMPTY');
export const VIRTIO_F_ANY_LAYOUT = featureMask('VIRTIO_F_ANY_LAYOUT');
export const VIRTIO_F_INDIRECT_DESC = featureMask('VIRTIO_F_INDIRECT_DESC');
export const VIRTIO_F_EVENT_IDX = featureMask('VIRTIO_F_EVENT_IDX');
export const VIRTIO_F_VERSION_1 = featureMask('VIRTIO_F_VERSION_1');
export const VIRTIO_F_ACCESS_PLATFORM = featureMask('VIRTIO_F_ACCESS_PLATFORM');
export const VIRTIO_F_RING_PACKED = featureMask('VIRTIO_F_RING_PACKED');
export const VIRTIO_F_IN_ORDER = featureMask('VIRTIO_F_IN_ORDER');
export const VIRTIO_F_NOTIFICATION_DATA = featureMask('VIRTIO_F_NOTIFICATION_DATA');
export const VIRTIO_F_NOTIF_CONFIG_DATA = featureMask('VIRTIO_F_NOTIF_CONFIG_DATA');
export const VIRTIO_F_RING_RESET = featureMask('VIRTIO_F_RING_RESET');

/** The layout of every ring under these negotiated features. */
export const ringLayoutOf = (features: bigint): RingLayout =>
  (features & VIRTIO_F_RING_PACKED) === 0n ? 'split' : 'packed';

/** Numbers of the bits that every device shares, and of the one that vhost adds, by name: for people who read a word. */
export const sharedFeatureBits: Readonly<Record<string, number>> = Object.fromEntries(
  allFeatures()
    .filter(({ device, kind, name }) => (device === 'common' && kind === 'virtio') || name === 'VHOST_F_LOG_ALL')
    .map(({ name, bit }) => [name, bit]),
);
