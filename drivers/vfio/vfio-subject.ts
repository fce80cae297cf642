import { basename } from 'node:path';
import { DriverUsageError } from '../errors.ts';

/** What is asked of sysfs. */
export interface SysfsLinks {
  exists(path: string): boolean;
  /** Where a symbolic link leads; undefined where there is none. */
  linkOf(path: string): string | undefined;
}

/** A device that VFIO opens by a name, and what to do where its group is missing. */
export interface VfioSubject {
  /** As VFIO_GROUP_GET_DEVICE_FD takes it. */
  readonly name: string;
  /** Where the kernel shows it. */
  readonly directory: string;
  /** Behind a real IOMMU, whose ranges of addresses are asked for. */
  readonly isBehindIommu: boolean;
  /** Why it has no IOMMU group, in one line. */
  whyNoGroup(sysfs: SysfsLinks): string;
  /** Why it is not opened though it has one; undefined where it is. */
  whyNotOpened?(sysfs: SysfsLinks): string | undefined;
}

const mdevBus = '/sys/bus/mdev/devices';
const uuidForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The UUID as sysfs spells it. @throws DriverUsageError for what is none. */
export function uuidOf(text: string): string {
  const uuid = text.toLowerCase();
  if (uuidForm.test(uuid)) return uuid;
  throw new DriverUsageError(`${text} is not a UUID: 8-4-4-4-12 hexadecimal digits`);
}

/** A mediated device. @throws DriverUsageError for what is no UUID. */
export function mdevSubject(text: string): VfioSubject {
  const uuid = uuidOf(text);
  const directory = `${mdevBus}/${uuid}`;
  return {
    name: uuid,
    directory,
    isBehindIommu: false,
    whyNoGroup: (sysfs) => {
      if (!sysfs.exists(mdevBus)) return 'no module mdev is loaded: modprobe mdev';
      return sysfs.exists(directory)
        ? `${uuid} has no IOMMU group: its driver does not offer it to VFIO`
        : `there is not a mediated device ${uuid} (${directory})`;
    },
  };
}

const pciBus = '/sys/bus/pci/devices';
const addressForm = /^([0-9a-f]{4}:)?[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$/;

/** Domain, bus, device and function as sysfs spells them: `0000:65:00.2`. @throws DriverUsageError for what is none. */
export function pciAddressOf(text: string): string {
  const address = text.toLowerCase();
  if (addressForm.test(address)) return address.length === 'bb:dd.f'.length ? `0000:${address}` : address;
  throw new DriverUsageError(`${text} is not an address on the PCI bus, such as 0000:65:00.2`);
}

/** vfio-pci, or the driver of a vendor that serves VFIO in its place. */
const vfioDriver = /vfio[-_]pci$/;

/** Where the kernel shows a function. */
export const pciDirectory = (address: string): string => `${pciBus}/${address}`;

/** A function on the PCI bus. @throws DriverUsageError for what is no address. */
export function pciSubject(text: string): VfioSubject {
  const address = pciAddressOf(text);
  const directory = pciDirectory(address);
  const bind = `bind it with: driverctl set-override ${address} vfio-pci`;
  return {
    name: address,
    directory,
    isBehindIommu: true,
    whyNoGroup: (sysfs) =>
      sysfs.exists(directory)
        ? `${address} has no IOMMU group: boot with intel_iommu=on (AMD: with the IOMMU enabled in the firmware)`
        : `there is no function ${address} on the PCI bus (lspci -D lists them)`,
    whyNotOpened: (sysfs) => {
      const driver = sysfs.linkOf(`${directory}/driver`);
      if (driver === undefined) return `${address} has no driver; ${bind}`;
      return vfioDriver.test(basename(driver)) ? undefined : `${address} belongs to ${basename(driver)}; ${bind}`;
    },
  };
}
