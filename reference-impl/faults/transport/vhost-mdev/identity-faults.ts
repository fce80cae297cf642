import { type PciConfigRules, type PciIdentity, pciConfigRules } from '../../../vhost-mdev/pci-config-space.ts';
import { errno } from '../../../wire/errno.ts';
import {
  VFIO_DEVICE_FLAGS_PCI,
  VFIO_DEVICE_FLAGS_RESET,
  VFIO_DEVICE_FLAGS_VHOST,
  vfioDeviceInfo,
  vfioRequests,
} from '../../../wire/vfio-structures.ts';
import type { MdevFault } from '../../fault.ts';
import { inMdevTable, mdevFault } from './mdev-fault.ts';

const { VFIO_DEVICE_GET_INFO } = vfioRequests;

/** The driver asks with no room behind the structure, and would not know a device without its flag. */
const withoutFlag = (flag: number) =>
  inMdevTable('calls', { deviceFlags: (flags, argsz) => (argsz > vfioDeviceInfo.size ? flags & ~flag : flags) });

/** Configuration space with some bytes changed. */
const configSpace = (change: (view: DataView, identity: PciIdentity) => void): Partial<PciConfigRules> => ({
  content: (identity) => {
    const bytes = pciConfigRules.content(identity);
    change(new DataView(bytes.buffer), identity);
    return bytes;
  },
});

/** What a device says that it is: VFIO_DEVICE_GET_INFO, and configuration space of layout L1. */
export const mdevIdentityFaults = {
  'mdev-without-flag-of-pci': mdevFault(
    'vm-identity/l1-is-a-pci-device',
    'a caller with room for more is told flags without PCI',
    withoutFlag(VFIO_DEVICE_FLAGS_PCI),
  ),
  'mdev-without-flag-of-vhost': mdevFault(
    'vm-identity/l2-has-the-vhost-flag',
    'a caller with room for more is told flags without that of vhost',
    withoutFlag(VFIO_DEVICE_FLAGS_VHOST),
  ),
  'mdev-without-flag-of-reset': mdevFault(
    'vm-identity/reset-is-announced',
    'device flags lack RESET',
    inMdevTable('calls', { deviceFlags: (flags) => flags & ~VFIO_DEVICE_FLAGS_RESET }),
  ),
  'mdev-with-flags-of-others': mdevFault(
    'vm-identity/no-other-flags',
    'device flags have the number of the reset call in them',
    inMdevTable('calls', {
      deviceFlags: (flags) => flags | (vfioRequests.VFIO_DEVICE_RESET & ~VFIO_DEVICE_FLAGS_VHOST),
    }),
  ),
  'mdev-counts-a-region-more': mdevFault(
    'vm-identity/l2-has-two-regions',
    'the device counts one region more than it has',
    inMdevTable('calls', { regionCount: (count) => count + 1 }),
  ),
  'mdev-counts-an-interrupt-more': mdevFault(
    'vm-identity/l2-has-one-interrupt-index',
    'the device counts one interrupt index more than it has',
    inMdevTable('calls', { interruptCount: (count) => count + 1 }),
  ),
  'mdev-counts-no-config-space': mdevFault(
    'vm-identity/l1-counts-pci-regions',
    'the device counts its BARs alone',
    inMdevTable('calls', { regionCount: (count) => Math.min(count, 3) }),
  ),
  'mdev-counts-no-msix': mdevFault(
    'vm-identity/l1-counts-msix-index',
    'the device counts one interrupt index',
    inMdevTable('calls', { interruptCount: () => 1 }),
  ),
  'mdev-info-short-argsz-taken': mdevFault(
    'vm-identity/short-argsz-refused',
    'device information is written whatever size the caller says',
    inMdevTable('calls', ({ acceptsArgsz }) => ({
      acceptsArgsz: (argsz, needed, request) =>
        request === VFIO_DEVICE_GET_INFO || acceptsArgsz(argsz, needed, request),
    })),
  ),
  'mdev-info-long-argsz-refused': mdevFault(
    'vm-identity/long-argsz-taken',
    'device information wants its structure to have just its size',
    inMdevTable('calls', ({ acceptsArgsz }) => ({
      acceptsArgsz: (argsz, needed, request) =>
        request === VFIO_DEVICE_GET_INFO ? argsz === needed : acceptsArgsz(argsz, needed, request),
    })),
  ),
  'mdev-unknown-call-succeeds': mdevFault(
    'vm-identity/unknown-call-refused',
    'a call that the device does not know succeeds',
    inMdevTable('calls', { unknownCall: 0 }),
  ),
  'mdev-unknown-call-is-invalid': mdevFault(
    'vm-identity/unknown-call-refused',
    'a call that the device does not know is an invalid one',
    inMdevTable('calls', { unknownCall: -errno.EINVAL }),
  ),
  'mdev-config-space-without-vendor': mdevFault(
    'vm-identity/config-space-has-ids',
    'configuration space reads all ones where the vendor is',
    inMdevTable(
      'pciConfig',
      configSpace((view) => view.setUint16(0, 0xffff, true)),
    ),
  ),
  'mdev-config-space-of-another-type': mdevFault(
    'vm-identity/config-space-tells-device-type',
    'configuration space tells the next device type',
    inMdevTable(
      'pciConfig',
      configSpace((view, { deviceId }) => view.setUint16(0x2e, deviceId + 1, true)),
    ),
  ),
  'mdev-config-space-ids-written': mdevFault(
    'vm-identity/config-space-ids-read-only',
    'the ids of configuration space can be written',
    inMdevTable('pciConfig', ({ writable }) => ({
      writable: (identity) => writable(identity).fill(0xff, 0, 4),
    })),
  ),
  'mdev-msix-with-a-vector-more': mdevFault(
    'vm-identity/config-space-lists-msix',
    'MSI-X in configuration space has a vector more than there are rings',
    inMdevTable('pciConfig', ({ content }) => ({
      content: (identity) => content({ ...identity, vectors: identity.vectors + 1 }),
    })),
  ),
  'mdev-config-space-without-class': mdevFault(
    'vm-identity/config-space-class',
    'the class in configuration space of layout L1 is 0',
    inMdevTable(
      'pciConfig',
      configSpace((view) => view.setUint16(0x0a, 0, true)),
    ),
  ),
  'mdev-msix-pending-in-table': mdevFault(
    'vm-identity/msix-lies-in-bar2',
    'the pending bits of MSI-X begin where the table does',
    inMdevTable('pciConfig', ({ content }) => ({ content: (identity) => content({ ...identity, pendingOffset: 0 }) })),
  ),
  'mdev-interrupt-line-read-only': mdevFault(
    'vm-identity/config-space-writable-fields',
    'the interrupt line in configuration space of layout L1 cannot be written',
    inMdevTable('pciConfig', ({ writable }) => ({ writable: (identity) => writable(identity).fill(0, 0x3c, 0x3d) })),
  ),
  'mdev-bar-of-another-size': mdevFault(
    'vm-identity/bar-tells-its-size',
    'the BARs of configuration space tell 16 bytes each',
    inMdevTable('pciConfig', ({ writable }) => ({
      writable: (identity) => writable({ ...identity, barSizes: [16, 16, 16] }),
    })),
  ),
  'mdev-config-space-odd-bytes-shifted': mdevFault(
    'vm-identity/config-space-widths-agree',
    'a single byte of configuration space is read at the even offset before it',
    inMdevTable('pciConfig', { readAt: (offset, length) => (length === 1 ? offset - (offset % 2) : offset) }),
  ),
} as const satisfies Record<string, MdevFault>;
