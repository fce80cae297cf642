import { BrokenDown } from '../../../vhost-user/back-end-edge.ts';
import { errno } from '../../../wire/errno.ts';
import type { MdevFault } from '../../fault.ts';
import { inMdevTable, mdevFault } from './mdev-fault.ts';

const lostDoorbell = 40;

/** Doorbells, written and mapped. */
export const mdevNotifyFaults = {
  'mdev-fortieth-doorbell-lost': mdevFault(
    'vm-notify/write-notifies-its-queue',
    'the fortieth doorbell of a ring is lost',
    inMdevTable('doorbell', ({ carryOut }) => {
      // A ring that is told anew has addresses of its own, and begins to count anew.
      const counts = new WeakMap<object, number>();
      return {
        carryOut: (device, queue, count) => {
          const ring = device.rings.records[queue]?.addresses;
          const number = ring === undefined ? 0 : (counts.get(ring) ?? 0) + 1;
          if (ring !== undefined) counts.set(ring, number);
          return number === lostDoorbell ? 0 : carryOut(device, queue, count);
        },
      };
    }),
  ),
  'mdev-queue-by-place-of-doorbell': mdevFault(
    'vm-notify/place-of-write-is-free',
    'the queue of a doorbell is the page that it was written to',
    inMdevTable('doorbell', { queueOf: (_, offset, pageSize) => Math.floor(offset / pageSize) }),
  ),
  'mdev-doorbell-at-start-of-page-only': mdevFault(
    'vm-notify/place-of-write-is-free',
    'a doorbell is taken at the start of a page alone',
    inMdevTable('doorbell', { acceptsOffset: (offset, size, pageSize) => offset < size && offset % pageSize === 0 }),
  ),
  'mdev-doorbell-comes-to-4-bytes': mdevFault(
    'vm-notify/write-comes-to-its-length',
    'the write of a doorbell returns 4 bytes for any length',
    inMdevTable('doorbell', { written: () => 4 }),
  ),
  'mdev-doorbell-of-4-bytes-only': mdevFault(
    'vm-notify/longer-write-taken',
    'a doorbell of more than 4 bytes is refused',
    inMdevTable('doorbell', { acceptsLength: (count) => count === 4 }),
  ),
  'mdev-doorbell-by-its-last-bytes': mdevFault(
    'vm-notify/longer-write-taken',
    'a doorbell of more than 4 bytes notifies no queue',
    inMdevTable('doorbell', ({ carryOut }) => ({
      carryOut: (device, queue, count) => (count > 4 ? 0 : carryOut(device, queue, count)),
    })),
  ),
  'mdev-short-doorbell-taken': mdevFault(
    'vm-notify/short-write-refused',
    'a doorbell of fewer than 4 bytes is taken, and notifies no queue',
    inMdevTable('doorbell', ({ carryOut }) => ({
      acceptsLength: () => true,
      carryOut: (device, queue, count) => (count < 4 ? 0 : carryOut(device, queue, count)),
    })),
  ),
  'mdev-short-doorbell-notifies': mdevFault(
    'vm-notify/short-write-notifies-nobody',
    'a doorbell of fewer than 4 bytes notifies the queue that it names',
    inMdevTable('doorbell', { acceptsLength: () => true }),
  ),
  'mdev-unknown-queue-taken': mdevFault(
    'vm-notify/unknown-queue-refused',
    'a doorbell for a queue that there is not is taken',
    inMdevTable('doorbell', { acceptsQueue: () => true }),
  ),
  'mdev-queue-behind-last-taken': mdevFault(
    'vm-notify/unknown-queue-refused',
    'a doorbell for the queue behind the last is taken',
    inMdevTable('doorbell', { acceptsQueue: (queue, rings) => queue <= rings }),
  ),
  'mdev-doorbell-of-16-bits': mdevFault(
    'vm-notify/queue-number-has-32-bits',
    'of the number in a doorbell the lower 16 bits count',
    inMdevTable('doorbell', { queueOf: (data) => data & 0xffff }),
  ),
  'mdev-doorbell-of-8-bits': mdevFault(
    'vm-notify/queue-number-has-32-bits',
    'of the number in a doorbell the lower 8 bits count',
    inMdevTable('doorbell', { queueOf: (data) => data & 0xff }),
  ),
  'mdev-doorbell-of-all-ones-crashes': mdevFault(
    'vm-notify/unknown-queue-survived',
    'a doorbell for queue 0xffffffff ends the device',
    inMdevTable('doorbell', ({ acceptsQueue }) => ({
      acceptsQueue: (queue, rings) => {
        if (queue === 0xffff_ffff) throw new BrokenDown('abort');
        return acceptsQueue(queue, rings);
      },
    })),
  ),
  'mdev-unknown-doorbell-stops-device': mdevFault(
    'vm-notify/unknown-queue-survived',
    'a doorbell for a queue that there is not stops the device',
    inMdevTable('doorbell', {
      acceptsQueue: () => true,
      errorOf: (device, queue) => {
        if (queue < device.parent.queueCount) return 0;
        device.setRunning(false);
        return errno.EINVAL;
      },
    }),
  ),
  'mdev-doorbell-behind-region-taken': mdevFault(
    'vm-notify/write-behind-region-refused',
    'a doorbell behind the pages of all rings is taken',
    inMdevTable('doorbell', { acceptsOffset: () => true }),
  ),
  'mdev-doorbell-behind-last-page-taken': mdevFault(
    'vm-notify/write-behind-region-refused',
    'a doorbell on the page behind that of the last ring is taken',
    inMdevTable('doorbell', { acceptsOffset: (offset, size, pageSize) => offset < size + pageSize }),
  ),
  'mdev-doorbell-notifies-all': mdevFault(
    'vm-notify/other-ring-is-not-served',
    'a doorbell notifies all rings',
    inMdevTable('doorbell', {
      carryOut: ({ parent, rings }) => {
        for (const { index } of rings.records) parent.notify(index);
      },
    }),
  ),
  'mdev-doorbell-refused-while-stopped': mdevFault(
    'vm-notify/stopped-device-takes-doorbell',
    'a doorbell while the device is stopped fails',
    inMdevTable('doorbell', { errorOf: ({ isRunning }) => (isRunning ? 0 : errno.EBUSY) }),
  ),
  'mdev-doorbell-starts-device': mdevFault(
    'vm-notify/stopped-device-serves-nothing',
    'a doorbell starts a device that is stopped',
    inMdevTable('doorbell', ({ carryOut }) => ({
      carryOut: (device, queue, count) => {
        device.setRunning(true);
        return carryOut(device, queue, count);
      },
    })),
  ),
  'mdev-doorbell-signals-vector': mdevFault(
    'vm-notify/idle-ring-survives-doorbells',
    'a doorbell signals the vector of its ring, whatever there is to serve',
    inMdevTable('doorbell', ({ carryOut }) => ({
      carryOut: (device, queue, count) => {
        device.interrupts.call(queue);
        return carryOut(device, queue, count);
      },
    })),
  ),
  'mdev-doorbell-of-untold-ring-crashes': mdevFault(
    'vm-notify/ring-out-of-use-survives-doorbells',
    'a doorbell of a ring that no address was told of ends a device that runs',
    inMdevTable('doorbell', ({ carryOut }) => ({
      carryOut: (device, queue, count) => {
        if (device.isRunning && device.rings.records[queue]?.addresses === undefined) throw new BrokenDown('abort');
        return carryOut(device, queue, count);
      },
    })),
  ),
  'mdev-doorbell-puts-ring-into-use': mdevFault(
    'vm-notify/ring-out-of-use-survives-doorbells',
    'a doorbell of a ring that was taken out of use puts it into use again',
    inMdevTable('doorbell', ({ carryOut }) => ({
      carryOut: (device, queue, count) => {
        const ring = device.rings.records[queue];
        if (device.isRunning && ring?.addresses !== undefined && ring.size === 0) {
          device.setRunning(false);
          ring.size = 16;
          device.setRunning(true);
        }
        return carryOut(device, queue, count);
      },
    })),
  ),
  'mdev-doorbell-pages-unmappable': mdevFault(
    'vm-notify/page-can-be-mapped',
    'no page of doorbells can be mapped, as though there were no rings',
    inMdevTable('doorbell', { mappedQueue: () => undefined }),
  ),
  'mdev-mapped-page-is-a-copy': mdevFault(
    'vm-notify/store-notifies-its-queue',
    'a store into a mapped page has no effect',
    inMdevTable('doorbell', { mapped: (page) => page.slice() }),
  ),
  'mdev-store-of-unknown-queue-crashes': mdevFault(
    'vm-notify/store-of-unknown-queue-survived',
    'a store of a number of no queue into a mapped page ends the device',
    inMdevTable('doorbell', ({ stored }) => ({
      stored: (device, queue) => {
        if (queue >= device.parent.queueCount) throw new BrokenDown('abort');
        stored(device, queue);
      },
    })),
  ),
  'mdev-second-mapping-is-a-copy': mdevFault(
    'vm-notify/mapped-twice-is-one-page',
    'a store into the second mapping of a page has no effect',
    inMdevTable('doorbell', () => {
      const mapped = new WeakSet<object>();
      return {
        mapped: (page) => {
          if (mapped.has(page.buffer)) return page.slice();
          mapped.add(page.buffer);
          return page;
        },
      };
    }),
  ),
  'mdev-write-lost-while-mapped': mdevFault(
    'vm-notify/stores-and-writes-mix',
    'the first doorbell that is written after a page was mapped is lost',
    inMdevTable('doorbell', ({ carryOut }) => {
      let isMapped = false;
      return {
        mapped: (page) => {
          isMapped = true;
          return page;
        },
        carryOut: (device, queue, count) => {
          const isLost = isMapped;
          isMapped = false;
          return isLost ? 0 : carryOut(device, queue, count);
        },
      };
    }),
  ),
  'mdev-two-pages-mapped': mdevFault(
    'vm-notify/map-of-more-than-a-page-refused',
    'more than a page of doorbells can be mapped',
    inMdevTable('doorbell', { acceptsMap: () => true }),
  ),
  'mdev-page-behind-rings-mapped': mdevFault(
    'vm-notify/map-behind-rings-refused',
    'mapping behind the last ring maps its page',
    inMdevTable('doorbell', { mappedQueue: (place, rings) => Math.min(place, rings - 1) }),
  ),
} as const satisfies Record<string, MdevFault>;
