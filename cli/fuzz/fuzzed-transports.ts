import type { Transport } from '../../reference-impl/catalogue/transport.ts';
import { type FaultName, faultNames, faults } from '../../reference-impl/faults/faults.ts';

/** Programs have no calls of virtio-pci yet. */
export const isFuzzed = (transport: Transport): boolean => transport !== 'virtio-pci';

/** Faults that a program may show. */
export const huntedFaults: readonly FaultName[] = faultNames.filter((name) => {
  const fault = faults[name];
  return fault.layer !== 'transport' || isFuzzed(fault.transport);
});
