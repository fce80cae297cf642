import { seenWithinMs } from '../../judging/deadline.ts';
import { splitPosition } from '../../reference-impl/virtqueue/ring.ts';
import type { Segment } from '../../reference-impl/virtqueue/segment.ts';
import { decodeVringBase } from '../../reference-impl/wire/vring-base.ts';
import { defineCase } from '../case.ts';
import { sameStop, settled, stoppedAt } from '../ring-positions.ts';
import { fitting } from '../virtio/small-ring.ts';
import { baseFrom, RingByHand, waited } from './ring-by-hand.ts';
import { getBase } from './ring-messages.ts';
import { judgesDisabled, WatchedDisk } from './unwanted-writes.ts';

/** Starting and stopping of rings (vhost-user, "Ring states"). */

const transports = ['vhost-user'] as const;
const protocolFeatures = 1n << 30n;

export const startStopped = defineCase({
  id: 'vhost-user/ring-state/ring-without-kick-message-is-not-processed',
  title: 'a ring of which all is told but SET_VRING_KICK, and that is enabled, is not processed',
  proves: { 'vu-ring-state/rings-start-stopped-and-disabled': 'ring-starts-with-its-addresses' },
  applies: { start: 'negotiated', transports },
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-ring-state/rings-start-stopped-and-disabled');
    driver.companions();
    const hand = new RingByHand(port, session, ring({ size: 16 }), { index: driver.queueIndex });
    hand.makeAvailable(driver.request().segments);
    hand.tell('num', 'base', 'addresses', 'call', 'error', 'enable');
    check.reply(session.messages.fence(), 'GET_FEATURES');
    check.equal(hand.usedCount(), 0, 'used idx of a ring that was never started');
    check.isBesideText = true;
    const base = baseFrom(check, getBase(session, hand.index), 'GET_VRING_BASE');
    const what = 'where a ring that was never started goes on';
    if (base !== undefined) sameStop(check, decodeVringBase(hand.ring.layout, base), hand.ring.position, what);
  },
});

export const startDisabled = defineCase({
  id: 'vhost-user/ring-state/ring-is-disabled-when-it-starts-first',
  title: 'with protocol features a write on a ring that was never enabled does not reach the disk',
  proves: {
    'vu-ring-state/rings-start-stopped-and-disabled': ['rings-begin-enabled', 'rings-enabled-with-protocol-features'],
    'vu-ring-state/disabled-ring-has-no-side-effects': 'enable-state-ignored',
  },
  applies: { start: 'negotiated', transports, offers: ['VHOST_USER_F_PROTOCOL_FEATURES'], devices: ['block'] },
  run({ session, driver, ring, requirement }) {
    const check = requirement('vu-ring-state/rings-start-stopped-and-disabled');
    const disabled = requirement('vu-ring-state/disabled-ring-has-no-side-effects');
    const disk = new WatchedDisk(session, driver, driver.attach(ring({ size: 16 }), { index: 1 }));
    const queue = driver.attach(ring({ size: 16 }), { enable: false });
    const write = (segments: readonly Segment[]): void => {
      queue.makeAvailable([segments]);
      queue.kick();
    };
    const first = disk.after(check, 0x5a, write);
    judgesDisabled(check, disabled, 'the sector after a write on a ring that was never enabled', first, () => {
      queue.setEnabled(false);
      return disk.after(disabled, 0x6b, write);
    });
  },
});

export const disableTracked = defineCase({
  id: 'vhost-user/ring-state/disabling-before-the-start-takes-effect-at-it',
  title:
    'SET_VRING_ENABLE 0 for a stopped ring that was enabled is in force when the ring starts: no write reaches the disk',
  proves: {
    'vu-ring-state/enable-state-tracked-while-stopped': 'disable-while-stopped-forgotten',
    'vu-ring-state/disabled-ring-has-no-side-effects': 'enable-state-ignored',
  },
  applies: { start: 'negotiated', transports, offers: ['VHOST_USER_F_PROTOCOL_FEATURES'], devices: ['block'] },
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-ring-state/enable-state-tracked-while-stopped');
    const disabled = requirement('vu-ring-state/disabled-ring-has-no-side-effects');
    const disk = new WatchedDisk(session, driver, driver.attach(ring({ size: 16 }), { index: 1 }));
    const hand = new RingByHand(port, session, ring({ size: 16 }), { index: driver.queueIndex });
    hand.tell('enable', 'disable', 'num', 'base', 'addresses', 'call', 'error', 'kick');
    const write = (segments: readonly Segment[]): void => {
      hand.makeAvailable(segments);
      hand.kick();
    };
    const first = disk.after(check, 0x5a, write);
    judgesDisabled(
      check,
      disabled,
      'the sector after a write on a ring that was disabled before it started',
      first,
      () => {
        hand.tell('disable');
        return disk.after(disabled, 0x6b, write);
      },
    );
  },
});

export const stoppedNotProcessed = defineCase({
  id: 'vhost-user/ring-state/stopped-ring-is-not-processed',
  title:
    'chains on a ring that GET_VRING_BASE stopped stay where they are, whether the ring is enabled or disabled then',
  proves: { 'vu-ring-state/stopped-ring-not-processed': 'stopped-ring-still-processed' },
  applies: { start: 'negotiated', transports, offers: ['VHOST_USER_F_PROTOCOL_FEATURES'] },
  variants: { afterwards: ['nothing', 'enable', 'disable', 'disable-enable'] },
  run({ session, driver, ring, variant, requirement }) {
    const check = requirement('vu-ring-state/stopped-ring-not-processed');
    const queue = driver.attach(ring({ size: 16 }));
    for (const seed of [1, 2]) driver.warmUp(queue, { seed });
    const first = stoppedAt(check, queue.stop(), 'GET_VRING_BASE');
    if (first === undefined || !sameStop(check, first, queue.driver.position, 'where the ring stopped')) return;
    queue.makeAvailable([driver.request({ seed: 3 }).segments]);
    queue.kick();
    if (variant.afterwards.startsWith('disable')) queue.setEnabled(false);
    if (variant.afterwards.endsWith('enable')) queue.setEnabled(true);
    check.reply(session.messages.fence(), 'GET_FEATURES');
    check.isBesideText = true;
    const position = stoppedAt(check, queue.stop(), 'GET_VRING_BASE again');
    if (position !== undefined) sameStop(check, position, first, 'where the ring stands, with a chain waiting');
    check.equal(queue.usedCount(), 2, 'used idx of the stopped ring, with a chain waiting');
  },
});

export const getBaseStops = defineCase({
  id: 'vhost-user/ring-state/get-vring-base-stops-the-ring',
  title: 'behind the answer to GET_VRING_BASE no chain is taken any more, kicked or not',
  proves: { 'vu-ring-state/get-vring-base-stops-ring': 'get-vring-base-leaves-ring-running' },
  applies: { start: 'negotiated', transports },
  variants: { kick: [false, true] },
  run({ port, session, driver, ring, variant, requirement }) {
    const check = requirement('vu-ring-state/get-vring-base-stops-ring');
    const queue = driver.attach(ring({ size: 16 }));
    driver.warmUp(queue);
    if (stoppedAt(check, queue.stop(), 'GET_VRING_BASE') === undefined) return;
    queue.makeAvailable([driver.request().segments, driver.request().segments]);
    if (variant.kick) queue.kick();
    check.reply(session.messages.fence(), 'GET_FEATURES');
    // Another connection at work gives a back-end that polls time to look.
    port.until(() => queue.usedCount() !== 1, seenWithinMs(port));
    check.equal(queue.usedCount(), 1, 'used idx with 2 chains behind the base');
  },
});

export const enableTracked = defineCase({
  id: 'vhost-user/ring-state/enabling-before-the-start-takes-effect-at-it',
  title: 'SET_VRING_ENABLE 1 for a stopped ring is in force when the ring starts, also after SET_VRING_ENABLE 0',
  proves: { 'vu-ring-state/enable-state-tracked-while-stopped': 'enable-while-stopped-forgotten' },
  applies: { start: 'negotiated', transports, offers: ['VHOST_USER_F_PROTOCOL_FEATURES'] },
  variants: { before: ['enable', 'disable-enable'] },
  run({ port, session, driver, ring, variant, requirement }) {
    const check = requirement('vu-ring-state/enable-state-tracked-while-stopped');
    driver.companions();
    const hand = new RingByHand(port, session, ring({ size: 16 }), { index: driver.queueIndex });
    if (variant.before === 'disable-enable') hand.tell('enable', 'disable');
    hand.tell('enable', 'num', 'base', 'addresses', 'call', 'error', 'kick');
    hand.makeAvailable(driver.request().segments);
    hand.kick();
    hand.waitForUsed(check, 1, 'a chain on a ring that was enabled before it started');
  },
});

export const everyRequest = defineCase({
  id: 'vhost-user/ring-state/every-request-is-handled-whatever-the-size',
  title: 'a ring of any good size has every chain used, also where its slots wrap',
  proves: { 'vu-ring-state/enabled-ring-handles-every-request': 'ring-slots-taken-modulo-256' },
  applies: { start: 'negotiated', transports, needs: ['initial-base'], ring: 'split' },
  variants: { size: [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768] },
  run({ port, driver, ring, variant, requirement }) {
    const check = requirement('vu-ring-state/enabled-ring-handles-every-request');
    const { size } = variant;
    // The first chain is in the last slot, the others follow in the first ones.
    const base = size - 1;
    const vring = ring({ size, position: splitPosition(base) });
    // Nothing that is left in other slots looks like a chain, or like a used one.
    for (let slot = 0; slot < size; slot++) {
      vring.setAvailHead(slot, 0xffff);
      vring.setUsedElement(slot, 0xdead, 0);
    }
    const queue = driver.attach(vring, { position: splitPosition(base) });
    const request = driver.request({ seed: size, ...fitting(size) });
    for (let n = 1; n <= 5; n++) {
      const [head] = queue.makeAvailable([request.segments]);
      queue.kick();
      const expected = (base + n) & 0xffff;
      if (!waited(port, check, `chain ${n} of 5`, 'a used element', () => vring.usedIdx() === expected)) return;
      check.equal(queue.waitForUsed(1)[0]?.id, head, `id in used element ${n} of a ring of ${size}`);
    }
  },
});

export const startsWithKick = defineCase({
  id: 'vhost-user/ring-state/set-vring-kick-starts-the-ring',
  title:
    'a ring starts with SET_VRING_KICK, or at the first kick as older text has it, in any order with SET_VRING_ENABLE',
  proves: { 'vu-ring-state/ring-starts-with-kick-descriptor': 'enabled-ring-not-started-by-kick-message' },
  applies: { start: 'negotiated', transports },
  variants: { kickMessage: ['before-enable', 'after-enable'], chain: ['before-start', 'after-start'] },
  run({ port, session, driver, ring, variant, requirement }) {
    const check = requirement('vu-ring-state/ring-starts-with-kick-descriptor');
    driver.companions();
    const hand = new RingByHand(port, session, ring({ size: 16 }), { index: driver.queueIndex });
    if (variant.chain === 'before-start') hand.makeAvailable(driver.request().segments);
    const start =
      variant.kickMessage === 'before-enable' ? (['kick', 'enable'] as const) : (['enable', 'kick'] as const);
    hand.tell('num', 'base', 'addresses', 'call', 'error', ...start);
    if (variant.chain === 'after-start') hand.makeAvailable(driver.request().segments);
    hand.kick();
    hand.waitForUsed(check, 1, 'a chain on a ring that was told of its kick descriptor, and kicked');
  },
});

export const startsWithoutKick = defineCase({
  id: 'vhost-user/ring-state/start-does-not-wait-for-a-kick',
  title: 'chains that are there when a ring starts are processed without a kick',
  proves: { 'vu-ring-state/start-does-not-wait-for-kick': 'start-waits-for-kick' },
  applies: { start: 'negotiated', transports },
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-ring-state/start-does-not-wait-for-kick');
    driver.companions();
    const hand = new RingByHand(port, session, ring({ size: 16 }), { index: driver.queueIndex });
    hand.makeAvailable(driver.request({ seed: 1 }).segments, driver.request({ seed: 2 }).segments);
    hand.tell('num', 'base', 'addresses', 'call', 'error', 'enable', 'kick');
    hand.waitForUsed(check, 2, 'two chains that were there before the ring started');
  },
});

export const restarts = defineCase({
  id: 'vhost-user/ring-state/stopped-ring-restarts-with-new-kick-descriptor',
  title: 'a stopped ring goes on where it was with a new SET_VRING_KICK, enabled as before',
  proves: {
    'vu-ring-state/stopped-ring-restarts-with-new-kick-descriptor': ['restarted-ring-begins-anew', 'stopping-disables'],
  },
  applies: { start: 'negotiated', transports },
  variants: { told: ['kick and call', 'everything'], rounds: [1, 4] },
  run({ port, session, driver, ring, variant, requirement }) {
    const check = requirement('vu-ring-state/stopped-ring-restarts-with-new-kick-descriptor');
    driver.companions();
    const vring = ring({ size: 16 });
    const isEnabledByMessage = (session.negotiated.accepted.device & protocolFeatures) !== 0n;
    const first = new RingByHand(port, session, vring, { index: driver.queueIndex });
    first.tell('num', 'base', 'addresses', 'call', 'error', 'kick', 'enable');
    first.makeAvailable(driver.request().segments);
    first.kick();
    if (first.waitForUsed(check, 1, 'a chain before the ring stops') === undefined) return;
    let last = first;
    for (let round = 1; round <= variant.rounds; round++) {
      const base = baseFrom(check, getBase(session, first.index), 'GET_VRING_BASE');
      if (base === undefined) return;
      const position = settled(decodeVringBase(vring.layout, base));
      sameStop(check, position, last.driver.position, 'where the ring stopped');
      const next = new RingByHand(port, session, vring, { index: driver.queueIndex, position });
      last = next;
      next.makeAvailable(driver.request({ seed: round }).segments);
      // The text asks for a new kick descriptor only; front-ends tell of everything again.
      if (variant.told === 'everything') next.tell('num', 'base', 'addresses', 'error');
      next.tell('call', 'kick');
      if (variant.told === 'everything' && isEnabledByMessage) next.tell('enable');
      next.kick();
      if (next.waitForUsed(check, 1, `a chain after start ${round + 1}`) === undefined) return;
      check.equal(next.usedCount(), 1, `used elements after start ${round + 1}`);
    }
  },
});

export const withoutProtocolFeatures = defineCase({
  id: 'vhost-user/ring-state/rings-are-enabled-without-protocol-features',
  title: 'SET_FEATURES without bit 30 enables rings: no SET_VRING_ENABLE is needed, before or after they are told of',
  proves: {
    'vu-ring-state/rings-enabled-without-protocol-features': 'rings-stay-disabled-without-protocol-features',
  },
  applies: { start: 'negotiated', transports, without: ['VHOST_USER_F_PROTOCOL_FEATURES'] },
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-ring-state/rings-enabled-without-protocol-features');
    check.equal(session.negotiated.accepted.device & protocolFeatures, 0n, 'bit 30 as it was acknowledged');
    driver.companions();
    const hand = new RingByHand(port, session, ring({ size: 16 }), { index: driver.queueIndex });
    hand.tell('num', 'base', 'addresses', 'call', 'error', 'kick');
    for (const seed of [1, 2]) {
      hand.makeAvailable(driver.request({ seed }).segments);
      hand.kick();
      if (hand.waitForUsed(check, 1, `chain ${seed} on a ring that was not enabled`) === undefined) return;
    }
  },
});

const num = 'VHOST_USER_SET_VRING_NUM';
const base = 'VHOST_USER_SET_VRING_BASE';
const addresses = 'VHOST_USER_SET_VRING_ADDR';
const call = 'VHOST_USER_SET_VRING_CALL';
const error = 'VHOST_USER_SET_VRING_ERR';
const kick = 'VHOST_USER_SET_VRING_KICK';
const enable = 'VHOST_USER_SET_VRING_ENABLE';
const orders = {
  'call-behind-kick': [num, base, addresses, kick, call, error, enable],
  'call-last': [num, base, addresses, error, kick, enable, call],
  'enable-first': [enable, num, base, addresses, call, error, kick],
  'kick-last': [call, error, enable, addresses, base, num, kick],
} as const;

export const anyOrder = defineCase({
  id: 'vhost-user/ring-state/set-up-in-another-order-is-served',
  title: 'a ring whose descriptors, addresses and enable state are told in another order takes requests and calls',
  proves: { 'vu-ring-state/enable-state-tracked-while-stopped': 'enable-while-stopped-forgotten' },
  applies: { start: 'negotiated', transports, offers: ['VHOST_USER_F_PROTOCOL_FEATURES'] },
  variants: { order: ['call-behind-kick', 'call-last', 'enable-first', 'kick-last'] },
  run({ driver, ring, variant, requirement }) {
    const check = requirement('vu-ring-state/enable-state-tracked-while-stopped');
    const queue = driver.attach(ring({ size: 16 }), { order: orders[variant.order] });
    for (const seed of [1, 2, 3]) {
      check.equal(driver.once(queue, { seed }), undefined, `what is wrong with request ${seed}`);
      check.holds(queue.waitForCalls(seed), `calls after request ${seed}`, { expected: 'one more', actual: 'none' });
    }
  },
});
