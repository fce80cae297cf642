import { deviceTypeOf, deviceTypes } from '../drivers/devices/device-types.ts';
import { type FunctionUse, functionUses, usesOf } from '../drivers/pci/function-uses.ts';
import { hostFiles } from '../drivers/pci/host-files.ts';
import type { Target } from '../drivers/target.ts';
import { KernelVfio } from '../drivers/vfio/kernel-vfio.ts';
import { OpenVfioDevice } from '../drivers/vfio/vfio-device.ts';
import { pciDirectory, pciSubject } from '../drivers/vfio/vfio-subject.ts';
import { OpenPciFunction } from '../drivers/virtio-pci/pci-function.ts';
import { EventLog } from '../reference-impl/observations/event-log.ts';
import { vfioPci } from '../reference-impl/wire/vfio-structures.ts';
import {
  pciCommand,
  pciHeader,
  transitionalDeviceIds,
  VIRTIO_PCI_FIRST_DEVICE_ID,
  VIRTIO_PCI_VENDOR_ID,
} from '../reference-impl/wire/virtio-pci.ts';
import { borrowFunction } from './hardware/borrowed-functions.ts';
import { UsageError } from './usage-error.ts';

/** What was said of functions on the command line. */
export interface FunctionConsent {
  /** Functions that may be taken, by their addresses. */
  readonly yes: readonly string[];
  /** Uses in spite of which they may. */
  readonly despite: readonly FunctionUse[];
  readonly dryRun: boolean;
}

const largestOfAll = 32_768;

/**
 * Looks whether a function may be taken from its host. @throws UsageError with one line for what speaks against it, or
 * where nothing was said.
 */
export function checkConsent(address: string, name: string, { yes, despite }: FunctionConsent): void {
  const [against] = usesOf(address).filter(({ use }) => !despite.includes(use));
  if (against !== undefined) {
    const { use, detail } = against;
    throw new UsageError(`${name}: ${functionUses[use]} (${detail}); --despite ${use} takes it all the same`);
  }
  if (yes.includes(address)) return;
  throw new UsageError(
    `${name}: is taken from its driver, and what it holds is written; if it is of no other use, add: --yes ${address}`,
  );
}

/**
 * A virtio function of this host, by its address: bound to vfio-pci until the run ends.
 * @throws UsageError with one line if it must not be taken, cannot be opened, or is no virtio function.
 */
export function externalFunction(
  address: string,
  asked: string | undefined,
  consent: FunctionConsent,
): Target<'vfio-pci'> {
  const name = `vfio-pci:${address}`;
  const told = deviceByIds(address, name);
  const device = told ?? asked ?? 'generic';
  if (asked !== undefined && told !== undefined && asked !== told) {
    throw new UsageError(`${name}: it is a ${told} device, and not ${asked}`);
  }
  checkConsent(address, name, consent);
  if (consent.dryRun) return functionNotOpened(address, device);
  borrowFunction(address);
  const { largestRing, hasPin } = shownBy(address, name);
  return targetOf(address, device, largestRing, hasPin);
}

/** The function with what is so of most: whether it has a pin, and how large its rings may be, is not asked. */
export const functionNotOpened = (address: string, device: string): Target<'vfio-pci'> =>
  targetOf(address, device, largestOfAll, false);

/** The device type, of the ids in its configuration header. */
function deviceByIds(address: string, name: string): string | undefined {
  const files = hostFiles();
  const directory = pciDirectory(address);
  const id = (file: string): number => Number(files.text(`${directory}/${file}`) ?? -1);
  if (files.real(directory) === undefined) {
    throw new UsageError(`${name}: there is no function ${address} on the PCI bus (lspci -D lists them)`);
  }
  if (id('vendor') !== VIRTIO_PCI_VENDOR_ID) {
    throw new UsageError(
      `${name}: its vendor id is ${files.text(`${directory}/vendor`)}, and not that of virtio, 0x1af4`,
    );
  }
  return deviceTypes.find(
    ({ deviceId = -1 }) =>
      id('device') === VIRTIO_PCI_FIRST_DEVICE_ID + deviceId || id('device') === transitionalDeviceIds[deviceId],
  )?.name;
}

/** What is asked of the function itself. */
function shownBy(address: string, name: string): { readonly largestRing: number; readonly hasPin: boolean } {
  const opened = new KernelVfio(pciSubject(address)).open();
  if (opened.kind === 'refused') throw new UsageError(`${name}: ${opened.why}`);
  const vfio = new OpenVfioDevice(opened.file, new EventLog(() => 0), 0);
  try {
    const pci = new OpenPciFunction(vfio);
    const command = pci.readConfigSpace(pciHeader.command, 2);
    pci.writeConfigSpace(pciHeader.command, 2, command | pciCommand.MEMORY);
    const queues = pci.read('numQueues');
    if (queues < 0) throw new UsageError(`${name}: no capability shows the common configuration of virtio 1`);
    const sizes = Array.from({ length: queues }, (_, index) => {
      pci.write('queueSelect', index);
      return pci.read('queueSize');
    });
    const pin = vfio.irqInfo(vfioPci.INTX_IRQ_INDEX);
    return {
      // A queue of size 0 is not there.
      largestRing: Math.min(largestOfAll, ...sizes.filter((size) => size > 0)),
      hasPin: typeof pin !== 'number' && pin.count > 0,
    };
  } finally {
    vfio.close();
  }
}

function targetOf(address: string, device: string, largestRing: number, hasPin: boolean): Target<'vfio-pci'> {
  return {
    facts: {
      name: `vfio-pci:${address}`,
      transport: 'virtio-pci',
      device,
      identity: `virtio function ${address}`,
      workload: deviceTypeOf(device).external,
      capabilities: hasPin ? ['interrupt-pin'] : [],
      ownedBy: {},
      requiredFeatures: [],
      ...(largestRing < largestOfAll ? { largestRing } : {}),
      ringsStop: 'without-position',
      deadlineScale: 2,
    },
    reach: { via: 'vfio-pci', bdf: address },
    recovery: ['reconnect', 'function-level-reset'],
  };
}
