import type { VdpaPageRequest } from '../../drivers/port/port.ts';
import { errorName } from '../../reference-impl/wire/errno.ts';
import { defineCase } from '../case.ts';
import { serves } from '../virtio/service.ts';

/** Doorbells: pages of the device file by which queues are notified without a call. */

const transports = ['vhost-vdpa'] as const;

/** What is wrong with a page, given its size. */
const flaws: Readonly<Record<string, (pageSize: number) => VdpaPageRequest>> = {
  'two pages': (pageSize) => ({ page: 0, length: 2 * pageSize }),
  'private memory': (pageSize) => ({ page: 0, length: pageSize, isShared: false }),
  'readable memory': (pageSize) => ({ page: 0, length: pageSize, isReadable: true }),
  'page 65536': (pageSize) => ({ page: 65_536, length: pageSize }),
};

export const checkedMapping = defineCase({
  id: 'vhost-vdpa/doorbell/other-mappings-are-refused',
  title: 'a mapping of another length, of private or readable memory, or behind the last page answers EINVAL',
  proves: { 'vk-mmap/doorbell-mapping-checked': 'vdpa-any-page-is-mapped' },
  applies: { start: 'closed', transports, ring: 'none' },
  run({ points, connect, requirement }) {
    const check = requirement('vk-mmap/doorbell-mapping-checked');
    const all = Object.entries(flaws).map(([key, requestOf]) => ({ key, requestOf }));
    points(all, ({ key, requestOf }) => {
      const { calls, pageSize } = connect('negotiated');
      const mapped = calls.file.map(requestOf(pageSize));
      if (typeof mapped !== 'number') mapped.unmap();
      check.equal(typeof mapped === 'number' ? errorName(mapped) : 'a mapping', 'EINVAL', key);
    });
  },
});

export const notifies = defineCase({
  id: 'vhost-vdpa/doorbell/stored-number-notifies',
  title: 'a store of the queue number into its doorbell has the queue served',
  proves: { 'vk-mmap/stored-number-notifies': 'vdpa-doorbells-are-dumb' },
  applies: { start: 'negotiated', transports, needs: ['doorbells'] },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vk-mmap/stored-number-notifies');
    const { calls } = session;
    const queue = driver.attach(ring({ size: 16 }));
    const page = calls.mapDoorbell(queue.index);
    if (typeof page === 'number') {
      check.equal(errorName(page), 'a page', 'the mapping of the doorbell');
      return;
    }
    driver.warmUp(queue);
    // It looks into the ring once more before it sleeps.
    session.fence();
    const request = driver.request({ seed: 2 });
    queue.makeAvailable([request.segments]);
    calls.store16(page, queue.index, queue.index);
    port.until(() => queue.usedCount() > 1, port.deadlineMs);
    page.unmap();
    check.equal(queue.usedCount(), 2, 'used elements behind the store');
    check.equal(request.problem(), undefined, 'what is wrong with the request');
  },
});

export const noPage = defineCase({
  id: 'vhost-vdpa/doorbell/doorbell-without-a-page-of-its-own-is-refused',
  title: 'where doorbells have no pages of their own no mapping is made, and the queue is notified by its eventfd',
  proves: { 'vk-mmap/doorbell-without-page-not-mapped': 'vdpa-doorbells-without-a-page-are-mapped' },
  applies: { start: 'negotiated', transports, needs: ['no-doorbell-pages'] },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vk-mmap/doorbell-without-page-not-mapped');
    const queue = driver.attach(ring({ size: 16 }));
    const page = session.calls.mapDoorbell(queue.index);
    if (typeof page !== 'number') page.unmap();
    const answer = typeof page === 'number' ? page : 0;
    check.atMost(answer, -1, 'what the mapping answers, an error number negated');
    serves({ port, driver }, check, queue, 'a request that is notified by an eventfd');
  },
});
