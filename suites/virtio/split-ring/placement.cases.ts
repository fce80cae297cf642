import type { AllocationRequest } from '../../../reference-impl/memory/allocation.ts';
import { splitPosition } from '../../../reference-impl/virtqueue/ring.ts';
import { type CaseContext, defineCase, type VariantAxes } from '../../case.ts';
import type { Check } from '../../check.ts';
import { askedDriver, presumesService, runningQueue } from '../running-queue.ts';

/** Where rings and buffers lie, and how many entries a ring has (virtio 2.7, 2.7.5). */

/** Enough for a buffer to lie across a boundary. */
const bytes = 1024;
const unwritten = 0xffff_ffff;

interface Place {
  /** In keys of points. */
  readonly place: string;
  readonly where: Partial<AllocationRequest>;
}

/** A readable and a writable buffer at each place are served, each on a session of its own. */
function servesBuffersAt(context: CaseContext<string, VariantAxes>, check: Check, places: readonly Place[]): void {
  const all = places.flatMap(({ place, where }) => [
    { key: `readable,${place}`, shape: { readableWhere: where } },
    { key: `writable,${place}`, shape: { writableWhere: where } },
  ]);
  context.points(all, ({ key, shape }) => {
    const { session, driver, queue } = runningQueue(context);
    check.equal(driver.transfer(queue, { bytes, ...shape }), undefined, `what is wrong with a transfer, ${key}`);
    session.close();
  });
}

export const buffers = defineCase({
  id: 'virtio/split-ring/buffers-lie-anywhere',
  title: 'buffers unaligned, over pages, in each region, at its end, and over two adjacent regions are served',
  proves: {
    'split/buffers-anywhere-in-memory': [
      'buffer-over-regions-refused',
      'buffer-at-region-end-refused',
      'unaligned-buffer-refused',
    ],
  },
  applies: { start: 'closed', memory: 'adjacent-regions' },
  run(context) {
    const { guest, requirement } = context;
    const check = requirement('split/buffers-anywhere-in-memory');
    const places: Place[] = [
      ...[1, 2, 7, 4095].map((skew) => ({ place: `skew=${skew}`, where: { align: 4096, skew } })),
      { place: 'page', where: { crossing: 'page' } },
      ...guest.regions.map(({ index }) => ({ place: `region=${index}`, where: { region: index } })),
      ...guest.regions.map(({ index }) => ({
        place: `end-of-region=${index}`,
        where: { region: index, at: 'region-end' } as const,
      })),
      { place: 'over-regions=0,1', where: { region: 0, crossing: 'region' } },
      { place: 'over-regions=1,2', where: { region: 1, crossing: 'region' } },
    ];
    servesBuffersAt(context, check, places);
  },
});

export const highMemory = defineCase({
  id: 'virtio/split-ring/buffers-lie-at-any-address',
  title: 'buffers below and above 4 GiB, and up to 2^48, are served',
  proves: { 'split/buffers-anywhere-in-memory': 'buffer-above-47-bits-refused' },
  applies: { start: 'closed', memory: 'high-addresses' },
  run(context) {
    const { guest, points, requirement } = context;
    const check = requirement('split/buffers-anywhere-in-memory');
    const all = guest.regions.map(({ index }) => ({ key: `region=${index}`, where: { region: index } }));
    points(all, ({ key, where }) => {
      const { session, driver, queue } = runningQueue(context);
      const shape = { bytes, readableWhere: where, writableWhere: where };
      check.equal(driver.transfer(queue, shape), undefined, `what is wrong with a transfer in ${key}`);
      session.close();
    });
  },
});

export const overRegionsAt4Gib = defineCase({
  id: 'virtio/split-ring/buffers-over-regions-at-4-gib',
  title: 'buffers over two adjacent regions are served where the second begins at 4 GiB, and where both lie above',
  proves: { 'split/buffers-anywhere-in-memory': 'buffer-over-regions-above-4-gib-refused' },
  applies: { start: 'closed', memory: 'adjacent-at-4gib' },
  run(context) {
    const { guest, requirement } = context;
    const check = requirement('split/buffers-anywhere-in-memory');
    const places = guest.regions.slice(1).map(({ index }) => ({
      place: `over-regions=${index - 1},${index}`,
      where: { region: index - 1, crossing: 'region' } as const,
    }));
    servesBuffersAt(context, check, places);
  },
});

export const ringParts = defineCase({
  id: 'virtio/split-ring/ring-parts-lie-anywhere',
  title: 'a ring is served with its parts in one block, in several regions, and at the end of the last',
  proves: { 'split/ring-parts-anywhere-in-memory': 'ring-parts-apart-refused' },
  applies: { start: 'closed', memory: 'eight-regions' },
  run(context) {
    const check = context.requirement('split/ring-parts-anywhere-in-memory');
    presumesService(context, check);
    const backwards = { descriptor: { region: 7 }, driver: { region: 5 }, device: { region: 3 } };
    const oneRegionEach = { descriptor: { region: 1 }, driver: { region: 2 }, device: { region: 6 } };
    const layout = askedDriver(context, (driver) => driver.layout);
    const smallestAlignment = {
      descriptor: { align: 4096, skew: 16 },
      driver: { align: 4096, skew: layout === 'split' ? 2 : 4 },
      device: { align: 4096, skew: 4 },
    };
    const ends = {
      descriptor: { region: 2, at: 'region-end' },
      driver: { region: 3, at: 'region-end' },
      device: { region: 4, at: 'region-end' },
    } as const;
    const all = [
      { key: 'contiguous', placement: 'contiguous' } as const,
      { key: 'apart', placement: 'apart' } as const,
      { key: 'region-end', placement: 'region-end' } as const,
      { key: 'backwards', placement: backwards },
      { key: 'one-region-each', placement: oneRegionEach },
      { key: 'smallest-alignment', placement: smallestAlignment },
      { key: 'ends-of-regions', placement: ends },
    ];
    void context.guest;
    context.points(all, ({ key, placement }) => {
      const { session, driver, queue } = runningQueue(context, { size: 8, placement });
      for (const seed of [1, 2, 3, 4, 5]) {
        const problem = driver.transfer(queue, { seed });
        check.equal(problem, undefined, `what is wrong with transfer ${seed} of a ring ${key}`);
      }
      session.close();
    });
  },
});

export const queueSizes = defineCase({
  id: 'virtio/split-ring/queue-sizes-are-honoured',
  title: 'queues of each power of two are served, round after round',
  proves: { 'split/queue-size-honoured': ['queue-size-capped', 'queue-size-at-least-four'] },
  // The smallest queues hold no chain but one of one descriptor.
  applies: { start: 'closed', negotiate: ['VIRTIO_F_INDIRECT_DESC'], needs: ['initial-base'], ring: 'split' },
  run(context) {
    const { points, requirement } = context;
    const check = requirement('split/queue-size-honoured');
    const smallest = askedDriver(context, (driver) => driver.request().segments.length);
    const all = Array.from({ length: 16 }, (_, power) => 2 ** power)
      .filter((size) => size >= smallest)
      .map((size) => ({ key: `size=${size}`, size }));
    points(all, ({ key, size }) => {
      // From its last entry on, so that a few chains meet both ends of the ring.
      const { session, driver, ring, queue } = runningQueue(context, {
        size,
        indirect: true,
        position: splitPosition(size - 1),
      });
      for (let slot = 0; slot < size; slot++) ring.setUsedElement(slot, unwritten, unwritten);
      const requests = Array.from({ length: Math.min(size, 8) }, (_, seed) => driver.request({ seed }));
      for (let round = 0; round < 3; round++) {
        const heads = queue.makeAvailable(
          requests.map(({ segments }) => segments),
          { indirect: 'all' },
        );
        const ids = queue.kickAndWaitForUsed(heads.length).map(({ id }) => id);
        if (!check.sameMembers(ids, heads, `ids of round ${round} with ${key}`)) break;
      }
      session.close();
    });
  },
});
