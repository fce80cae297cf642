import { inMdevTable, type MdevFault, mdevFault } from './mdev-fault.ts';

/** DEVICE_SET_STATE: start and stop. */
export const mdevStateFaults = {
  'mdev-runs-without-bad-ring': mdevFault(
    'vm-state/ring-nowhere-fails-start',
    'the device runs without the ring that cannot be started',
    inMdevTable('ring', { startsAnyhow: true }),
  ),
  'mdev-start-waits-for-doorbells': mdevFault(
    'vm-state/start-looks-at-rings',
    'a ring is not looked at before its first doorbell after the start',
    inMdevTable('ring', { servesAtStart: false }),
  ),
} as const satisfies Record<string, MdevFault>;
