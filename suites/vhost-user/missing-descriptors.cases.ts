import { defineCase } from '../case.ts';
import { RingByHand, type Step, waited } from './ring-by-hand.ts';
import { setDescriptor } from './ring-messages.ts';

/** Rings whose call and error descriptors are missing, and come late (vhost-user, SET_VRING_CALL and SET_VRING_ERR). */

const applies = { start: 'negotiated', transports: ['vhost-user'] } as const;

export const withoutCallDescriptor = defineCase({
  id: 'vhost-user/optional/ring-runs-without-call-descriptor',
  title: 'a ring whose SET_VRING_CALL had the no-fd bit starts, and signals a descriptor that comes later',
  proves: {
    'vu-vring/call-without-descriptor-means-no-signals': 'ring-without-call-descriptor-not-started',
    'vu-ring-state/settings-change-while-ring-runs': 'late-call-ignored',
  },
  applies,
  run({ port, session, driver, ring, requirement }) {
    const unsignalled = requirement('vu-vring/call-without-descriptor-means-no-signals');
    const changes = requirement('vu-ring-state/settings-change-while-ring-runs');
    const hand = new RingByHand(port, session, ring({ size: 16 }), { index: driver.queueIndex, call: 'none' });
    driver.companions();
    hand.tell('num', 'base', 'addresses', 'call', 'error', 'kick', 'enable');
    for (const seed of [1, 2]) {
      hand.makeAvailable(driver.request({ seed }).segments);
      hand.kick();
      if (hand.waitForUsed(unsignalled, 1, `chain ${seed} of a ring without a call descriptor`) === undefined) return;
    }
    session.messages.send(setDescriptor('CALL', hand.index, hand.callFd));
    changes.reply(session.messages.fence(), 'GET_FEATURES behind a late SET_VRING_CALL');
    // Some signal each new descriptor at once.
    hand.calls();
    hand.makeAvailable(driver.request({ seed: 3 }).segments);
    hand.kick();
    if (hand.waitForUsed(unsignalled, 1, 'a chain behind a late SET_VRING_CALL') === undefined) return;
    waited(port, changes, 'the descriptor of a late SET_VRING_CALL', 'a signal', () => hand.calls() > 0);
  },
});

const untold = {
  SET_VRING_CALL: ['num', 'base', 'addresses', 'error', 'kick', 'enable'],
  SET_VRING_ERR: ['num', 'base', 'addresses', 'call', 'kick', 'enable'],
  both: ['num', 'base', 'addresses', 'kick', 'enable'],
} as const satisfies Record<string, readonly Step[]>;

export const withoutMessages = defineCase({
  id: 'vhost-user/optional/ring-runs-without-call-and-err-messages',
  title: 'a ring without calls, for which SET_VRING_CALL, SET_VRING_ERR or both never come, starts and uses its chains',
  proves: {
    'vu-vring/ring-runs-without-call-and-err-messages': ['ring-waits-for-call-message', 'ring-waits-for-err-message'],
  },
  applies,
  variants: { without: ['SET_VRING_CALL', 'SET_VRING_ERR', 'both'] },
  run({ port, session, driver, ring, variant, requirement }) {
    const check = requirement('vu-vring/ring-runs-without-call-and-err-messages');
    driver.companions();
    const hand = new RingByHand(port, session, ring({ size: 16 }), { index: driver.queueIndex });
    // A signal that has no descriptor to go to is the matter of the no-fd bit.
    hand.driver.disableCalls();
    hand.tell(...untold[variant.without]);
    for (const seed of [1, 2]) {
      hand.makeAvailable(driver.request({ seed }).segments);
      hand.kick();
      if (hand.waitForUsed(check, 1, `chain ${seed} without ${variant.without}`) === undefined) return;
    }
  },
});
