import type { VirtioPciSession } from '../../drivers/port/port.ts';
import type { RequirementSlug } from '../../reference-impl/catalogue/catalogue.ts';
import { type CaseContext, defineCase, type VariantAxes } from '../case.ts';
import { requestQueues } from '../virtio/request-queues.ts';
import { serves } from '../virtio/service.ts';
import { field } from './function.ts';

/** Notifications by the driver (virtio 4.1.5.2): of an index, of a word that the device told, and with data. */

const applies = { start: 'negotiated', transports: ['virtio-pci'] } as const;
const size = 8;

/** Each queue that completes requests by itself, and that was negotiated, serves more of them than its ring holds. */
function servesEach<Slug extends RequirementSlug>(
  { session, port, driver, ring, requirement }: CaseContext<Slug, VariantAxes, VirtioPciSession>,
  slug: Slug,
): void {
  const check = requirement(slug);
  const indices = requestQueues(driver, session, field(session, check, 'numQueues'));
  const queues = indices.map((index) => driver.attach(ring({ size }), { index }));
  for (let n = 1; n <= size + 1; n++) {
    for (const queue of queues) {
      // A device that is still at work looks at its rings unasked.
      session.fence();
      if (!serves({ port, driver }, check, queue, `request ${n} on queue ${queue.index}`)) return;
    }
  }
}

export const byIndex = defineCase({
  id: 'virtio-pci/notify/by-index',
  title: 'each queue is served when its index is written to its own address',
  proves: { 'pci/notification-serves-its-queue': 'pci-notification-goes-to-first-queue' },
  applies: { ...applies, without: ['VIRTIO_F_NOTIFICATION_DATA', 'VIRTIO_F_NOTIF_CONFIG_DATA'] },
  run(context) {
    servesEach(context, 'pci/notification-serves-its-queue');
  },
});

export const eachByIndex = defineCase({
  id: 'virtio-pci/notify/each-block-queue-by-index',
  title: 'with MQ each request queue of a block device is served when its index is written to its own address',
  proves: { 'pci/notification-serves-its-queue': 'pci-notification-goes-to-first-queue' },
  applies: {
    ...applies,
    devices: ['block'],
    negotiate: ['VIRTIO_BLK_F_MQ'],
    without: ['VIRTIO_F_NOTIFICATION_DATA', 'VIRTIO_F_NOTIF_CONFIG_DATA'],
  },
  run(context) {
    servesEach(context, 'pci/notification-serves-its-queue');
  },
});

export const withData = defineCase({
  id: 'virtio-pci/notify/with-data',
  title: 'with NOTIFICATION_DATA each queue is served by notifications of 32 bits, over the end of its ring',
  proves: { 'pci/notification-with-data-serves-its-queue': 'pci-notification-data-unheard' },
  applies: { ...applies, negotiate: ['VIRTIO_F_NOTIFICATION_DATA'] },
  run(context) {
    servesEach(context, 'pci/notification-with-data-serves-its-queue');
  },
});

export const eachWithData = defineCase({
  id: 'virtio-pci/notify/each-block-queue-with-data',
  title: 'with MQ and NOTIFICATION_DATA each request queue of a block device is served by notifications of 32 bits',
  proves: { 'pci/notification-with-data-serves-its-queue': 'pci-notification-data-unheard' },
  applies: { ...applies, devices: ['block'], negotiate: ['VIRTIO_BLK_F_MQ', 'VIRTIO_F_NOTIFICATION_DATA'] },
  run(context) {
    servesEach(context, 'pci/notification-with-data-serves-its-queue');
  },
});

export const byConfigData = defineCase({
  id: 'virtio-pci/notify/by-config-data',
  title: 'with NOTIF_CONFIG_DATA each queue is served by notifications of the word that the device told for it',
  proves: { 'pci/notification-by-config-data-serves-its-queue': 'pci-notification-of-index-alone' },
  applies: { ...applies, negotiate: ['VIRTIO_F_NOTIF_CONFIG_DATA'] },
  run(context) {
    servesEach(context, 'pci/notification-by-config-data-serves-its-queue');
  },
});

export const eachByConfigData = defineCase({
  id: 'virtio-pci/notify/each-block-queue-by-config-data',
  title:
    'with MQ and NOTIF_CONFIG_DATA each request queue of a block device is served by notifications of the word that the device told for it',
  proves: { 'pci/notification-by-config-data-serves-its-queue': 'pci-notification-of-index-alone' },
  applies: { ...applies, devices: ['block'], negotiate: ['VIRTIO_BLK_F_MQ', 'VIRTIO_F_NOTIF_CONFIG_DATA'] },
  run(context) {
    servesEach(context, 'pci/notification-by-config-data-serves-its-queue');
  },
});
