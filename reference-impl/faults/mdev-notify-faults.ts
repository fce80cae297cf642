import { inMdevTable, type MdevFault, mdevFault } from './mdev-fault.ts';

/** Doorbells, written and mapped. */
export const mdevNotifyFaults = {
  'mdev-queue-by-place-of-doorbell': mdevFault(
    'vm-notify/place-of-write-is-free',
    'the queue of a doorbell is the page that it was written to',
    inMdevTable('doorbell', { queueOf: (_, offset, pageSize) => Math.floor(offset / pageSize) }),
  ),
  'mdev-unknown-queue-taken': mdevFault(
    'vm-notify/unknown-queue-refused',
    'a doorbell for a queue that there is not is taken',
    inMdevTable('doorbell', { acceptsQueue: () => true }),
  ),
  'mdev-doorbell-behind-region-taken': mdevFault(
    'vm-notify/write-behind-region-refused',
    'a doorbell behind the pages of all rings is taken',
    inMdevTable('doorbell', { acceptsOffset: () => true }),
  ),
  'mdev-doorbell-pages-unmappable': mdevFault(
    'vm-notify/page-can-be-mapped',
    'no page of doorbells can be mapped',
    inMdevTable('doorbell', { mapsPages: false }),
  ),
} as const satisfies Record<string, MdevFault>;
