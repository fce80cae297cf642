import { VIRTIO_MSI_NO_VECTOR } from '../../../wire/virtio-pci.ts';
import { breakingMore } from '../../fault.ts';
import { pciFault } from './pci-fault.ts';

const none = VIRTIO_MSI_NO_VECTOR;
const within = (vector: number, vectors: number): number => (vector < vectors ? vector : none);

/** Vectors, the pin and the ISR status. */
export const pciInterruptFaults = {
  'pci-one-vector': pciFault('pci/msi-x-vector-count', 'there is one vector', 'identity', {
    vectors: 1,
  }),
  'pci-table-is-smaller-than-told': breakingMore(
    'whatever is mapped to the last vector that is told is mapped to none',
    {
      layer: 'transport',
      transport: 'virtio-pci',
      requirement: 'pci/msi-x-table-size-states-vectors',
      text: 'the MSI-X capability tells 4 vectors, of which there are 3',
      apply: ({ identity, interrupt, ...rules }) => ({
        ...rules,
        identity: { ...identity, vectors: 4 },
        interrupt: { ...interrupt, mapped: (_, vector) => within(vector, 3) },
      }),
    },
  ),
  'pci-table-lies-in-no-bar': pciFault(
    'pci/msi-x-table-size-states-vectors',
    'the MSI-X capability tells a BAR that there is not',
    'identity',
    { tableBar: 5 },
  ),
  'pci-queue-not-mapped-to-first-vector': pciFault(
    'pci/events-map-to-any-vector',
    'the first queue cannot be mapped to vector 0',
    'interrupt',
    { mapped: (event, vector, vectors) => (event === 0 && vector === 0 ? none : within(vector, vectors)) },
  ),
  'pci-configuration-has-first-vector-alone': pciFault(
    'pci/events-map-to-any-vector',
    'configuration cannot be mapped to another vector than 0',
    'interrupt',
    {
      mapped: (event, vector, vectors) => (event === 'configuration' && vector > 0 ? none : within(vector, vectors)),
    },
  ),
  'pci-vectors-are-not-shared': pciFault(
    'pci/mapping-does-not-fail-without-need',
    'a vector that something is mapped to is not given to the first queue',
    'interrupt',
    {
      mapped: (event, vector, vectors, { queues, configuration }) => {
        const others = Array.from({ length: queues.count - 1 }, (_, index) => queues.vectorOf(index + 1));
        return event === 0 && [configuration, ...others].includes(vector) ? none : within(vector, vectors);
      },
    },
  ),
  'pci-queue-is-not-unmapped': pciFault(
    'pci/events-can-be-unmapped',
    'NO_VECTOR leaves a queue mapped to vector 0',
    'interrupt',
    {
      mapped: (event, vector, vectors) => (event !== 'configuration' && vector === none ? 0 : within(vector, vectors)),
    },
  ),
  'pci-vector-reads-of-another': pciFault(
    'pci/vector-reads-back',
    'of a queue that is mapped to vector 0, vector 1 is read',
    'interrupt',
    { mapped: (event, vector, vectors) => (event === 0 && vector === 0 ? 1 : within(vector, vectors)) },
  ),
  'pci-events-stay-mapped': pciFault(
    'pci/events-unmapped-after-reset',
    'vectors stay mapped behind a reset of the device',
    'interrupt',
    { afterReset: (before) => before },
  ),
  'pci-unmapped-queue-interrupts': pciFault(
    'pci/unmapped-queue-not-interrupted',
    'a queue without a vector signals vector 0',
    'interrupt',
    { signalled: (event, mapped) => (event !== 'configuration' && mapped === none ? 0 : mapped) },
  ),
  'pci-unmapped-configuration-interrupts': pciFault(
    'pci/unmapped-config-not-interrupted',
    'configuration without a vector signals vector 0',
    'interrupt',
    { signalled: (event, mapped) => (event === 'configuration' && mapped === none ? 0 : mapped) },
  ),
  'pci-queue-sets-configuration-bit': pciFault(
    'pci/isr-queue-bit-before-interrupt',
    'used buffers set the configuration bit of the ISR status',
    'interrupt',
    { queueBit: (isr) => isr | 2 },
  ),
  'pci-configuration-sets-queue-bit': pciFault(
    'pci/isr-config-bit-before-interrupt',
    'a change of configuration sets the queue bit of the ISR status',
    'interrupt',
    { configurationBit: (isr) => isr | 1 },
  ),
  'pci-isr-stays': pciFault('pci/isr-clears-on-read', 'the ISR status stays when it is read', 'interrupt', {
    afterRead: (isr) => isr,
  }),
  'pci-isr-outlives-reset': pciFault(
    'reset/quiet-after-reset',
    'ISR status that was not read stays behind a reset of the device, and the pin with it',
    'interrupt',
    { isrAfterReset: (isr) => isr },
  ),
  'pci-interrupt-status-stays-zero': pciFault(
    'pci/interrupt-status-mirrors-isr',
    'the interrupt status of the status register is 0',
    'interrupt',
    { isPending: () => false },
  ),
} as const;
