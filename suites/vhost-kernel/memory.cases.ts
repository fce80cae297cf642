import type { DeviceWrites } from '../../drivers/devices/device-driver.ts';
import type { Guest } from '../../drivers/port/port.ts';
import { guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import { changes, snapshot } from '../../reference-impl/memory/snapshot.ts';
import { VHOST_ACCESS_RO } from '../../reference-impl/wire/vdpa-structures.ts';
import { defineCase } from '../case.ts';
import type { Check } from '../check.ts';
import { servesAfresh } from '../virtio/running-queue.ts';
import { eachRegion, mapping, unmapping } from './iotlb-messages.ts';

/** What a device does not reach of the memory that is mapped, or was. */

const applies = {
  start: 'negotiated',
  transports: ['vhost-vdpa', 'vhost-kernel'],
  negotiate: ['VIRTIO_F_ACCESS_PLATFORM'],
} as const;

/** The device is asked to write a buffer, and up to a stop nothing of that memory changes. */
function isNotWritten(check: Check, writes: DeviceWrites, memory: Guest, what: string): void {
  let before = snapshot(memory);
  writes.ask({
    seed: 2,
    laidOut: () => {
      before = snapshot(memory);
    },
  });
  writes.stopAll();
  check.unchanged(before.guest, changes(before), `memory in ${what}`);
}

export const unmapped = defineCase({
  id: 'vhost-kernel/memory/invalidated-memory-is-not-written',
  title: 'a buffer in memory that was invalidated while the device runs is not written, and a fresh session is served',
  proves: {
    'vk-iotlb/unmapped-memory-is-not-reached': [
      'vdpa-reaches-invalidated-memory',
      'vhost-net-reaches-invalidated-memory',
    ],
  },
  applies,
  run(context) {
    const { port, session, driverOf, driver, ring, requirement } = context;
    const check = requirement('vk-iotlb/unmapped-memory-is-not-reached');
    const more = port.createGuest(guestLayouts['single-region']);
    check.presumes(eachRegion(session, more, mapping) >= 0, 'more memory is mapped');
    const queue = driver.attach(ring({ size: 16 }));
    const writes = driver.writes(queue, driverOf(session, more));
    writes.ask({ seed: 1 });
    writes.written.waitForUsed(1);
    check.equal(writes.problem, undefined, 'what is wrong with a buffer that is mapped');
    check.presumes(eachRegion(session, more, (region) => unmapping(region)) >= 0, 'it is invalidated');
    isNotWritten(check, writes, more, 'memory that was invalidated');
    session.close();
    servesAfresh(context, check, 'behind it');
  },
});

export const readOnly = defineCase({
  id: 'vhost-kernel/memory/read-only-memory-is-not-written',
  title: 'memory that is mapped for reading alone is not written, and a fresh session is served',
  proves: { 'vk-iotlb/permission-is-kept': ['vdpa-writes-read-only-memory', 'vhost-net-writes-read-only-memory'] },
  applies,
  run(context) {
    const { port, session, driverOf, driver, ring, requirement } = context;
    const check = requirement('vk-iotlb/permission-is-kept');
    const more = port.createGuest(guestLayouts['single-region']);
    const mapped = eachRegion(session, more, (region) => mapping(region, { permission: VHOST_ACCESS_RO }));
    check.presumes(mapped >= 0, 'more memory is mapped for reading');
    const queue = driver.attach(ring({ size: 16 }));
    isNotWritten(check, driver.writes(queue, driverOf(session, more)), more, 'memory for reading alone');
    session.close();
    servesAfresh(context, check, 'behind it');
  },
});
