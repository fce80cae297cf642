import type { GuestRing, VhostUserSession } from '../../drivers/port/port.ts';
import { type CaseContext, defineCase, type VariantAxes } from '../case.ts';
import type { Check } from '../check.ts';
import { stoppedAt } from '../ring-positions.ts';
import { keepsToRefusal, stillServes } from './refusal.ts';
import { RingByHand, waited } from './ring-by-hand.ts';
import { getBase, setDescriptor } from './ring-messages.ts';

/** SET_VRING_KICK, SET_VRING_CALL and SET_VRING_ERR: what tells of buffers, and what tells of nothing. */

const transports = ['vhost-user'] as const;
const noDescriptorBit = 0x100n;

type Context = Pick<
  CaseContext<string, VariantAxes, VhostUserSession, GuestRing>,
  'port' | 'session' | 'driver' | 'ring'
>;

/** Chains are found one after the other, without a kick. */
function servesUnkicked({ port, session, driver, ring }: Context, check: Check): void {
  const queue = driver.attach(ring({ size: 16 }), { kick: false });
  session.messages.fence();
  for (const seed of [1, 2, 3]) {
    queue.makeAvailable([driver.request({ seed }).segments]);
    const what = `chain ${seed}, without a kick`;
    if (!waited(port, check, what, 'a used element', () => queue.usedCount() === seed)) return;
    queue.waitForUsed(1);
  }
}

export const polledWithoutKick = defineCase({
  id: 'vhost-user/vring-descriptors/ring-without-kick-descriptor-is-polled',
  title: 'chains of a ring whose SET_VRING_KICK had the no-fd bit are found without a kick, one after the other',
  proves: { 'vu-vring/kick-without-descriptor-means-polling': 'ring-without-kick-descriptor-not-polled' },
  applies: { start: 'negotiated', transports },
  run(context) {
    servesUnkicked(context, context.requirement('vu-vring/kick-without-descriptor-means-polling'));
  },
});

export const polledInSecondLife = defineCase({
  id: 'vhost-user/vring-descriptors/ring-that-had-a-kick-descriptor-is-polled',
  title: 'chains of a ring that had a kick descriptor, stopped, and starts with the no-fd bit are found without a kick',
  proves: { 'vu-vring/kick-without-descriptor-means-polling': 'ring-that-had-kick-descriptor-not-polled' },
  applies: { start: 'negotiated', transports },
  run(context) {
    const { driver, ring, requirement } = context;
    const check = requirement('vu-vring/kick-without-descriptor-means-polling');
    const earlier = driver.attach(ring({ size: 16 }));
    driver.warmUp(earlier);
    if (stoppedAt(check, earlier.stop(), 'GET_VRING_BASE') === undefined) return;
    servesUnkicked(context, check);
  },
});

export const noSignalsWithoutCall = defineCase({
  id: 'vhost-user/vring-descriptors/no-signal-once-call-has-no-descriptor',
  title: 'after SET_VRING_CALL with the no-fd bit chains are used, and the descriptor before it is signalled no more',
  proves: { 'vu-vring/call-without-descriptor-means-no-signals': 'call-kept-without-descriptor' },
  applies: { start: 'negotiated', transports },
  run({ session, driver, ring, requirement }) {
    const check = requirement('vu-vring/call-without-descriptor-means-no-signals');
    const queue = driver.attach(ring({ size: 16 }));
    // From here on calls count: a back-end that polls may be done before the kick.
    queue.drainCalls();
    driver.warmUp(queue, { seed: 1 });
    queue.waitForCalls(1);
    session.messages.send(setDescriptor('CALL', queue.index));
    session.messages.fence();
    queue.drainCalls();
    for (const seed of [2, 3]) check.equal(driver.once(queue, { seed }), undefined, 'what is wrong with a request');
    if (stoppedAt(check, queue.stop(), 'GET_VRING_BASE') === undefined) return;
    check.equal(queue.calls(), 0, 'signals for 2 chains on the descriptor that was taken away');
  },
});

export const callReplaced = defineCase({
  id: 'vhost-user/vring-descriptors/call-descriptor-is-replaced',
  title: 'after a new SET_VRING_CALL the new descriptor is signalled, and the old one no more',
  proves: { 'vu-vring/call-descriptor-replaced': 'replaced-call-descriptor-kept' },
  applies: { start: 'negotiated', transports },
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-vring/call-descriptor-replaced');
    const queue = driver.attach(ring({ size: 16 }));
    // From here on calls count: a back-end that polls may be done before the kick.
    queue.drainCalls();
    driver.warmUp(queue, { seed: 1 });
    queue.waitForCalls(1);
    const next = port.descriptors.eventfd();
    session.messages.send(setDescriptor('CALL', queue.index, next));
    session.messages.fence();
    queue.drainCalls();
    // Some signal each new descriptor at once.
    port.descriptors.read(next);
    driver.warmUp(queue, { seed: 2 });
    waited(port, check, 'the new descriptor', 'a signal', () => port.descriptors.read(next) > 0);
    check.equal(queue.calls(), 0, 'signals on the old descriptor');
  },
});

export const eventValue = defineCase({
  id: 'vhost-user/vring-descriptors/value-of-a-kick-has-no-meaning',
  title: 'a kick whose eventfd holds any value is a kick, no more and no less',
  proves: { 'vu-vring/event-value-has-no-meaning': 'kick-value-is-a-count' },
  applies: { start: 'closed', transports },
  run({ port, connect, driverOf, ring, points, requirement }) {
    const check = requirement('vu-vring/event-value-has-no-meaning');
    // Twice the last is all that an eventfd holds, if it is not read.
    const values = [1n, 2n, 3n, 255n, 256n, 0xffff_ffffn, 0x1_0000_0000n, 0x7fff_ffff_ffff_ffffn];
    const all = values.map((value) => ({ key: `value=${value}`, value }));
    points(all, ({ key, value }) => {
      const session = connect('negotiated');
      const driver = driverOf(session);
      driver.companions();
      const hand = new RingByHand(port, session, ring({ size: 16 }), { index: driver.queueIndex });
      hand.tell('num', 'base', 'addresses', 'call', 'error', 'kick', 'enable');
      session.messages.fence();
      for (const seed of [1, 2]) {
        hand.makeAvailable(driver.request({ seed }).segments);
        hand.kick(value);
        if (hand.waitForUsed(check, 1, `a chain after a kick with ${key}`) === undefined) break;
      }
      check.equal(hand.usedCount(), 2, `used idx after 2 chains and 2 kicks with ${key}`);
      session.close();
    });
  },
});

export const pipes = defineCase({
  id: 'vhost-user/vring-descriptors/pipes-work-as-well',
  title: 'kick and call work with pipes, which carry eight bytes of any value, in place of eventfds',
  proves: { 'vu-vring/pipes-work-as-event-descriptors': 'pipes-refused' },
  applies: { start: 'negotiated', transports },
  variants: { kick: ['pipe', 'eventfd'], call: ['pipe', 'eventfd'] },
  run({ port, session, driver, ring, variant, requirement }) {
    const check = requirement('vu-vring/pipes-work-as-event-descriptors');
    const { descriptors } = port;
    driver.companions();
    const kick = descriptors.pipe();
    const call = descriptors.pipe();
    const hand = new RingByHand(port, session, ring({ size: 16 }), {
      index: driver.queueIndex,
      ...(variant.kick === 'pipe' ? { kick: kick.readEnd } : {}),
      ...(variant.call === 'pipe' ? { call: call.writeEnd } : {}),
    });
    const kickOurs = variant.kick === 'pipe' ? kick.writeEnd : hand.kickFd;
    const callOurs = variant.call === 'pipe' ? call.readEnd : hand.callFd;
    hand.tell('num', 'base', 'addresses', 'call', 'error', 'kick', 'enable');
    session.messages.fence();
    for (const value of [1n, 0n, 0x1234_5678_9abc_def0n]) {
      while (descriptors.read(callOurs) > 0);
      hand.makeAvailable(driver.request().segments);
      // An eventfd takes no 0 for a kick.
      descriptors.signal(kickOurs, variant.kick === 'pipe' ? value : 1);
      if (hand.waitForUsed(check, 1, `a chain after a kick of ${value}`) === undefined) return;
      if (!waited(port, check, 'the call', 'a signal', () => descriptors.read(callOurs) > 0)) return;
    }
  },
});

export const errorsSignalled = defineCase({
  id: 'vhost-user/vring-descriptors/broken-ring-is-signalled-on-error-descriptor',
  title: 'a ring that shows a head which it does not have is told of on its error descriptor, or closes the connection',
  proves: { 'vu-vring/ring-errors-signalled-on-error-descriptor': 'ring-errors-not-signalled' },
  applies: { start: 'negotiated', transports, ring: 'split' },
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-vring/ring-errors-signalled-on-error-descriptor');
    const queue = driver.attach(ring({ size: 16 }));
    driver.warmUp(queue);
    check.isBesideText = true;
    queue.driver.addHead(0x7fff);
    queue.driver.publish();
    queue.kick();
    const what = 'what tells of a head of 32767 in a ring of 16';
    const isSignalled = (): boolean => queue.errors() > 0;
    // A back-end that detects an error may close the connection ("Communication").
    port.until(() => isSignalled() || !session.isOpen, port.deadlineMs);
    if (isSignalled() || !session.isOpen) {
      check.oneOf(session.isOpen ? 'a signal' : 'a closed connection', ['a closed connection', 'a signal'], what);
    } else check.silence(what, 'a signal', port.deadlineMs);
  },
});

export const disagreement = defineCase({
  id: 'vhost-user/vring-descriptors/descriptor-and-no-fd-bit-may-disagree',
  title: 'a descriptor together with the no-fd bit, or neither of both, is refused or survived',
  proves: {
    'vu-vring/descriptor-and-flag-disagreement-survived': [
      'descriptor-disagreement-crashes',
      'descriptor-disagreement-taken',
    ],
  },
  applies: { start: 'closed', transports, negotiate: ['VHOST_USER_PROTOCOL_F_REPLY_ACK'] },
  run({ port, connect, driverOf, ring, points, requirement }) {
    const check = requirement('vu-vring/descriptor-and-flag-disagreement-survived');
    const all = (['KICK', 'CALL', 'ERR'] as const).flatMap((which) =>
      [true, false].map((both) => ({ key: `${which},${both ? 'both' : 'neither'}`, which, both })),
    );
    points(all, ({ key, which, both }) => {
      const session = connect('negotiated');
      const driver = driverOf(session);
      const queue = driver.attach(ring({ size: 16 }));
      driver.warmUp(queue);
      const fd = port.descriptors.eventfd();
      const u64 = BigInt(queue.index) | (both ? noDescriptorBit : 0n);
      const request = `VHOST_USER_SET_VRING_${which}`;
      const answer = session.messages.acknowledged({ request, payload: { u64 }, descriptors: both ? [fd] : [] });
      if (answer.kind === 'died' || answer.kind === 'silent') check.failsBy(answer, key, 'an answer');
      else keepsToRefusal(port, check, answer, key);
      if (session.isOpen) getBase(session, queue.index);
      stillServes(port, session, check, `service after ${key}`);
      session.close();
      port.descriptors.close(fd);
    });
  },
});
