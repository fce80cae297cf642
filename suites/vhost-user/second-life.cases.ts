import type { GuestRing, RingPosition } from '../../drivers/port/port.ts';
import { positionBeforeWrap, splitPosition, startPosition } from '../../reference-impl/virtqueue/ring.ts';
import { decodeVringBase } from '../../reference-impl/wire/vring-base.ts';
import { type CaseContext, defineCase, type VariantAxes } from '../case.ts';
import type { Check } from '../check.ts';
import { settled } from '../ring-positions.ts';
import { ends, type LivesContext, serves } from './lives.ts';
import { baseFrom, RingByHand } from './ring-by-hand.ts';
import { getBase } from './ring-messages.ts';

/** Rings that stop, and start again as something else: nothing of an earlier life is left but the device. */

const transports = ['vhost-user'] as const;
const applies = { start: 'negotiated', transports } as const;
const size = 16;

/** What the next life of a ring is, given the ring of the first one. */
type NextLife = (
  ring: CaseContext<string, VariantAxes>['ring'],
  first: GuestRing,
) => { readonly ring: GuestRing; readonly position?: RingPosition };

const nextLives = {
  zeroed: (_, first) => {
    first.reset();
    return { ring: first };
  },
  elsewhere: (ring) => ({ ring: ring({ size }) }),
  larger: (ring) => ({ ring: ring({ size: 4 * size }) }),
  smaller: (ring) => ({ ring: ring({ size: 8 }) }),
} as const satisfies Record<string, NextLife>;
const nextLifeNames = Object.keys(nextLives) as (keyof typeof nextLives)[];

/** One life after the other on the same queue, each with more requests than its ring has entries. */
function livesAnew(
  context: LivesContext & Pick<CaseContext<string, VariantAxes>, 'ring'>,
  check: Check,
  next: NextLife,
): void {
  const { driver, ring } = context;
  const first = ring({ size });
  let queue = driver.attach(first);
  if (!serves(context, check, queue, 5, 'first life')) return;
  for (const life of ['second life', 'third life']) {
    if (!ends(check, queue, `life before the ${life}`)) return;
    const { ring: again, position } = next(ring, first);
    queue = driver.attach(again, position === undefined ? {} : { position });
    if (!serves(context, check, queue, again.size + 3, life)) return;
  }
}

export const setUpAnew = defineCase({
  id: 'vhost-user/second-life/ring-set-up-anew-is-the-one-that-was-told',
  title: 'a ring that stopped and is told of anew, zeroed, elsewhere or of another size, starts as it was told',
  proves: {
    'vu-vring/told-anew-counts-at-next-start': [
      'ring-size-of-first-life-kept',
      'ring-addresses-of-first-life-kept',
      'ring-base-of-first-life-kept',
    ],
  },
  applies,
  variants: { next: nextLifeNames },
  run(context) {
    const check = context.requirement('vu-vring/told-anew-counts-at-next-start');
    livesAnew(context, check, nextLives[context.variant.next]);
  },
});

export const setUpElsewhere = defineCase({
  id: 'vhost-user/second-life/ring-set-up-anew-begins-at-its-base',
  title: 'a ring that stopped starts at the base that it is told of next, behind or ahead of where it stopped',
  proves: { 'vu-vring/told-anew-counts-at-next-start': 'ring-base-of-first-life-kept' },
  applies: { ...applies, needs: ['initial-base'] },
  run(context) {
    const check = context.requirement('vu-vring/told-anew-counts-at-next-start');
    livesAnew(context, check, (ring) => {
      const position = positionBeforeWrap(context.driver.layout, size, 4);
      return { ring: ring({ size, position }), position };
    });
  },
});

export const usedIdxForgotten = defineCase({
  id: 'vhost-user/second-life/used-index-of-an-earlier-life-is-forgotten',
  title: 'a ring that is zeroed between two lives has its first used element at its start',
  proves: { 'vu-vring/used-index-read-from-memory': 'used-position-outlives-ring' },
  applies,
  variants: { requests: [1, 3, size] },
  run(context) {
    const check = context.requirement('vu-vring/used-index-read-from-memory');
    const { driver, ring, variant } = context;
    const vring = ring({ size });
    let queue = driver.attach(vring);
    for (const life of ['first life', 'second life', 'third life']) {
      if (!serves(context, check, queue, variant.requests, life)) return;
      if (!ends(check, queue, life)) return;
      vring.reset();
      queue = driver.attach(vring);
    }
  },
});

export const usedIdxAtStart = defineCase({
  id: 'vhost-user/second-life/used-index-is-read-when-the-ring-starts',
  title: 'the used idx counts that memory holds when a ring starts, not the one when its addresses were told',
  proves: { 'vu-vring/used-index-read-when-ring-starts': 'used-idx-read-with-addresses' },
  applies: { ...applies, needs: ['initial-base'], ring: 'split' },
  variants: { life: [1, 2] },
  run({ port, session, driver, ring, variant, requirement }) {
    const check = requirement('vu-vring/used-index-read-when-ring-starts');
    driver.companions();
    const index = driver.queueIndex;
    for (let life = 1; life <= variant.life; life++) {
      const vring = ring({ size, position: splitPosition(100) });
      vring.setUsedIdx(40);
      const hand = new RingByHand(port, session, vring, { index, position: splitPosition(100, 97) });
      hand.tell('num', 'base', 'addresses', 'error');
      check.reply(session.messages.fence(), 'GET_FEATURES');
      vring.setUsedIdx(97);
      for (let slot = 0; slot < size; slot++) vring.setUsedElement(slot, 0xdead, 0xdead);
      hand.tell('call', 'kick', 'enable');
      const [head] = hand.makeAvailable(driver.request({ seed: life }).segments);
      hand.kick();
      const used = hand.waitForUsed(check, 1, `a chain of life ${life}`)?.[0];
      if (used === undefined) return;
      check.equal(used.id, head, 'the id in the used element at idx 97');
      if (baseFrom(check, getBase(session, index), 'GET_VRING_BASE') === undefined) return;
    }
  },
});

export const baseWhereUsedLags = defineCase({
  id: 'vhost-user/second-life/base-counts-chains-where-used-idx-lags',
  title:
    'a ring at base 100 whose used idx is 97 tells the base 101 after one chain, in its first life and the next one',
  proves: { 'vu-vring/base-is-next-available-index': 'base-is-used-idx' },
  applies: { ...applies, needs: ['initial-base'], ring: 'split' },
  variants: { base: [100, 65535] },
  run({ port, session, driver, ring, variant, requirement }) {
    const check = requirement('vu-vring/base-is-next-available-index');
    driver.companions();
    const index = driver.queueIndex;
    const position = splitPosition(variant.base, (variant.base - 3) & 0xffff);
    const vring = ring({ size, position });
    for (const life of [1, 2]) {
      vring.reset(position);
      const hand = new RingByHand(port, session, vring, { index, position });
      hand.tell('num', 'base', 'addresses', 'call', 'error', 'kick', 'enable');
      hand.makeAvailable(driver.request({ seed: life }).segments);
      hand.kick();
      if (hand.waitForUsed(check, 1, `a chain of life ${life}`) === undefined) return;
      const base = baseFrom(check, getBase(session, index), 'GET_VRING_BASE');
      if (base === undefined) return;
      // One that begins at the used idx serves what lay there before: where it stops depends on how far it came.
      check.presumes(hand.usedCount() === 1, 'a ring begins at the base that was set, though its used idx is another');
      check.equal(base & 0xffff, (variant.base + 1) & 0xffff, `base after one chain from ${variant.base}`);
    }
  },
});

export const waitingChains = defineCase({
  id: 'vhost-user/second-life/waiting-chains-are-served-at-every-start',
  title: 'chains that wait when a ring starts are served without a kick, at its first start and at each later one',
  proves: { 'vu-ring-state/start-does-not-wait-for-kick': 'later-starts-wait-for-kick' },
  applies,
  variants: { ring: ['the same', 'zeroed'] },
  run({ port, session, driver, ring, variant, requirement }) {
    const check = requirement('vu-ring-state/start-does-not-wait-for-kick');
    driver.companions();
    const index = driver.queueIndex;
    const vring = ring({ size });
    let position: RingPosition = vring.position;
    for (let life = 1; life <= 4; life++) {
      const hand = new RingByHand(port, session, vring, { index, position });
      hand.makeAvailable(driver.request({ seed: life }).segments, driver.request({ seed: life + 10 }).segments);
      hand.tell('num', 'base', 'addresses', 'call', 'error', 'kick', 'enable');
      if (hand.waitForUsed(check, 2, `two chains that were there before start ${life}`) === undefined) return;
      const base = baseFrom(check, getBase(session, index), 'GET_VRING_BASE');
      if (base === undefined) return;
      position = settled(decodeVringBase(vring.layout, base));
      if (variant.ring === 'the same') continue;
      vring.reset();
      position = startPosition(vring.layout);
    }
  },
});
