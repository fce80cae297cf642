import { BrokenDown } from '../../../vhost-user/back-end-edge.ts';
import { VIRTIO_MSI_NO_VECTOR } from '../../../wire/virtio-pci.ts';
import { pciFault } from './pci-fault.ts';

const crash = (): never => {
  throw new BrokenDown('abort');
};

/** What no driver does, and ends the device. */
export const pciOddAccessFaults = {
  'pci-part-of-field-crashes': pciFault(
    'pci/odd-accesses-survived',
    'a write of one byte in the middle of a field ends the device',
    'access',
    { ofNoField: (offset, length) => (length === 1 && offset % 4 === 3 ? crash() : undefined) },
  ),
  'pci-write-to-read-only-field-crashes': pciFault(
    'pci/writes-to-read-only-fields-survived',
    'a write to num_queues ends the device',
    'access',
    { ofReadOnlyField: (field) => (field === 'numQueues' ? crash() : undefined) },
  ),
  'pci-status-of-all-bits-crashes': pciFault(
    'pci/strange-status-survived',
    'a status of 0xff ends the device',
    'status',
    { written: (value) => (value === 0xff ? crash() : value) },
  ),
  'pci-vector-outside-table-crashes': pciFault(
    'pci/vectors-outside-table-survived',
    'a vector behind the last one ends the device',
    'interrupt',
    {
      mapped: (_, vector, vectors) => {
        if (vector >= vectors && vector !== VIRTIO_MSI_NO_VECTOR) crash();
        return vector < vectors ? vector : VIRTIO_MSI_NO_VECTOR;
      },
    },
  ),
  'pci-queue-size-zero-crashes': pciFault(
    'pci/strange-queue-fields-survived',
    'a queue_size of 0 ends the device',
    'queue',
    { takenSize: (size) => (size === 0 ? crash() : size) },
  ),
  'pci-notification-of-no-queue-crashes': pciFault(
    'pci/strange-notifications-survived',
    'a notification of a queue that there is not ends the device',
    'notify',
    { queueOf: (named) => named ?? crash() },
  ),
  'pci-window-of-no-length-crashes': pciFault(
    'pci/windows-beside-structures-survived',
    'a window with a length of 0 ends the device',
    'capabilities',
    { windowLength: (length) => (length === 0 ? crash() : length) },
  ),
} as const;
