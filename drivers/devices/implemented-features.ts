import type { FeatureName } from '../../reference-impl/catalogue/catalogue.ts';
import type { WorkloadFacts } from '../port/port.ts';

const everyDevice: readonly FeatureName[] = [
  'VIRTIO_F_VERSION_1',
  'VIRTIO_F_INDIRECT_DESC',
  'VIRTIO_F_EVENT_IDX',
  'VIRTIO_F_IN_ORDER',
  'VHOST_USER_F_PROTOCOL_FEATURES',
  'VHOST_USER_PROTOCOL_F_MQ',
  'VHOST_USER_PROTOCOL_F_REPLY_ACK',
];

/**
 * Features that our driver of a device type may negotiate without being told: it keeps to what they ask of a driver in
 * every request that it makes. What needs a queue or a header of its own is not among them.
 */
export const implementedFeatures: Readonly<Record<WorkloadFacts['kind'], readonly FeatureName[]>> = {
  block: [
    ...everyDevice,
    'VIRTIO_BLK_F_SIZE_MAX',
    'VIRTIO_BLK_F_SEG_MAX',
    'VIRTIO_BLK_F_GEOMETRY',
    'VIRTIO_BLK_F_BLK_SIZE',
    'VIRTIO_BLK_F_FLUSH',
    'VIRTIO_BLK_F_TOPOLOGY',
    'VIRTIO_BLK_F_CONFIG_WCE',
    'VIRTIO_BLK_F_MQ',
    'VIRTIO_BLK_F_DISCARD',
    'VIRTIO_BLK_F_WRITE_ZEROES',
    'VIRTIO_BLK_F_SECURE_ERASE',
  ],
  net: [
    ...everyDevice,
    'VIRTIO_NET_F_CSUM',
    'VIRTIO_NET_F_GUEST_CSUM',
    'VIRTIO_NET_F_MTU',
    'VIRTIO_NET_F_MAC',
    'VIRTIO_NET_F_GUEST_TSO4',
    'VIRTIO_NET_F_GUEST_TSO6',
    'VIRTIO_NET_F_GUEST_ECN',
    'VIRTIO_NET_F_GUEST_UFO',
    'VIRTIO_NET_F_GUEST_USO4',
    'VIRTIO_NET_F_GUEST_USO6',
    'VIRTIO_NET_F_HOST_TSO4',
    'VIRTIO_NET_F_HOST_TSO6',
    'VIRTIO_NET_F_HOST_ECN',
    'VIRTIO_NET_F_HOST_UFO',
    'VIRTIO_NET_F_HOST_USO',
    'VIRTIO_NET_F_MRG_RXBUF',
    'VIRTIO_NET_F_STATUS',
    'VIRTIO_NET_F_SPEED_DUPLEX',
  ],
};
