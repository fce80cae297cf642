import { type RingPosition, splitPosition } from '../../reference-impl/virtqueue/ring.ts';
import type { Segment } from '../../reference-impl/virtqueue/segment.ts';
import { decodeVringBase } from '../../reference-impl/wire/vring-base.ts';
import { defineCase } from '../case.ts';
import { sameStop, settled, stoppedAt } from '../ring-positions.ts';
import { Tally } from '../tally.ts';
import { baseFrom, RingByHand } from './ring-by-hand.ts';
import { getBase, setBase, setNum } from './ring-messages.ts';
import { StopsUnderWay } from './stops-under-way.ts';

/** SET_VRING_BASE and GET_VRING_BASE of split rings (vhost-user, "Vring descriptor indices", "Ring states"). */

const transports = ['vhost-user'] as const;
/** Stops of a ring with requests under way, as far as the time suffices; further ones where something was seen that may be chance. */
const enough = { rounds: 200, ms: 6000 };
const most = { rounds: 600, ms: 15_000 };

export const baseIsNextAvailable = defineCase({
  id: 'vhost-user/vring-base/base-is-next-available-index',
  title: 'GET_VRING_BASE of a ring that has nothing left to do tells the index behind the last chain',
  proves: { 'vu-vring/base-is-next-available-index': ['base-off-by-one', 'base-of-last-request'] },
  applies: { start: 'negotiated', transports, needs: ['initial-base'], ring: 'split' },
  variants: { base: [0, 1, 255, 256, 32766, 65533, 65535] },
  run({ session, driver, ring, variant, requirement }) {
    const check = requirement('vu-vring/base-is-next-available-index');
    const queue = driver.attach(ring({ size: 16, position: splitPosition(variant.base) }));
    for (let seed = 0; seed < 4; seed++) driver.warmUp(queue, { seed });
    const base = baseFrom(check, getBase(session, queue.index), 'GET_VRING_BASE after 4 chains');
    if (base !== undefined)
      check.equal(base & 0xffff, (variant.base + 4) & 0xffff, `base after 4 from ${variant.base}`);
  },
});

export const baseAfterStop = defineCase({
  id: 'vhost-user/vring-base/base-stays-while-stopped',
  title: 'GET_VRING_BASE tells the same base again, though more chains were made available meanwhile',
  proves: { 'vu-vring/base-is-next-available-index': ['base-off-by-one', 'base-of-last-request'] },
  applies: { start: 'negotiated', transports },
  run({ driver, ring, requirement }) {
    const check = requirement('vu-vring/base-is-next-available-index');
    const queue = driver.attach(ring({ size: 16 }));
    for (const seed of [1, 2, 3]) driver.warmUp(queue, { seed });
    const first = stoppedAt(check, queue.stop(), 'the first GET_VRING_BASE');
    const reached = queue.driver.position;
    queue.makeAvailable([driver.request().segments, driver.request().segments]);
    const second = stoppedAt(check, queue.stop(), 'the second GET_VRING_BASE');
    if (first === undefined || second === undefined) return;
    sameStop(check, first, reached, 'where the ring stands after 3 chains');
    sameStop(check, second, reached, 'the same when asked again with 2 chains waiting');
  },
});

export const requestNumMeansNothing = defineCase({
  id: 'vhost-user/vring-base/num-of-the-request-means-nothing',
  title: 'what stands in the num field of GET_VRING_BASE has no effect on the base that is told',
  proves: { 'vu-vring/base-is-next-available-index': ['base-off-by-one', 'base-of-other-ring'] },
  applies: { start: 'closed', transports },
  run({ connect, driverOf, ring, points, requirement }) {
    const check = requirement('vu-vring/base-is-next-available-index');
    const all = [1, 7, 0xffff, 0x1_0000, 0xffff_ffff].map((num) => ({ key: `num=${num}`, num }));
    points(all, ({ key, num }) => {
      const session = connect('negotiated');
      const driver = driverOf(session);
      const queue = driver.attach(ring({ size: 16 }));
      for (const seed of [1, 2]) driver.warmUp(queue, { seed });
      const told = getBase(session, queue.index, num);
      const base = baseFrom(check, told, `GET_VRING_BASE with ${key}`);
      if (base !== undefined) {
        const position = decodeVringBase(queue.ring.layout, base);
        sameStop(check, position, queue.driver.position, `where the ring stands after 2 chains, asked with ${key}`);
      }
      if (told.kind === 'base') check.equal(told.index, queue.index, 'the ring that the reply names');
      session.close();
    });
  },
});

export const upperBitsZero = defineCase({
  id: 'vhost-user/vring-base/upper-16-bits-are-zero',
  title: 'the upper 16 bits of the base of a split ring are zero, also behind the wrap of the index',
  proves: { 'vu-vring/base-upper-bits-zero': 'base-with-upper-bits' },
  applies: { start: 'negotiated', transports, needs: ['initial-base'], ring: 'split' },
  variants: { base: [0, 32766, 65534] },
  run({ session, driver, ring, variant, requirement }) {
    const check = requirement('vu-vring/base-upper-bits-zero');
    const queue = driver.attach(ring({ size: 16, position: splitPosition(variant.base) }));
    for (const seed of [1, 2, 3, 4]) driver.warmUp(queue, { seed });
    const base = baseFrom(check, getBase(session, queue.index), 'GET_VRING_BASE after 4 chains');
    if (base !== undefined) check.equal(base >>> 16, 0, `upper half of the base ${base}`);
  },
});

export const drains = defineCase({
  id: 'vhost-user/vring-base/requests-in-flight-are-completed-first',
  title: 'behind the answer to GET_VRING_BASE all chains in front of the base are used, and none behind it',
  proves: {
    'vu-vring/get-vring-base-drains-ring': 'last-request-completed-after-stop',
    'vu-vring/base-is-next-available-index': 'base-of-last-request',
    'vu-ring-state/stopped-ring-not-processed': 'stopped-ring-completes-requests',
  },
  applies: { start: 'closed', transports },
  variants: { chains: [8] },
  run(context) {
    const drained = new Tally(
      context.requirement('vu-vring/get-vring-base-drains-ring'),
      'where used elements end at the answer to GET_VRING_BASE',
    );
    const told = new Tally(
      context.requirement('vu-vring/base-is-next-available-index'),
      'where used elements end at the answer to GET_VRING_BASE',
    );
    const stopped = new Tally(
      context.requirement('vu-ring-state/stopped-ring-not-processed'),
      'where used elements end behind a GET_FEATURES that follows',
    );
    const all = [drained, told, stopped];
    const stops = new StopsUnderWay(context, context.variant.chains);
    const began = context.port.nowMs();
    let round = 0;
    const reached = ({ rounds, ms }: typeof most): boolean => round >= rounds || context.port.nowMs() - began >= ms;
    // The message meets the requests before, while or after they are under way: many rounds meet all of that.
    while (!all.some(({ isCertain }) => isCertain) && !reached(all.some(({ isOpen }) => isOpen) ? most : enough)) {
      round++;
      const stop = stops.next(drained.check, round % 2 === 0 ? 'few' : 'many');
      if (stop.unused > 0) drained.see(round, `not before ${stop.told}`, stop.end);
      if (stop.tooMany > 0) told.see(round, `not behind ${stop.told}`, stop.end);
      if (stop.later > 0) stopped.see(round, `not behind ${stop.told}`, stop.endBehindFence);
    }
    for (const tally of all) tally.conclude(round);
  },
});

export const usedIndexFromMemory = defineCase({
  id: 'vhost-user/vring-base/used-index-comes-from-memory',
  title: 'a ring that starts puts its first used element where the used idx in memory points',
  proves: { 'vu-vring/used-index-read-from-memory': ['used-idx-begins-at-0', 'used-idx-begins-at-base'] },
  applies: { start: 'negotiated', transports, needs: ['initial-base'], ring: 'split' },
  variants: { base: [100, 65535], behind: [0, 3] },
  run({ port, session, driver, ring, variant, requirement }) {
    const check = requirement('vu-vring/used-index-read-from-memory');
    const usedIdx = (variant.base - variant.behind) & 0xffff;
    const vring = ring({ size: 16, position: splitPosition(usedIdx) });
    for (let slot = 0; slot < 16; slot++) vring.setUsedElement(slot, 0xdead, 0xdead);
    driver.companions();
    const hand = new RingByHand(port, session, vring, { index: driver.queueIndex });
    const chain = (seed: number): readonly Segment[] => driver.request({ seed }).segments;
    // Chains that a back-end took and did not use before it stopped lie there whole: one that takes them again uses them.
    if (variant.behind > 0) hand.makeAvailable(...Array.from({ length: variant.behind }, (_, seed) => chain(seed)));
    session.messages.send(setBase(hand.index, variant.base));
    hand.tell('num', 'addresses', 'call', 'error', 'kick', 'enable');
    const [head] = hand.makeAvailable(chain(variant.behind));
    hand.kick();
    port.until(() => vring.usedIdx() !== usedIdx, port.deadlineMs);
    // Behind the fence nothing more comes.
    getBase(session, hand.index);
    const slot = usedIdx & 15;
    if (!check.equal(vring.usedElement(slot).id, head, `id in the used element of idx ${usedIdx}`)) return;
    check.equal(vring.usedIdx(), (usedIdx + 1) & 0xffff, `used idx after one chain from ${usedIdx}`);
  },
});

export const resumes = defineCase({
  id: 'vhost-user/vring-base/saved-base-resumes',
  title: 'a new connection that sets the base of the last one goes on with no chain lost and none done twice',
  proves: { 'vu-vring/resume-from-saved-base': ['set-base-ignored', 'base-taken-from-used-idx'] },
  applies: { start: 'closed', transports, ring: 'split' },
  variants: { sessions: [2, 5], base: [0, 65530] },
  run({ connect, driverOf, ring, variant, requirement }) {
    const check = requirement('vu-vring/resume-from-saved-base');
    const vring = ring({ size: 16, position: splitPosition(variant.base) });
    let position: RingPosition = vring.position;
    for (let round = 0; round < variant.sessions; round++) {
      const session = connect('negotiated');
      const driver = driverOf(session);
      const queue = driver.attach(vring, { position });
      for (const seed of [1, 2, 3]) {
        const problem = driver.once(queue, { seed: 10 * round + seed });
        check.equal(problem, undefined, `what is wrong with request ${seed} of session ${round + 1}`);
      }
      const saved = stoppedAt(check, queue.stop(), `GET_VRING_BASE of session ${round + 1}`);
      session.close();
      if (saved === undefined) return;
      position = settled(saved);
      check.equal(queue.usedCount(), 3, `used elements of session ${round + 1}`);
    }
  },
});

export const unstartedRing = defineCase({
  id: 'vhost-user/vring-base/unstarted-ring-tells-the-base-that-was-set',
  title: 'GET_VRING_BASE of a ring that never started tells the base that SET_VRING_BASE set',
  proves: {
    'vu-vring/get-vring-base-of-unstarted-ring-answered': [
      'unstarted-ring-base-unanswered',
      'unstarted-ring-base-forgotten',
    ],
  },
  applies: { start: 'negotiated', transports, needs: ['initial-base'], ring: 'none' },
  variants: { base: [0, 1, 7, 32768, 65535] },
  run({ session, driver, variant, requirement }) {
    const check = requirement('vu-vring/get-vring-base-of-unstarted-ring-answered');
    const index = driver.queueIndex;
    session.messages.send(setNum(index, 16));
    session.messages.send(setBase(index, variant.base));
    const base = baseFrom(check, getBase(session, index), 'GET_VRING_BASE of a ring that never started');
    if (base !== undefined) check.equal(base, variant.base, 'base');
  },
});
