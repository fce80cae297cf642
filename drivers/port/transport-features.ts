import type { FeatureName } from '../../reference-impl/catalogue/features.ts';
import type { Transport } from '../../reference-impl/catalogue/transport.ts';

/** Features of a transport, as its driver stands to them. */
export interface TransportFeatures {
  /** Every session accepts them where they are offered. */
  readonly wanted: readonly FeatureName[];
  /** Those that the driver implements. */
  readonly implemented: readonly FeatureName[];
}

const none: TransportFeatures = { wanted: [], implemented: [] };

export const transportFeatures: Readonly<Record<Transport, TransportFeatures>> = {
  'vhost-user': none,
  'vhost-kernel': none,
  'vhost-vdpa': none,
  'vhost-mdev': none,
  'virtio-pci': {
    // Without it no ring stops alone.
    wanted: ['VIRTIO_F_RING_RESET'],
    implemented: ['VIRTIO_F_RING_RESET', 'VIRTIO_F_NOTIFICATION_DATA', 'VIRTIO_F_NOTIF_CONFIG_DATA'],
  },
};
