import { guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import { defineCase } from '../case.ts';
import { batchBegin, batchEnd, eachRegion, mapping } from '../vhost-kernel/iotlb-messages.ts';
import { takes } from '../vhost-kernel/refusal.ts';
import { serves } from '../virtio/service.ts';
import { ACKNOWLEDGE, DRIVER } from '../virtio/status/status-bits.ts';

/** What a device reaches of the memory that is mapped. */

const transports = ['vhost-vdpa'] as const;
const applies = { start: 'negotiated', transports } as const;

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
