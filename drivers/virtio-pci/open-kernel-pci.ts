import { release } from 'node:os';
import type { EventLog } from '../../reference-impl/observations/event-log.ts';
import { bindFunction } from '../pci/binding.ts';
import type { Target } from '../target.ts';
import { KernelVfio } from '../vfio/kernel-vfio.ts';
import { pciAddressOf, pciSubject } from '../vfio/vfio-subject.ts';
import { FunctionIut } from './function-iut.ts';
import { PciPort } from './pci-port.ts';

export interface OpenKernelPciOptions {
  readonly deadlineMs?: number;
  readonly log?: EventLog;
}

/**
 * The port to a virtio function behind the VFIO of this kernel, bound first where the target says so.
 * @throws DriverUsageError with one line for what the user can put right.
 */
export function openKernelPci(target: Target<'vfio-pci'>, { deadlineMs, log }: OpenKernelPciOptions = {}): PciPort {
  const { facts, reach, recovery } = target;
  const address = pciAddressOf(reach.bdf);
  if (reach.isBoundByUs === true) bindFunction({ address, driver: 'vfio-pci' });
  const iut = new FunctionIut(address, reach.isBoundByUs === true);
  return new PciPort({
    facts: { ...facts, version: `Linux ${release()}` },
    carrier: new KernelVfio(pciSubject(address)),
    iut,
    resetFunction: () => iut.reset(),
    recovery,
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    ...(log === undefined ? {} : { log }),
  });
}
