import { evenCuts } from '../../../drivers/devices/request.ts';
import { defineCase } from '../../case.ts';
import { askedDriver, presumesService, runningQueue } from '../running-queue.ts';

/** How a request is cut into descriptors says nothing (virtio 2.7.4), and where descriptors lie neither (2.7.5). */

export const everyEdge = defineCase({
  id: 'virtio/split-ring/any-framing-is-handled-alike',
  title: 'header, data and status cut into descriptors at every edge, or into many: the data arrives and comes back',
  proves: { 'split/any-framing-handled': ['second-descriptor-ignored', 'block-header-from-first-descriptor'] },
  applies: { start: 'closed' },
  run(context) {
    const { points, requirement } = context;
    const check = requirement('split/any-framing-handled');
    presumesService(context, check);
    const { header, readable, writable } = askedDriver(context, (driver) => driver.transferSizes());
    const edges = (total: number): number[] =>
      [...new Set([1, header - 1, header, header + 1, total - 2, total - 1])].filter((cut) => cut > 0 && cut < total);
    const all = [
      { key: 'uncut', readableCuts: [], writableCuts: [] },
      ...edges(readable).map((cut) => ({ key: `readable=${cut}`, readableCuts: [cut], writableCuts: [] })),
      ...edges(writable).map((cut) => ({ key: `writable=${cut}`, readableCuts: [], writableCuts: [cut] })),
      { key: 'readable-header-bytewise', readableCuts: new Array<number>(header).fill(1), writableCuts: [] },
      { key: 'writable-start-bytewise', readableCuts: [], writableCuts: new Array<number>(header).fill(1) },
      // A device may limit the length of a chain, reasonably (2.7.4.1): none of these has many descriptors.
      ...[5, 8].map((count) => ({
        key: `even=${count}`,
        readableCuts: evenCuts(readable, count),
        writableCuts: evenCuts(writable, count),
      })),
    ];
    points(all, ({ key, readableCuts, writableCuts }) => {
      const { session, driver, queue } = runningQueue(context, { size: 64 });
      const problem = driver.transfer(queue, { readableCuts, writableCuts });
      check.equal(problem, undefined, `what is wrong with a transfer cut ${key}`);
      session.close();
    });
  },
});

export const followsNext = defineCase({
  id: 'virtio/split-ring/chain-follows-next',
  title: 'the descriptors of a chain are found by their next fields, in whatever order they lie in the table',
  proves: { 'split/chain-follows-next': 'chain-walked-in-table-order' },
  applies: { start: 'negotiated', ring: 'split' },
  variants: { order: ['ascending', 'descending', 'scattered'] },
  unwatched: 'it writes the descriptor table or the available ring itself',
  run({ driver, ring, variant, requirement }) {
    const queue = driver.attach(ring({ size: 32 }));
    const request = driver.request({ descriptors: 7 });
    const { segments } = request;
    queue.driver.add(segments);
    // The driver side has laid them out from 0 up; they move before they are shown.
    const laidOut = segments.map((_, at) => queue.ring.readDescriptor(at));
    const places = segments.map((_, at) => {
      if (variant.order === 'ascending') return at + 9;
      return variant.order === 'descending' ? segments.length - 1 - at : (7 + 11 * at) % 32;
    });
    for (const at of segments.keys()) queue.ring.setDescriptor(at, 0n, 0, 0, 0);
    for (const [at, { addr, len, flags }] of laidOut.entries()) {
      queue.ring.setDescriptor(places[at] ?? 0, addr, len, flags, places[at + 1] ?? 0);
    }
    queue.ring.setAvailHead(0, places[0] ?? 0);
    queue.driver.publish();
    queue.kickAndWaitForUsed(1);
    const check = requirement('split/chain-follows-next');
    check.equal(request.problem(), undefined, 'what is wrong with the request');
  },
});

export const longestChain = defineCase({
  id: 'virtio/split-ring/chain-as-long-as-the-queue',
  title: 'a chain that takes every descriptor of the queue is served, and the descriptors serve again',
  proves: { 'split/chain-as-long-as-queue-served': 'chain-of-whole-queue-refused' },
  applies: { start: 'negotiated' },
  variants: { queueSize: [4, 16, 64] },
  run({ driver, ring, variant, requirement }) {
    const queue = driver.attach(ring({ size: variant.queueSize }));
    const check = requirement('split/chain-as-long-as-queue-served');
    for (const seed of [1, 2, 3]) {
      const problem = driver.once(queue, { seed, descriptors: variant.queueSize });
      check.equal(problem, undefined, `what is wrong with request ${seed} in ${variant.queueSize} descriptors`);
    }
  },
});
