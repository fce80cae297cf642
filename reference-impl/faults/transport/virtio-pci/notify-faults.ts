import { VIRTIO_F_NOTIFICATION_DATA } from '../../../virtqueue/feature-bits.ts';
import { pciFault } from './pci-fault.ts';

/** Notifications of the driver. */
export const pciNotifyFaults = {
  'pci-second-queue-notified-as-first': pciFault(
    'pci/notification-serves-its-queue',
    'a notification of the second queue is taken for one of the first while no other is enabled',
    'notify',
    { queueOf: (named, isEnabled) => (named === 1 && !isEnabled(2) ? 0 : named) },
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
