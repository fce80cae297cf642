import { COMMON_CONFIG_SIZE, VIRTIO_PCI_CAP_SIZE, virtioPciCapabilities } from '../wire/virtio-pci.ts';
import { MSIX_BAR, type ShownStructure, type VirtioPciRules } from './pci-rules.ts';

/** Where things lie in the BARs of the function: our choice as a whole. */

export const STRUCTURES_BAR = 1;

/** Where the structures begin in their BAR, a page each. */
export const structurePlaces = { common: 0x0000, isr: 0x1000, device: 0x2000, notify: 0x3000 } as const;
const ISR_SIZE = 1;
/** Bytes of a notification with VIRTIO_F_NOTIFICATION_DATA. */
const NOTIFICATION_SIZE = 4;

/** Where the bits of pending vectors begin, behind room for 128 entries of the table. */
export const MSIX_PENDING = 0x800;

/** By number of the BAR; there are no others. */
export const barSizes: Readonly<Record<number, number>> = { [STRUCTURES_BAR]: 0x4000, [MSIX_BAR]: 0x1000 };

/** Bytes of each capability of a structure: all have room for what the longest has. */
export const STRUCTURE_CAPABILITY_SIZE = VIRTIO_PCI_CAP_SIZE + 4;

export interface FunctionShape {
  readonly rules: VirtioPciRules;
  readonly queues: number;
  readonly configSize: number;
}

function notifyLength({ queues, rules }: FunctionShape): number {
  const { multiplier, notifyOff } = rules.notify;
  const places = Array.from({ length: queues }, (_, index) => notifyOff(index) * multiplier);
  return Math.max(...places) + NOTIFICATION_SIZE;
}

/** The structures that the function has, as their capabilities show them. */
export function functionStructures(shape: FunctionShape): readonly ShownStructure[] {
  const { rules, configSize } = shape;
  const structure = (type: number, offset = 0, length = 0, extra = 0): ShownStructure => ({
    type,
    barOrVendor: STRUCTURES_BAR,
    offset,
    length,
    capabilityLength: STRUCTURE_CAPABILITY_SIZE,
    extra,
  });
  const types = virtioPciCapabilities;
  const { common, isr, device, notify } = structurePlaces;
  return [
    structure(types.VIRTIO_PCI_CAP_COMMON_CFG, common, COMMON_CONFIG_SIZE),
    structure(types.VIRTIO_PCI_CAP_NOTIFY_CFG, notify, notifyLength(shape), rules.notify.multiplier),
    structure(types.VIRTIO_PCI_CAP_ISR_CFG, isr, ISR_SIZE),
    // Of no bytes for a type without configuration.
    structure(types.VIRTIO_PCI_CAP_DEVICE_CFG, device, configSize),
    structure(types.VIRTIO_PCI_CAP_PCI_CFG),
    { ...structure(types.VIRTIO_PCI_CAP_VENDOR_CFG), barOrVendor: rules.capabilities.vendorId },
  ];
}
