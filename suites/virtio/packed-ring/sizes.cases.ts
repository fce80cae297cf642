import { packedPosition } from '../../../reference-impl/virtqueue/ring.ts';
import { defineCase } from '../../case.ts';
import { askedDriver, runningQueue } from '../running-queue.ts';

/** How many descriptors a packed ring has (virtio 2.8.10.1). */

const sizes = [1, 2, 3, 4, 5, 7, 12, 100, 255, 256, 257, 1000, 1024, 4097, 32_767, 32_768];

export const queueSizes = defineCase({
  id: 'virtio/packed-ring/queue-sizes-are-honoured',
  title: 'queues of each size, power of two or not, are served round after round',
  proves: { 'packed/queue-size-honoured': ['packed-queue-size-rounded-down', 'packed-queue-size-at-least-four'] },
  applies: { start: 'closed', ring: 'packed', needs: ['initial-base'] },
  run(context) {
    const { port, points, requirement } = context;
    const check = requirement('packed/queue-size-honoured');
    const smallest = askedDriver(context, (driver) => driver.request().segments.length);
    const isTaken = (size: number): boolean =>
      size >= smallest && (port.facts.ringSizes === undefined || (size & (size - 1)) === 0);
    const all = sizes.filter(isTaken).map((size) => ({ key: `size=${size}`, size }));
    points(all, ({ key, size }) => {
      // From its last descriptor on, so that a few lists meet both ends of the ring.
      const { session, driver, queue } = runningQueue(context, {
        size,
        position: packedPosition(size - 1),
      });
      const requests = Array.from({ length: Math.min(Math.floor(size / smallest), 8) }, (_, seed) =>
        driver.request({ seed }),
      );
      for (let round = 0; round < 3; round++) {
        const ids = queue.makeAvailable(requests.map(({ segments }) => segments));
        const used = queue.kickAndWaitForUsed(ids.length).map(({ id }) => id);
        if (!check.sameMembers(used, ids, `ids of round ${round} with ${key}`)) break;
      }
      session.close();
    });
  },
});
