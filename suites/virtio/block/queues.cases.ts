import type { DeviceDriver } from '../../../drivers/devices/device-driver.ts';
import { pattern } from '../../../drivers/devices/request.ts';
import type { Queue } from '../../../drivers/port/port.ts';
import type { Segment } from '../../../reference-impl/virtqueue/segment.ts';
import { defineCase } from '../../case.ts';

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

/** Requests that wait at once on the queue that is kept full. */
const waiting = 8;
/** So many of them come back while one waits elsewhere: far more than a device serves of one queue at a time. */
const most = 1024;
/** How often that has to come: a thread that serves the other queue may not run for a while. */
const tries = 3;

/** Keeps a queue full with reads until the request of another queue is used; whether that came to pass. */
function isServedBeside(busy: Queue, other: Queue, { block }: DeviceDriver): boolean {
  const reads = new Map<number, readonly Segment[]>();
  const add = (segments: readonly Segment[]): void => {
    for (const head of busy.makeAvailable([segments])) reads.set(head, segments);
    busy.kick();
  };
  for (let n = 0; n < waiting; n++) add(block.read().segments);
  const before = other.usedCount();
  other.makeAvailable([block.read().segments]);
  other.kick();
  for (let done = 0; done < most && other.usedCount() === before; done++) {
    for (const { id } of busy.waitForUsed(1)) add(reads.get(id) ?? []);
  }
  const isServed = other.usedCount() !== before;
  busy.waitForUsed(waiting);
  other.waitForUsed(1);
  return isServed;
}

export const full = defineCase({
  id: 'virtio/block/a-full-queue-holds-up-no-other',
  title: 'a request on one queue is completed while another queue is kept full',
  proves: { 'blk/each-queue-serves-requests': 'full-queue-goes-first' },
  applies: { start: 'negotiated', devices: ['block'], needs: ['device.queues'], negotiate: ['VIRTIO_BLK_F_MQ'] },
  variants: { full: ['first', 'second'] },
  run({ session, driver, ring, variant, requirement }) {
    const check = requirement('blk/each-queue-serves-requests');
    const count = session.device.queues?.count();
    check.presumes(count?.kind === 'number' && count.value > 1, 'the device has two queues');
    const queues = [0, 1].map((index) => driver.attach(ring({ size: 32 }), { index }));
    const [busy, other] = variant.full === 'first' ? queues : queues.toReversed();
    if (busy === undefined || other === undefined) return;
    let isServed = false;
    for (let n = 0; n < tries && !isServed; n++) isServed = isServedBeside(busy, other, driver);
    check.holds(isServed, `a request on queue ${other.index} while queue ${busy.index} is kept full`, {
      expected: `used before ${most} of the other queue are`,
      actual: `it waits until that queue is left alone, ${tries} times`,
    });
  },
});
