import {
  COMMON_CONFIG_SIZE,
  VIRTIO_PCI_CAP_SIZE,
  virtioPciCapabilities,
  virtioPciCapExtra,
} from '../wire/virtio-pci.ts';
import type { ShownStructure, VirtioPciRules } from './pci-rules.ts';

/** Where things lie in the BARs of the function: our choice as a whole. */

export const STRUCTURES_BAR = 0;
export const MSIX_BAR = 2;

/** Where the structures begin in their BAR, a page each. */
export const structurePlaces = { common: 0x0000, isr: 0x1000, device: 0x2000, notify: 0x3000 } as const;
const ISR_SIZE = 1;
/** Bytes of a notification with VIRTIO_F_NOTIFICATION_DATA. */
const NOTIFICATION_SIZE = 4;
const MSIX_ENTRY_SIZE = 16;
const smallestBar = 0x1000;
export const VENDOR_CAPABILITY_SIZE = 12;

export const msixPendingOffset = (vectors: number): number => vectors * MSIX_ENTRY_SIZE;

export const powerOfTwo = (size: number): number => 2 ** Math.ceil(Math.log2(Math.max(smallestBar, size)));

export interface FunctionShape {
  readonly rules: VirtioPciRules;
  readonly queues: number;
  readonly vectors: number;
  readonly configSize: number;
}

const bytesOf32 = (value: number): number[] => [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff);

function notifyLength({ queues, rules }: Pick<FunctionShape, 'queues' | 'rules'>): number {
  const { multiplier, notifyOff } = rules.notify;
  let last = 0;
  for (let index = 0; index < queues; index++) last = Math.max(last, notifyOff(index) * multiplier);
  return last + NOTIFICATION_SIZE;
}

/** By number of the BAR; 0 for one that there is not. */
export function barSizes(shape: Pick<FunctionShape, 'queues' | 'vectors' | 'rules'>): readonly number[] {
  const sizes = new Array<number>(6).fill(0);
  sizes[STRUCTURES_BAR] = powerOfTwo(structurePlaces.notify + notifyLength(shape));
  sizes[MSIX_BAR] = powerOfTwo(msixPendingOffset(shape.vectors) + 8 * Math.ceil(shape.vectors / 64));
  return sizes;
}

/** The structures that the function has, as their capabilities show them. */
export function functionStructures(shape: FunctionShape): readonly ShownStructure[] {
  const { rules, configSize } = shape;
  const structure = (type: number, offset: number, length: number, extra: readonly number[] = []): ShownStructure => ({
    type,
    bar: STRUCTURES_BAR,
    id: 0,
    offset,
    length,
    capabilityLength: VIRTIO_PCI_CAP_SIZE + (virtioPciCapExtra[type] ?? 0),
    extra,
  });
  const types = virtioPciCapabilities;
  const { common, isr, device, notify } = structurePlaces;
  const vendor = structure(types.VIRTIO_PCI_CAP_VENDOR_CFG, 0, 0);
  return [
    structure(types.VIRTIO_PCI_CAP_COMMON_CFG, common, COMMON_CONFIG_SIZE),
    structure(types.VIRTIO_PCI_CAP_NOTIFY_CFG, notify, notifyLength(shape), bytesOf32(rules.notify.multiplier)),
    structure(types.VIRTIO_PCI_CAP_ISR_CFG, isr, ISR_SIZE),
    ...(configSize > 0 ? [structure(types.VIRTIO_PCI_CAP_DEVICE_CFG, device, configSize)] : []),
    structure(types.VIRTIO_PCI_CAP_PCI_CFG, 0, 0, [0, 0, 0, 0]),
    { ...vendor, capabilityLength: VENDOR_CAPABILITY_SIZE },
  ];
}
