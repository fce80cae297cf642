import type { DeviceWrites } from '../../drivers/devices/device-driver.ts';
import type { Guest } from '../../drivers/port/port.ts';
import { guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import { changes, snapshot } from '../../reference-impl/memory/snapshot.ts';
import { VHOST_ACCESS_RO } from '../../reference-impl/wire/vdpa-structures.ts';
import { defineCase } from '../case.ts';
import type { Check } from '../check.ts';
import { takes } from '../vhost-kernel/refusal.ts';
import { servesAfresh } from '../virtio/running-queue.ts';
import { serves } from '../virtio/service.ts';
import { ACKNOWLEDGE, DRIVER } from '../virtio/status/status-bits.ts';
import { batchBegin, batchEnd, eachRegion, mapping, unmapping } from './messages.ts';

/** What a device reaches of the memory that is mapped. */

const transports = ['vhost-vdpa'] as const;
const applies = { start: 'negotiated', transports } as const;

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
  id: 'vhost-vdpa/memory/invalidated-memory-is-not-written',
  title: 'a buffer in memory that was invalidated while the device runs is not written, and a fresh session is served',
  proves: { 'vk-iotlb/unmapped-memory-is-not-reached': 'vdpa-reaches-invalidated-memory' },
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
  id: 'vhost-vdpa/memory/read-only-memory-is-not-written',
  title: 'memory that is mapped for reading alone is not written, and a fresh session is served',
  proves: { 'vk-iotlb/permission-is-kept': 'vdpa-writes-read-only-memory' },
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

export const batch = defineCase({
  id: 'vhost-vdpa/memory/memory-of-a-batch-is-reached',
  title: 'memory that is mapped in a batch is written behind its end',
  proves: { 'vk-iotlb/batch-counts-at-its-end': 'vdpa-batches-have-no-effect' },
  applies: { ...applies, offers: ['VHOST_BACKEND_F_IOTLB_BATCH'] },
  run({ port, session, driverOf, driver, ring, requirement }) {
    const check = requirement('vk-iotlb/batch-counts-at-its-end');
    const more = port.createGuest(guestLayouts['adjacent-regions']);
    const { calls } = session;
    if (!takes(check, calls.iotlb(batchBegin()), 'BATCH_BEGIN')) return;
    check.presumes(eachRegion(session, more, mapping) >= 0, 'memory is mapped in it');
    if (!takes(check, calls.iotlb(batchEnd()), 'BATCH_END')) return;
    const queue = driver.attach(ring({ size: 16 }));
    serves({ port, driver: driverOf(session, more) }, check, queue, 'a request in memory of the batch');
  },
});

export const outlivesReset = defineCase({
  id: 'vhost-vdpa/memory/mappings-outlive-a-reset',
  title: 'a device that was reset is set up anew and serves requests in memory that was mapped before',
  proves: { 'vk-iotlb/mappings-outlive-reset': 'vdpa-reset-takes-mappings' },
  applies: { ...applies, offers: ['VHOST_BACKEND_F_IOTLB_PERSIST'] },
  run({ session, driver, ring, requirement }) {
    const check = requirement('vk-iotlb/mappings-outlive-reset');
    driver.warmUp(driver.attach(ring({ size: 16 })));
    const { calls, device, negotiated } = session;
    const accepted = negotiated.accepted.device;
    check.granted(device.status?.set(0) ?? { kind: 'closed' }, 'status 0');
    calls.setStatus(ACKNOWLEDGE | DRIVER);
    session.negotiate({ device: accepted });
    const queues = [...driver.companionIndices.filter((index) => index !== driver.queueIndex), driver.queueIndex].map(
      (index) => session.attach(ring({ size: 16 }), { index }),
    );
    const queue = queues.at(-1);
    if (queue === undefined) return;
    const request = driver.request({ seed: 2 });
    queue.makeAvailable([request.segments]);
    queue.kickAndWaitForUsed(1);
    check.equal(request.problem(), undefined, 'what is wrong with a request behind the reset');
  },
});
