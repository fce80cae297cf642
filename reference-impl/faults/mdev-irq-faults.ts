import { inMdevTable, type MdevFault, mdevFault } from './mdev-fault.ts';

/** VFIO_DEVICE_GET_IRQ_INFO and SET_IRQS. */
export const mdevIrqFaults = {
  'mdev-vectors-of-rings-in-use': mdevFault(
    'vm-irq/vector-for-each-ring',
    'vectors are counted up to the last ring that an address was told of',
    inMdevTable('interrupt', { told: (inUse) => inUse }),
  ),
  'mdev-count-zero-keeps-descriptors': mdevFault(
    'vm-irq/count-zero-drops-descriptors',
    'SET_IRQS with count 0 changes nothing',
    inMdevTable('interrupt', { droppedAtCountZero: () => false }),
  ),
  'mdev-trigger-without-data-drops': mdevFault(
    'vm-irq/trigger-without-data-signals',
    'SET_IRQS to trigger without data drops the descriptors',
    inMdevTable('interrupt', { withoutDescriptor: 'drop' }),
  ),
} as const satisfies Record<string, MdevFault>;
