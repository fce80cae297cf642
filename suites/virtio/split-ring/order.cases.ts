import { splitPosition } from '../../../reference-impl/virtqueue/ring.ts';
import { defineCase } from '../../case.ts';
import { fitting } from '../small-ring.ts';

/** Which used element is written where, how often and when (virtio 2.7.8). */

const unwritten = 0xffff_ffff;

export const position = defineCase({
  id: 'virtio/split-ring/used-element-position',
  title: 'the used element of the nth chain lies at n modulo the queue size, and no other element changes',
  proves: { 'split/used-element-position': 'used-element-in-slot-of-head' },
  applies: { start: 'negotiated', needs: ['initial-base'], ring: 'split' },
  variants: { base: [0, 5, 65533] },
  run({ driver, ring, variant, requirement }) {
    const size = 4;
    const queue = driver.attach(ring({ size, position: splitPosition(variant.base) }));
    const check = requirement('split/used-element-position');
    for (let n = 0; n < 10; n++) {
      for (let slot = 0; slot < size; slot++) queue.ring.setUsedElement(slot, unwritten, unwritten);
      const [head] = queue.makeAvailable([driver.request({ seed: n }).segments]);
      queue.kickAndWaitForUsed(1);
      const expected = (variant.base + n) % size;
      const ids = Array.from({ length: size }, (_, slot) => queue.ring.usedId(slot));
      const wanted = ids.map((_, slot) => (slot === expected ? (head ?? 0) : unwritten));
      if (!check.sameSequence(ids, wanted, `ids of all elements after chain ${n}`)) return;
    }
  },
});

export const elementBeforeIdx = defineCase({
  id: 'virtio/split-ring/used-element-before-used-idx',
  title: 'whenever used idx has moved past an element, id and len of that element are there',
  proves: { 'split/used-len-before-used-idx': ['used-idx-before-used-element', 'used-element-stored-behind-idx'] },
  applies: { start: 'negotiated', ring: 'split' },
  run({ port, driver, ring, requirement }) {
    const size = 8;
    const queue = driver.attach(ring({ size }));
    const check = requirement('split/used-len-before-used-idx');
    for (let round = 0; round < 16; round++) {
      for (let slot = 0; slot < size; slot++) queue.ring.setUsedElement(slot, unwritten, unwritten);
      const before = queue.ring.usedIdx();
      const requests = [0, 1].map((seed) => driver.request({ seed }));
      queue.makeAvailable(requests.map(({ segments }) => segments));
      queue.kick();
      // Looks as early as it can, by itself, before it leaves the processor for the call.
      for (let n = 0; n < 2000 && queue.ring.usedIdx() === before; n++);
      let seen = before;
      let complete = true;
      const look = (): boolean => {
        const idx = queue.ring.usedIdx();
        for (; seen !== idx; seen = (seen + 1) & 0xffff) {
          const { id, len } = queue.ring.usedElement(seen % size);
          if (id === unwritten || len === unwritten) complete = false;
        }
        return seen === ((before + requests.length) & 0xffff);
      };
      if (!look()) port.until(look, port.deadlineMs);
      check.equal(complete, true, `in round ${round} each element is written before the idx moves past it`);
      if (!complete) return;
      queue.waitForUsed(requests.length);
    }
  },
});

export const usedOnce = defineCase({
  id: 'virtio/split-ring/each-chain-used-once',
  title: 'each chain becomes used exactly once, one by one or many for one idx update, until the ring was full often',
  proves: { 'split/chain-used-once': 'chain-used-twice' },
  applies: { start: 'negotiated' },
  variants: { batch: [1, 3, 16] },
  run({ driver, ring, variant, requirement }) {
    const queue = driver.attach(ring({ size: 64 }));
    const check = requirement('split/chain-used-once');
    const rounds = variant.batch === 16 ? 12 : 40;
    for (let round = 0; round < rounds; round++) {
      const requests = Array.from({ length: variant.batch }, (_, at) => driver.request({ seed: at, descriptors: 4 }));
      const heads = queue.makeAvailable(requests.map(({ segments }) => segments));
      const used = queue.kickAndWaitForUsed(heads.length);
      const ids = used.map(({ id }) => id);
      if (!check.sameMembers(ids, heads, `ids of round ${round}`)) return;
    }
    const stopped = queue.stop();
    if (check.answered(stopped, 'the ring stops', 'a position')) {
      check.equal(queue.driver.usedCount(), 0, 'used elements beyond those of the chains');
    }
  },
});

export const ringFull = defineCase({
  id: 'virtio/split-ring/full-ring-is-served',
  title: 'as many chains as the queue has entries, shown at once, are all used, round after round',
  proves: { 'split/chain-used-once': 'full-ring-taken-for-empty' },
  // A chain for each entry needs chains of one descriptor.
  applies: { start: 'negotiated', negotiate: ['VIRTIO_F_INDIRECT_DESC'] },
  variants: { queueSize: [2, 16, 64] },
  run({ driver, ring, variant, requirement }) {
    const queue = driver.attach(ring({ size: variant.queueSize }), { indirect: true });
    const check = requirement('split/chain-used-once');
    const shape = fitting(variant.queueSize);
    const requests = Array.from({ length: variant.queueSize }, (_, seed) => driver.request({ seed, ...shape }));
    // Few enough frames for a network device that keeps those for which there is no receive buffer.
    for (let round = 0; round < 3; round++) {
      const heads = queue.makeAvailable(
        requests.map(({ segments }) => segments),
        { indirect: 'all' },
      );
      const used = queue.kickAndWaitForUsed(heads.length);
      const ids = used.map(({ id }) => id);
      check.sameMembers(ids, heads, `ids of round ${round}`);
    }
  },
});
