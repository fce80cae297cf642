import type { RingPosition } from '../../drivers/port/port.ts';
import { decodeVringBase } from '../../reference-impl/wire/vring-base.ts';
import { defineCase } from '../case.ts';
import { settled } from '../ring-positions.ts';
import { baseFrom, RingByHand, type Step } from './ring-by-hand.ts';
import { getBase, setEnable } from './ring-messages.ts';

/** SET_VRING_ENABLE at every place of a ring's life, and rings that need none (vhost-user, "Ring states"). */

const transports = ['vhost-user'] as const;
const offers = ['VHOST_USER_F_PROTOCOL_FEATURES'] as const;
const setUp = ['num', 'base', 'addresses', 'call', 'error', 'kick'] as const satisfies readonly Step[];
const chains = 8;

export const anywhere = defineCase({
  id: 'vhost-user/ring-enable/enabling-amid-the-set-up-takes-effect-at-the-start',
  title: 'SET_VRING_ENABLE 1 before any of the messages that set a ring up is in force when the ring starts',
  proves: {
    'vu-ring-state/enable-state-tracked-while-stopped': [
      'base-disables-ring',
      'addresses-disable-ring',
      'call-disables-ring',
      'err-disables-ring',
    ],
  },
  applies: { start: 'negotiated', transports, offers },
  variants: { before: ['base', 'addresses', 'call', 'error', 'kick'] },
  run({ port, session, driver, ring, variant, requirement }) {
    const check = requirement('vu-ring-state/enable-state-tracked-while-stopped');
    driver.companions();
    const hand = new RingByHand(port, session, ring({ size: 16 }), { index: driver.queueIndex });
    hand.tell(...setUp.flatMap((step) => (step === variant.before ? (['enable', step] as const) : [step])));
    hand.makeAvailable(driver.request().segments);
    hand.kick();
    hand.waitForUsed(check, 1, `a chain on a ring that was enabled before its ${variant.before} was told`);
  },
});

export const toggled = defineCase({
  id: 'vhost-user/ring-enable/ring-that-is-toggled-serves-what-is-outstanding',
  title: 'chains that wait, or are under way, while a ring is disabled and enabled again are each used once',
  proves: {
    'vu-ring-state/enabled-ring-handles-every-request': [
      'enabling-skips-waiting-chains',
      'enabling-repeats-last-chain',
    ],
  },
  applies: { start: 'negotiated', transports, offers },
  variants: { kick: ['before', 'in-between'] },
  run({ session, driver, ring, variant, requirement }) {
    const check = requirement('vu-ring-state/enabled-ring-handles-every-request');
    const queue = driver.attach(ring({ size: 64 }));
    driver.warmUp(queue);
    const [disable, enable] = [0, 1].map((num) => setEnable(queue.index, num));
    if (disable === undefined || enable === undefined) return;
    for (const round of [1, 2, 3]) {
      const requests = Array.from({ length: chains }, (_, seed) => driver.request({ seed }).segments);
      if (variant.kick === 'in-between') session.messages.send(disable);
      const heads = queue.makeAvailable(requests);
      queue.kick();
      if (variant.kick === 'before') session.messages.send(disable);
      session.messages.send(enable);
      const used = queue.waitForUsed(chains).map(({ id }) => id);
      if (!check.sameMembers(used, heads, `chains used in round ${round}`)) return;
    }
    check.reply(session.messages.fence(), 'GET_FEATURES');
    check.equal(queue.usedCount(), 1 + 3 * chains, 'used elements in all');
  },
});

export const restartsEnabled = defineCase({
  id: 'vhost-user/ring-enable/ring-restarts-enabled-without-protocol-features',
  title: 'without bit 30 a ring that stopped and starts again is enabled, each time',
  proves: {
    'vu-ring-state/rings-enabled-without-protocol-features': 'stopping-disables-without-protocol-features',
  },
  applies: { start: 'negotiated', transports, without: offers },
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-ring-state/rings-enabled-without-protocol-features');
    driver.companions();
    const index = driver.queueIndex;
    const vring = ring({ size: 16 });
    let position: RingPosition = vring.position;
    for (const life of [1, 2, 3]) {
      const hand = new RingByHand(port, session, vring, { index, position });
      hand.tell(...setUp);
      hand.makeAvailable(driver.request({ seed: life }).segments);
      hand.kick();
      if (hand.waitForUsed(check, 1, `a chain of life ${life}`) === undefined) return;
      const base = baseFrom(check, getBase(session, index), 'GET_VRING_BASE');
      if (base === undefined) return;
      position = settled(decodeVringBase(vring.layout, base));
    }
  },
});
