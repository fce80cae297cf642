import type { RequirementSlug } from '../../../catalogue/catalogue.ts';
import type { ShownStructure } from '../../../virtio-pci/pci-rules.ts';
import { pciHeader, transitionalDeviceIds, virtioPciCap, virtioPciCapabilities } from '../../../wire/virtio-pci.ts';
import type { PciFault } from '../../fault.ts';
import { pciFault } from './pci-fault.ts';

const types = virtioPciCapabilities;

/** A type of structure that leaves the list once the device runs: who walks it before is served. */
const leaves = (requirement: RequirementSlug, what: string, type: number): PciFault =>
  pciFault(requirement, `while the device runs, no capability shows ${what}`, 'capabilities', {
    linked: (list, { isRunning }) => list.filter((one) => one.type !== type || !isRunning),
  });

/** A second structure of a type, behind the first, which drivers use. */
const second = (
  requirement: RequirementSlug,
  text: string,
  type: number,
  change: (first: ShownStructure) => ShownStructure,
): PciFault =>
  pciFault(requirement, text, 'capabilities', {
    shown: (structures) => [...structures, ...structures.filter((one) => one.type === type).map(change)],
  });

const changed = (
  requirement: RequirementSlug,
  text: string,
  type: number,
  change: (structure: ShownStructure) => ShownStructure,
): PciFault =>
  pciFault(requirement, text, 'capabilities', {
    shown: (structures) => structures.map((one) => (one.type === type ? change(one) : one)),
  });

const movedBy =
  (bytes: number) =>
  (one: ShownStructure): ShownStructure => ({ ...one, offset: one.offset + bytes });
const multipliedBy =
  (multiplier: number) =>
  (one: ShownStructure): ShownStructure => ({ ...one, length: 0x100, extra: multiplier });

/** Where the first structure of a type is shown; 0 where none is. */
function placeOf(space: Uint8Array, type: number): number {
  let at = space[pciHeader.capabilities] ?? 0;
  while (at !== 0 && space[at + virtioPciCap.type] !== type) at = space[at + 1] ?? 0;
  return at;
}

/** Counts in the offset of the window that the last byte of the vendor data was read. */
function countReads(space: Uint8Array, offset: number, length: number): void {
  const at = placeOf(space, types.VIRTIO_PCI_CAP_VENDOR_CFG);
  const last = at + (space[at + virtioPciCap.length] ?? 0) - 1;
  const counter = placeOf(space, types.VIRTIO_PCI_CAP_PCI_CFG) + virtioPciCap.offset;
  if (at !== 0 && offset <= last && offset + length > last) space[counter] = ((space[counter] ?? 0) + 1) & 0xff;
}

/** The configuration header, the list of capabilities, and what capabilities show. */
export const pciCapabilityFaults = {
  'pci-vendor-of-its-own': pciFault('pci/vendor-id', 'the vendor id is 0x1af5', 'identity', { vendorId: 0x1af5 }),
  'pci-device-id-is-virtio-device-id': pciFault(
    'pci/device-id',
    'the device id is 0x1080 and the virtio device id',
    'identity',
    { deviceId: (id) => 0x1080 + id },
  ),
  'pci-transitional-id-of-modern-device': pciFault(
    'pci/non-transitional-device-id-range',
    'a device of revision 1 has a transitional device id',
    'identity',
    { deviceId: (id) => transitionalDeviceIds[id] ?? 0 },
  ),
  'pci-revision-zero': pciFault('pci/non-transitional-revision', 'the revision is 0', 'identity', { revisionId: 0 }),
  'pci-subsystem-id-is-device-type': pciFault(
    'pci/non-transitional-subsystem-id',
    'the subsystem id is the virtio device id',
    'identity',
    { subsystemId: (id) => id },
  ),
  'pci-common-structure-leaves': leaves(
    'pci/common-config-exists',
    'the common configuration',
    types.VIRTIO_PCI_CAP_COMMON_CFG,
  ),
  'pci-notify-structure-leaves': leaves(
    'pci/notification-capability-exists',
    'where queues are notified',
    types.VIRTIO_PCI_CAP_NOTIFY_CFG,
  ),
  'pci-isr-structure-leaves': leaves('pci/isr-capability-exists', 'the ISR status', types.VIRTIO_PCI_CAP_ISR_CFG),
  'pci-device-structure-leaves': leaves(
    'pci/device-config-capability-exists',
    'the device-specific configuration',
    types.VIRTIO_PCI_CAP_DEVICE_CFG,
  ),
  'pci-window-leaves': leaves(
    'pci/config-access-capability-exists',
    'the access by configuration space',
    types.VIRTIO_PCI_CAP_PCI_CFG,
  ),
  'pci-common-structure-misaligned': second(
    'pci/common-config-aligned',
    'a second common configuration begins at an offset that is no multiple of 4',
    types.VIRTIO_PCI_CAP_COMMON_CFG,
    movedBy(2),
  ),
  'pci-device-structure-misaligned': second(
    'pci/device-config-aligned',
    'a second device-specific configuration begins at an offset that is no multiple of 4',
    types.VIRTIO_PCI_CAP_DEVICE_CFG,
    movedBy(2),
  ),
  'pci-notify-structure-misaligned': second(
    'pci/notification-offset-aligned',
    'a second notification structure begins at an odd offset',
    types.VIRTIO_PCI_CAP_NOTIFY_CFG,
    movedBy(1),
  ),
  'pci-notify-structure-misaligned-for-data': second(
    'pci/notification-data-offset-aligned',
    'a second notification structure begins at an offset that is a multiple of 2 alone',
    types.VIRTIO_PCI_CAP_NOTIFY_CFG,
    movedBy(2),
  ),
  'pci-multiplier-is-odd': second(
    'pci/notify-off-multiplier-even-power-of-two',
    'a second notification structure has the multiplier 3',
    types.VIRTIO_PCI_CAP_NOTIFY_CFG,
    multipliedBy(3),
  ),
  'pci-multiplier-too-small-for-data': second(
    'pci/notification-data-multiplier',
    'a second notification structure has the multiplier 2',
    types.VIRTIO_PCI_CAP_NOTIFY_CFG,
    multipliedBy(2),
  ),
  'pci-notify-length-of-one': second(
    'pci/notification-length-at-least-two',
    'a second notification structure has a length of 1',
    types.VIRTIO_PCI_CAP_NOTIFY_CFG,
    (one) => ({ ...one, length: 1 }),
  ),
  'pci-notify-length-of-first-place': second(
    'pci/notification-length-covers-queues',
    'a second notification structure ends behind offset 0',
    types.VIRTIO_PCI_CAP_NOTIFY_CFG,
    (one) => ({ ...one, length: 2 }),
  ),
  'pci-notify-length-short-of-last-queue': second(
    'pci/notification-length-formula',
    'a second notification structure ends within the notification of the last queue',
    types.VIRTIO_PCI_CAP_NOTIFY_CFG,
    (one) => ({ ...one, length: one.length - 3 }),
  ),
  'pci-notify-length-of-two-for-data': second(
    'pci/notification-data-length-at-least-four',
    'a second notification structure has a length of 2',
    types.VIRTIO_PCI_CAP_NOTIFY_CFG,
    (one) => ({ ...one, length: 2 }),
  ),
  'pci-notify-length-of-first-place-for-data': second(
    'pci/notification-data-length-covers-queues',
    'a second notification structure ends behind the notification at offset 0',
    types.VIRTIO_PCI_CAP_NOTIFY_CFG,
    (one) => ({ ...one, length: 4 }),
  ),
  'pci-notify-length-short-of-data': second(
    'pci/notification-data-length-formula',
    'a second notification structure has room for 16 bits of the last queue',
    types.VIRTIO_PCI_CAP_NOTIFY_CFG,
    (one) => ({ ...one, length: one.length - 2 }),
  ),
  'pci-cap-len-without-multiplier': changed(
    'pci/cap-len-covers-extra-data',
    'the length of the notification capability leaves the multiplier out',
    types.VIRTIO_PCI_CAP_NOTIFY_CFG,
    (one) => ({ ...one, capabilityLength: 16 }),
  ),
  'pci-vendor-data-of-virtio': pciFault(
    'pci/vendor-id-differs-from-virtio',
    'the vendor data are of vendor 0x1af4',
    'capabilities',
    { vendorId: 0x1af4 },
  ),
  'pci-vendor-data-of-odd-size': changed(
    'pci/vendor-capability-size-multiple-of-four',
    'the capability of vendor data has 11 bytes',
    types.VIRTIO_PCI_CAP_VENDOR_CFG,
    (one) => ({ ...one, capabilityLength: one.capabilityLength - 1 }),
  ),
  'pci-vendor-data-count-reads': pciFault(
    'pci/vendor-data-reads-without-side-effects',
    'reads of the last byte of the vendor data are counted in the offset of the window',
    'capabilities',
    { wasRead: countReads },
  ),
  'pci-window-writes-nothing': pciFault(
    'pci/config-access-writes-bar',
    'a write to pci_cfg_data stays in the capability',
    'capabilities',
    { windowWrites: false },
  ),
  'pci-window-writes-one-byte': pciFault(
    'pci/config-access-writes-bar',
    'an access of 2 bytes by pci_cfg_data is made with 1',
    'capabilities',
    { windowLength: (length) => (length === 2 ? 1 : length) },
  ),
  'pci-window-reads-nothing': pciFault(
    'pci/config-access-reads-bar',
    'a read of pci_cfg_data gives what was written there',
    'capabilities',
    { windowReads: false },
  ),
} as const;
