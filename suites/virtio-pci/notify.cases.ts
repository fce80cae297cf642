import type { VirtioPciSession } from '../../drivers/port/port.ts';
import type { FeatureName, RequirementSlug } from '../../reference-impl/catalogue/catalogue.ts';
import { guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import { type AnyCase, type CaseContext, defineCase, type VariantAxes } from '../case.ts';
import type { Check } from '../check.ts';
import { requestQueues } from '../virtio/request-queues.ts';
import { serves } from '../virtio/service.ts';
import { field } from './function.ts';

/** Notifications by the driver (virtio 4.1.5.2): of an index, of a word that the device told, and with data. */

const size = 8;

/** Each queue that completes requests by itself, and that was negotiated, serves more of them than its ring holds. */
function servesEach(
  { session, port, driver, ring }: CaseContext<string, VariantAxes, VirtioPciSession>,
  check: Check,
): void {
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

interface Notified {
  readonly requirement: RequirementSlug;
  readonly fault: string;
  readonly negotiate?: readonly FeatureName[];
  readonly without?: readonly FeatureName[];
}

const index: Notified = {
  requirement: 'pci/notification-serves-its-queue',
  fault: 'pci-second-queue-notified-as-first',
  without: ['VIRTIO_F_NOTIFICATION_DATA', 'VIRTIO_F_NOTIF_CONFIG_DATA'],
};
const data: Notified = {
  requirement: 'pci/notification-with-data-serves-its-queue',
  fault: 'pci-notification-data-unheard',
  negotiate: ['VIRTIO_F_NOTIFICATION_DATA'],
};
const configData: Notified = {
  requirement: 'pci/notification-by-config-data-serves-its-queue',
  fault: 'pci-notification-of-index-alone',
  negotiate: ['VIRTIO_F_NOTIF_CONFIG_DATA'],
};

/** @param isOfEach all request queues of a block device are notified, and not the first alone. */
function notifyCase(
  name: string,
  title: string,
  { requirement, fault, negotiate = [], without = [] }: Notified,
  isOfEach = false,
): AnyCase {
  return defineCase({
    id: `virtio-pci/notify/${name}`,
    title,
    proves: { [requirement]: fault },
    applies: {
      start: 'negotiated',
      transports: ['virtio-pci'],
      ...(isOfEach ? { devices: ['block'] } : {}),
      negotiate: [...(isOfEach ? (['VIRTIO_BLK_F_MQ'] as const) : []), ...negotiate],
      without,
    },
    run: (context) => servesEach(context, context.requirement(requirement)),
  });
}

export const byIndex = notifyCase(
  'by-index',
  'each queue is served when its index is written to its own address',
  index,
);

export const eachByIndex = notifyCase(
  'each-block-queue-by-index',
  'with MQ each request queue of a block device is served when its index is written to its own address',
  index,
  true,
);

export const mappedLate = defineCase({
  id: 'virtio-pci/notify/buffers-in-memory-mapped-late',
  title:
    'chains with buffers in memory that was mapped while the device runs are served when their queue is notified, and those in other memory beside them',
  proves: { 'pci/notification-serves-its-queue': 'pci-memory-of-start-alone' },
  applies: {
    start: 'negotiated',
    transports: ['virtio-pci'],
    without: ['VIRTIO_F_NOTIFICATION_DATA', 'VIRTIO_F_NOTIF_CONFIG_DATA'],
  },
  run({ session, port, driver, driverOf, ring, requirement }) {
    const check = requirement('pci/notification-serves-its-queue');
    const queue = driver.attach(ring({ size }));
    for (const seed of [1, 2]) driver.warmUp(queue, { seed });
    const more = port.createGuest(guestLayouts['single-region']);
    for (const { ioVirtualAddress, userAddress, size: bytes } of more.regions) {
      const answer = session.vfio.mapDma({ ioVirtualAddress, userAddress, size: BigInt(bytes) });
      check.presumes(answer >= 0, 'memory is mapped');
    }
    const late = driverOf(session, more);
    for (const seed of [3, 4]) {
      if (!serves({ port, driver: late }, check, queue, 'a request in memory that was mapped late', { seed })) return;
      if (!serves({ port, driver }, check, queue, 'a request in other memory', { seed })) return;
    }
  },
});

export const withData = notifyCase(
  'with-data',
  'with NOTIFICATION_DATA each queue is served by notifications of 32 bits, over the end of its ring',
  data,
);

export const eachWithData = notifyCase(
  'each-block-queue-with-data',
  'with MQ and NOTIFICATION_DATA each request queue of a block device is served by notifications of 32 bits',
  data,
  true,
);

export const byConfigData = notifyCase(
  'by-config-data',
  'with NOTIF_CONFIG_DATA each queue is served by notifications of the word that the device told for it',
  configData,
);

export const eachByConfigData = notifyCase(
  'each-block-queue-by-config-data',
  'with MQ and NOTIF_CONFIG_DATA each request queue of a block device is served by notifications of the word that the device told for it',
  configData,
  true,
);
