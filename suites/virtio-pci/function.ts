import type { DriverPort, PciStructure, Queue, VirtioPciSession } from '../../drivers/port/port.ts';
import { seenWithinMs } from '../../judging/deadline.ts';
import { errorName } from '../../reference-impl/wire/errno.ts';
import { type CommonConfigField, MSIX_TABLE_SIZE_MASK, PCI_CAP_ID_MSIX } from '../../reference-impl/wire/virtio-pci.ts';
import { CaseEnded, type Check } from '../check.ts';
import { DEVICE_NEEDS_RESET } from '../virtio/status/status-bits.ts';

/** What cases read of a virtio function. */

/** What an access told. @throws CaseEnded after a recorded failure. */
export function told(check: Check, answer: number, what: string): number {
  if (answer >= 0) return answer;
  check.fails('wrong', what, 'it is read', errorName(answer));
  throw new CaseEnded(what);
}

/** A field of the common configuration. @throws CaseEnded after a recorded failure. */
export const field = ({ pci }: VirtioPciSession, check: Check, name: CommonConfigField): number =>
  told(check, pci.read(name), name);

/** The same of a queue. */
export function fieldOf(session: VirtioPciSession, check: Check, queue: number, name: CommonConfigField): number {
  told(check, session.pci.write('queueSelect', queue), 'queue_select');
  return field(session, check, name);
}

/** The numbers of all queues. */
export const queuesOf = (session: VirtioPciSession, check: Check): number[] =>
  Array.from({ length: field(session, check, 'numQueues') }, (_, index) => index);

/** Where the MSI-X capability lies. @throws CaseEnded where there is none. */
export function msixCapability({ pci }: VirtioPciSession, check: Check): number {
  const msix = pci.capabilities().all.find(({ id }) => id === PCI_CAP_ID_MSIX);
  check.presumes(msix !== undefined, 'the function has an MSI-X capability');
  return msix?.at ?? 0;
}

/** Entries of the MSI-X table, as its capability tells them. @throws CaseEnded where there is no such capability. */
export function tableSize(session: VirtioPciSession, check: Check): number {
  const at = msixCapability(session, check) + 2;
  const control = told(check, session.pci.readConfigSpace(at, 2), 'message control of MSI-X');
  return (control & MSIX_TABLE_SIZE_MASK) + 1;
}

export const ofType = ({ pci }: VirtioPciSession, type: number): readonly PciStructure[] =>
  pci.structures().filter((one) => one.type === type);

/** Shows the device a head that is none, and looks whether it says that it needs a reset. Split rings alone. */
export function breaks(port: DriverPort, { pci }: VirtioPciSession, queue: Queue, addHead: () => void): boolean {
  addHead();
  queue.makeAvailable([]);
  queue.kick();
  const needsReset = (): boolean => (pci.read('deviceStatus') & DEVICE_NEEDS_RESET) !== 0;
  port.until(needsReset, seenWithinMs(port));
  return needsReset();
}
