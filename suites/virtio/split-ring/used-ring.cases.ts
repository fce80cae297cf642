import { splitPosition } from '../../../reference-impl/virtqueue/ring.ts';
import { defineCase } from '../../case.ts';
import { stoppedAt } from '../../ring-positions.ts';
import { isLengthOf } from '../used-length.ts';

/** What the device writes into the used ring (virtio 2.7.8). */

export const usedIdxWraps = defineCase({
  id: 'virtio/split-ring/used-idx-wraps-at-65536',
  title: 'used idx counts chains and wraps from 65535 to 0',
  proves: { 'split/used-idx-wraps': 'used-idx-saturates' },
  applies: { start: 'negotiated', needs: ['initial-base'], ring: 'split' },
  variants: { queueSize: [16, 256] },
  run({ driver, ring, variant, requirement }) {
    const queue = driver.attach(ring({ size: variant.queueSize, position: splitPosition(65534) }));
    const requests = [1, 2, 3].map((seed) => driver.request({ seed }));
    queue.makeAvailable(requests.map(({ segments }) => segments));
    queue.kickAndWaitForUsed(requests.length);
    requirement('split/used-idx-wraps').equal(queue.ring.usedIdx(), 1, 'used idx after 3 chains from 65534');
  },
});

export const usedIdIsHead = defineCase({
  id: 'virtio/split-ring/used-id-is-chain-head',
  title: 'the id of a used element is the head of the chain, whatever order its descriptors lie in',
  proves: { 'split/used-id-is-chain-head': 'used-id-is-last-descriptor' },
  applies: { start: 'negotiated' },
  variants: { order: ['ascending', 'descending'] },
  run({ driver, ring, variant, requirement }) {
    const queue = driver.attach(ring({ size: 32 }));
    const requests = [1, 2, 3, 4].map((seed) => driver.request({ seed, descriptors: 5 }));
    const heads = queue.makeAvailable(
      requests.map(({ segments }) => segments),
      { order: variant.order },
    );
    const used = queue.kickAndWaitForUsed(heads.length);
    const ids = used.map(({ id }) => id);
    requirement('split/used-id-is-chain-head').sameMembers(ids, heads, 'ids of the used elements');
  },
});

export const usedLenCountsWrittenBytes = defineCase({
  id: 'virtio/split-ring/used-len-counts-written-bytes',
  title: 'len of a used element is the number of bytes that the device wrote',
  proves: {
    'split/used-len-counts-written-bytes': ['used-len-counts-readable-too', 'block-written-bytes-without-status'],
  },
  applies: { start: 'negotiated' },
  variants: { writableCut: [0, 1, 511] },
  run({ driver, ring, variant, requirement }) {
    const queue = driver.attach(ring({ size: 16 }));
    const { writableCut } = variant;
    const request = driver.request(writableCut === 0 ? {} : { writableCuts: [writableCut, 512 - writableCut] });
    queue.makeAvailable([request.segments]);
    const [used] = queue.kickAndWaitForUsed(1);
    const check = requirement('split/used-len-counts-written-bytes');
    isLengthOf(request, check, queue, used?.len, 'len of the used element');
  },
});

export const usedLenWithinBuffers = defineCase({
  id: 'virtio/split-ring/used-len-is-within-writable-buffers',
  title: 'len of a used element is never more than the writable part of its chain holds',
  proves: { 'split/used-len-bytes-written': 'used-len-beyond-written-bytes' },
  applies: { start: 'negotiated' },
  run({ driver, ring, requirement }) {
    const queue = driver.attach(ring({ size: 32 }));
    const check = requirement('split/used-len-bytes-written');
    const shapes = [{}, { descriptors: 4 }, { writableCuts: [1, 511] }, { descriptors: 6, seed: 4 }];
    for (const [n, shape] of shapes.entries()) {
      const { segments } = driver.request(shape);
      const room = segments.reduce((sum, { length, writable }) => sum + (writable ? length : 0), 0);
      queue.makeAvailable([segments]);
      const [used] = queue.kickAndWaitForUsed(1);
      check.atMost(used?.len ?? 0, room, `len of the used element of request ${n}`);
    }
  },
});

export const untakenAtStop = defineCase({
  id: 'virtio/split-ring/used-ids-at-a-stop-are-those-of-chains',
  title: 'used elements that nobody took when a ring is stopped have the ids of chains that wait, each once',
  proves: { 'split/used-id-is-chain-head': 'stopping-uses-unknown-chain' },
  applies: { start: 'negotiated' },
  variants: { kick: [false, true] },
  run({ driver, ring, variant, requirement }) {
    const check = requirement('split/used-id-is-chain-head');
    const queue = driver.attach(ring({ size: 32 }));
    driver.warmUp(queue);
    const heads = queue.makeAvailable([1, 2, 3].map((seed) => driver.request({ seed }).segments));
    if (variant.kick) queue.kick();
    if (stoppedAt(check, queue.stop(), 'the stop of the ring') === undefined) return;
    const ids = queue.driver.usedIds();
    const known = ids.filter((id, at) => heads.includes(id) && ids.indexOf(id) === at);
    check.sameMembers(ids, known, 'ids in the used elements that nobody took');
  },
});
