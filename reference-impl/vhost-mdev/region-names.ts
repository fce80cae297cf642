import type { DeviceLayoutName } from '../observations/event.ts';
import { layoutL1, layoutL2, type RegionUse } from './mdev-layout.ts';

const pciRegions = ['BAR0', 'BAR1', 'BAR2', 'BAR3', 'BAR4', 'BAR5', 'ROM', 'PCI config', 'VGA'];
const pciInterrupts = ['INTx', 'MSI', 'MSI-X', 'error', 'request'];

/** The name that a layout's text has for a region. */
export function regionName(layout: DeviceLayoutName, index: number): string {
  switch (layout) {
    case 'mdev-l1':
    case 'virtio-pci':
      return pciRegions[index] ?? `region ${index}`;
    case 'mdev-l2':
      return ['CONFIG', 'NOTIFY'][index] ?? `region ${index}`;
    case 'vhost-vdpa':
      return ['the device file', 'doorbells'][index] ?? `region ${index}`;
    case 'unknown':
      return `region ${index}`;
  }
}

export function interruptName(layout: DeviceLayoutName, index: number): string {
  switch (layout) {
    case 'mdev-l1':
    case 'virtio-pci':
      return pciInterrupts[index] ?? `interrupt index ${index}`;
    case 'mdev-l2':
      return index === 0 ? 'VQ' : `interrupt index ${index}`;
    case 'vhost-vdpa':
    case 'unknown':
      return `interrupt index ${index}`;
  }
}

/** What an access to a region reaches. */
export function regionUse(layout: DeviceLayoutName, index: number): RegionUse {
  switch (layout) {
    case 'mdev-l1':
      return layoutL1.regions[index]?.use ?? 'absent';
    case 'mdev-l2':
      return layoutL2.regions[index]?.use ?? 'absent';
    case 'vhost-vdpa':
      return index === 1 ? 'doorbells' : 'absent';
    case 'virtio-pci':
    case 'unknown':
      return 'absent';
  }
}
