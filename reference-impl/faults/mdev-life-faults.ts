import { inMdevTable, type MdevFault, mdevFault } from './mdev-fault.ts';

/** Open, close and reset. */
export const mdevLifeFaults = {
  'mdev-opens-again': mdevFault(
    'vm-life/second-open-is-busy',
    'a device can be opened while it is open',
    inMdevTable('life', { openError: () => 0 }),
  ),
  'mdev-close-keeps-running': mdevFault(
    'vm-life/close-stops-device',
    'the close of a device leaves it as it is',
    inMdevTable('life', { atClose: [] }),
  ),
  'mdev-reset-does-nothing': mdevFault(
    'vm-life/reset-stops-device',
    'VFIO_DEVICE_RESET does nothing',
    inMdevTable('life', { atReset: [] }),
  ),
  'mdev-reset-keeps-config-space': mdevFault(
    'vm-life/l1-reset-restores-config-space',
    'VFIO_DEVICE_RESET leaves what was written to configuration space',
    inMdevTable('pciConfig', { survivesReset: true }),
  ),
} as const satisfies Record<string, MdevFault>;
