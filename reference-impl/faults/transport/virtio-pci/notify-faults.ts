import { VIRTIO_F_NOTIFICATION_DATA } from '../../../virtqueue/feature-bits.ts';
import { pciFault } from './pci-fault.ts';

/** Notifications of the driver. */
export const pciNotifyFaults = {
  'pci-notification-goes-to-first-queue': pciFault(
    'pci/notification-serves-its-queue',
    'a notification of any queue is taken for one of the first',
    'notify',
    { queueOf: (named) => (named === undefined ? undefined : 0) },
  ),
  'pci-memory-of-start-alone': pciFault(
    'pci/notification-serves-its-queue',
    'a ring reaches the memory alone that was mapped when it started',
    'queue',
    { followsMemory: false },
  ),
  'pci-notification-data-unheard': pciFault(
    'pci/notification-with-data-serves-its-queue',
    'with NOTIFICATION_DATA a notification of 32 bits has no effect',
    'notify',
    { acceptsLength: (length, features) => length === 2 && (features & VIRTIO_F_NOTIFICATION_DATA) === 0n },
  ),
  'pci-notification-of-index-alone': pciFault(
    'pci/notification-by-config-data-serves-its-queue',
    'with NOTIF_CONFIG_DATA a queue is known by its index, and not by the word that was told',
    'notify',
    { wordOf: (index) => index },
  ),
} as const;
