import { inMdevTable, type MdevFault, mdevFault } from './mdev-fault.ts';

/** What is told of rings. */
export const mdevRingFaults = {
  'mdev-any-ring-size-taken': mdevFault(
    'vm-rings/bad-size-refused',
    'a ring may have any size',
    inMdevTable('ring', { acceptsSize: () => true }),
  ),
  'mdev-base-beyond-16-bits-taken': mdevFault(
    'vm-rings/base-beyond-16-bits-refused',
    'a base is cut to 16 bits',
    inMdevTable('ring', { acceptsBase: () => true, storedBase: (base) => base & 0xffff }),
  ),
  'mdev-base-of-missing-ring-told': mdevFault(
    'vm-rings/base-of-missing-ring-refused',
    'the base of a ring that there is not is 0',
    inMdevTable('ring', { baseOfMissingRing: 0 }),
  ),
  'mdev-base-while-running-as-told': mdevFault(
    'vm-rings/base-while-running-counts',
    'while the device runs a base is what was told last',
    inMdevTable('ring', { baseWhileRunning: 'as-told' }),
  ),
} as const satisfies Record<string, MdevFault>;
