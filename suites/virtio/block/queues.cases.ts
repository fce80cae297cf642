import { pattern } from '../../../drivers/devices/request.ts';
import type { Segment } from '../../../reference-impl/virtqueue/segment.ts';
import { defineCase } from '../../case.ts';
import { servedBesideFull } from '../beside-full-queue.ts';
import { severalRequestQueues } from '../request-queues.ts';

/** Several request queues at once (virtio 5.2.2). */

const sectorSize = 512;

export const together = defineCase({
  id: 'virtio/block/queues-serve-beside-each-other',
  title: 'requests that wait on every queue at once are all completed, and each queue sees what another has written',
  proves: { 'blk/each-queue-serves-requests': 'second-queue-waits-for-first' },
  applies: { start: 'negotiated', devices: ['block'], needs: ['device.queues'], negotiate: ['VIRTIO_BLK_F_MQ'] },
  run({ session, driver, ring, requirement }) {
    const check = requirement('blk/each-queue-serves-requests');
    const { block } = driver;
    const count = session.device.queues?.count();
    const told = count?.kind === 'number' ? count.value : 1;
    const queues = Array.from({ length: Math.max(1, Math.min(told, 4)) }, (_, index) =>
      driver.attach(ring({ size: 32 }), { index }),
    );
    for (let round = 0; round < 3; round++) {
      const data = queues.map((_, n) => pattern(2 * sectorSize, 8 * round + n));
      for (const [n, queue] of queues.entries()) {
        queue.makeAvailable([block.write(data[n] ?? new Uint8Array(0), { sector: 32 + 8 * n }).segments]);
        queue.kick();
      }
      for (const queue of queues) queue.waitForUsed(1);
      // Each queue reads what the one behind it has written.
      const reads = queues.map((_, n) =>
        block.read({ sector: 32 + 8 * ((n + 1) % queues.length), bytes: 2 * sectorSize }),
      );
      for (const [n, queue] of queues.entries()) {
        queue.makeAvailable([reads[n]?.segments ?? []]);
        queue.kick();
      }
      for (const [n, queue] of queues.entries()) {
        check.equal(queue.waitForUsed(1).length, 1, `used elements of a read on queue ${n}`);
        const expected = data[(n + 1) % queues.length] ?? new Uint8Array(0);
        check.bytesEqual(reads[n]?.data() ?? new Uint8Array(0), expected, `data of that read in round ${round}`);
      }
    }
  },
});

export const full = defineCase({
  id: 'virtio/block/a-full-queue-holds-up-no-other',
  title: 'a request on one queue is completed while another queue is kept full',
  proves: { 'blk/each-queue-serves-requests': 'full-queue-goes-first' },
  applies: {
    start: 'negotiated',
    devices: ['block'],
    needs: ['device.queues'],
    negotiate: ['VIRTIO_BLK_F_MQ'],
    when: [severalRequestQueues],
  },
  variants: { full: ['first', 'second'] },
  run({ session, driver, ring, variant, requirement }) {
    const check = requirement('blk/each-queue-serves-requests');
    const count = session.device.queues?.count();
    check.presumes(count?.kind === 'number' && count.value > 1, 'the device has two queues');
    const queues = [0, 1].map((index) => driver.attach(ring({ size: 32 }), { index }));
    const [busy, other] = variant.full === 'first' ? queues : queues.toReversed();
    if (busy === undefined || other === undefined) return;
    const read = (): readonly Segment[] => driver.block.read().segments;
    servedBesideFull(
      check,
      { busy, filling: read, other, request: read },
      `a request on queue ${other.index} while queue ${busy.index} is kept full`,
      { expected: 'of the other queue', actual: 'that queue' },
    );
  },
});
