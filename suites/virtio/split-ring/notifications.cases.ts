import { splitPosition } from '../../../reference-impl/virtqueue/ring.ts';
import { defineCase } from '../../case.ts';

/** When the device calls, and what it tells about kicks (virtio 2.7.7, 2.7.10). */

export const callWithFlagClear = defineCase({
  id: 'virtio/notifications/used-buffers-are-notified',
  title: 'with the flag clear, used buffers are followed by a call',
  proves: { 'notify/used-buffers-notified-with-flag-clear': ['call-never', 'call-on-other-queue'] },
  applies: { start: 'negotiated', without: ['VIRTIO_F_EVENT_IDX'] },
  run({ driver, ring, requirement }) {
    const queue = driver.attach(ring({ size: 16 }));
    const check = requirement('notify/used-buffers-notified-with-flag-clear');
    for (const seed of [1, 2, 3]) {
      queue.drainCalls();
      queue.makeAvailable([driver.request({ seed }).segments]);
      queue.kickAndWaitForUsed(1);
      check.holds(queue.waitForCalls(1), `a call for chain ${seed}`, { expected: 'at least 1 call', actual: 'none' });
    }
  },
});

export const noInterruptFlag = defineCase({
  id: 'virtio/notifications/no-interrupt-flag-withholds-calls',
  title: 'VIRTQ_AVAIL_F_NO_INTERRUPT set before the buffers are made available: no call',
  proves: { 'notify/no-interrupt-flag-withholds-notifications': 'call-ignores-no-interrupt-flag' },
  applies: { start: 'negotiated', without: ['VIRTIO_F_EVENT_IDX'], ring: 'split' },
  run({ driver, ring, requirement }) {
    const queue = driver.attach(ring({ size: 16 }));
    queue.drainCalls();
    driver.warmUp(queue);
    queue.waitForCalls(1);
    queue.drainCalls();
    queue.ring.setAvailFlags(1);
    for (const seed of [1, 2, 3]) driver.warmUp(queue, { seed });
    const stopped = queue.stop();
    const check = requirement('notify/no-interrupt-flag-withholds-notifications');
    if (check.answered(stopped, 'the ring stops', 'a position')) {
      check.equal(queue.calls(), 0, 'calls between the flag and the answer to GET_VRING_BASE');
    }
  },
});

export const usedEventIgnored = defineCase({
  id: 'virtio/notifications/used-event-ignored-without-event-idx',
  title: 'without EVENT_IDX the field used_event does not withhold calls',
  proves: { 'notify/used-event-ignored-without-event-idx': 'used-event-honoured-without-event-idx' },
  applies: { start: 'negotiated', without: ['VIRTIO_F_EVENT_IDX'], ring: 'split' },
  run({ driver, ring, requirement }) {
    const queue = driver.attach(ring({ size: 16 }));
    const check = requirement('notify/used-event-ignored-without-event-idx');
    for (const event of [0x7fff, 5, 0xffff]) {
      queue.ring.setUsedEvent(event);
      queue.drainCalls();
      queue.makeAvailable([driver.request({ seed: event }).segments]);
      queue.kickAndWaitForUsed(1);
      check.holds(queue.waitForCalls(1), `a call although the field holds ${event}`, {
        expected: 'at least 1 call',
        actual: 'none',
      });
    }
  },
});

export const usedFlags = defineCase({
  id: 'virtio/notifications/used-flags-are-zero-or-one',
  title: 'without EVENT_IDX the flags of the used ring hold 0 or 1',
  proves: { 'notify/used-flags-zero-or-one': 'used-flags-undefined-bits' },
  applies: { start: 'negotiated', without: ['VIRTIO_F_EVENT_IDX'], ring: 'split' },
  run({ driver, ring, requirement }) {
    const queue = driver.attach(ring({ size: 16 }));
    const check = requirement('notify/used-flags-zero-or-one');
    for (const seed of [1, 2, 3]) {
      driver.warmUp(queue, { seed });
      check.oneOf(queue.ring.usedFlags(), [0, 1], `flags after chain ${seed}`);
    }
  },
});

export const usedFlagsWithEventIdx = defineCase({
  id: 'virtio/notifications/used-flags-zero-with-event-idx',
  title: 'with EVENT_IDX the flags of the used ring stay 0',
  proves: { 'notify/used-flags-zero-with-event-idx': 'used-flags-set-with-event-idx' },
  applies: { start: 'negotiated', negotiate: ['VIRTIO_F_EVENT_IDX'], ring: 'split' },
  run({ driver, ring, requirement }) {
    const queue = driver.attach(ring({ size: 16 }), { eventIdx: true });
    const check = requirement('notify/used-flags-zero-with-event-idx');
    for (const seed of [1, 2, 3]) {
      driver.warmUp(queue, { seed });
      check.equal(queue.ring.usedFlags(), 0, `flags after chain ${seed}`);
    }
  },
});

export const noInterruptFlagIgnored = defineCase({
  id: 'virtio/notifications/no-interrupt-flag-ignored-with-event-idx',
  title: 'with EVENT_IDX the flag does not withhold the call that used_event asks for',
  proves: { 'notify/no-interrupt-flag-ignored-with-event-idx': 'event-idx-obeys-no-interrupt-flag' },
  applies: { start: 'negotiated', negotiate: ['VIRTIO_F_EVENT_IDX'], ring: 'split' },
  run({ driver, ring, requirement }) {
    const queue = driver.attach(ring({ size: 16 }), { eventIdx: true });
    queue.ring.setAvailFlags(1);
    const check = requirement('notify/no-interrupt-flag-ignored-with-event-idx');
    for (const seed of [1, 2, 3]) {
      queue.drainCalls();
      queue.ring.setUsedEvent(queue.ring.usedIdx());
      queue.makeAvailable([driver.request({ seed }).segments]);
      queue.kickAndWaitForUsed(1);
      check.holds(queue.waitForCalls(1), `a call for chain ${seed}`, { expected: 'at least 1 call', actual: 'none' });
    }
  },
});

export const passingUsedEvent = defineCase({
  id: 'virtio/notifications/passing-used-event-notifies',
  title: 'the used element at used_event is followed by a call, over every wrap of the idx',
  proves: { 'notify/passing-used-event-notifies': ['event-idx-compared-without-wrap', 'event-idx-off-by-one'] },
  applies: { start: 'negotiated', negotiate: ['VIRTIO_F_EVENT_IDX'], needs: ['initial-base'], ring: 'split' },
  variants: { base: [0, 32766, 65533] },
  run({ driver, ring, variant, requirement }) {
    const queue = driver.attach(ring({ size: 16, position: splitPosition(variant.base) }), { eventIdx: true });
    const check = requirement('notify/passing-used-event-notifies');
    for (let n = 0; n < 6; n++) {
      const event = (variant.base + n) & 0xffff;
      queue.drainCalls();
      queue.ring.setUsedEvent(event);
      queue.makeAvailable([driver.request({ seed: n }).segments]);
      queue.kickAndWaitForUsed(1);
      check.holds(queue.waitForCalls(1), `a call when used idx passes ${event}`, {
        expected: 'at least 1 call',
        actual: 'none',
      });
    }
  },
});

export const noCallBeforeUsedEvent = defineCase({
  id: 'virtio/notifications/no-call-before-used-event',
  title: 'used elements short of used_event are not notified; the one that reaches it is',
  proves: { 'notify/no-notification-before-used-event': 'event-idx-always-calls' },
  applies: { start: 'negotiated', negotiate: ['VIRTIO_F_EVENT_IDX'], needs: ['initial-base'], ring: 'split' },
  variants: { base: [0, 65530] },
  run({ driver, ring, variant, requirement }) {
    const queue = driver.attach(ring({ size: 16, position: splitPosition(variant.base) }), { eventIdx: true });
    queue.ring.setUsedEvent(variant.base);
    queue.drainCalls();
    driver.warmUp(queue, { seed: 9 });
    queue.waitForCalls(1);
    queue.ring.setUsedEvent((variant.base + 10) & 0xffff);
    queue.drainCalls();
    for (let n = 0; n < 4; n++) {
      queue.makeAvailable([driver.request({ seed: n }).segments]);
      queue.kickAndWaitForUsed(1);
    }
    const stopped = queue.stop();
    const check = requirement('notify/no-notification-before-used-event');
    if (check.answered(stopped, 'the ring stops', 'a position')) {
      check.equal(queue.calls(), 0, 'calls for 4 chains while used_event is 9 ahead');
    }
  },
});

export const spuriousKicks = defineCase({
  id: 'virtio/notifications/spurious-kicks-are-harmless',
  title: 'kicks with nothing new change nothing, and the next chain is served',
  proves: { 'notify/spurious-kicks-harmless': ['spurious-kick-advances', 'spurious-kick-crashes'] },
  applies: { start: 'negotiated' },
  run({ port, driver, ring, requirement }) {
    const queue = driver.attach(ring({ size: 16 }));
    const check = requirement('notify/spurious-kicks-harmless');
    // Each round gives the device time to find that there is nothing: kicks that come together count as one.
    const kickForNothing = (): void => {
      for (let round = 0; round < 2; round++) {
        for (let n = 0; n < 4; n++) queue.kick();
        port.until(() => false, 2);
      }
    };
    kickForNothing();
    const first = driver.once(queue, { seed: 1 });
    check.equal(first, undefined, 'what is wrong with a request after 8 kicks for nothing');
    kickForNothing();
    const second = driver.once(queue, { seed: 2 });
    check.equal(second, undefined, 'what is wrong with a request after 8 more');
    const stopped = queue.stop();
    if (check.answered(stopped, 'the ring stops', 'a position')) {
      check.equal(queue.usedCount(), 2, 'used elements after two requests and 16 spurious kicks');
    }
  },
});
