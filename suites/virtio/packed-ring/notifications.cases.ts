import type { GuestPackedRing, Session } from '../../../drivers/port/port.ts';
import {
  RING_EVENT_FLAGS_DESC as DESC,
  RING_EVENT_FLAGS_DISABLE as DISABLE,
  RING_EVENT_FLAGS_ENABLE as ENABLE,
  eventFlags,
  eventWord,
} from '../../../reference-impl/virtqueue/packed/layout.ts';
import { type CaseContext, defineCase, type VariantAxes } from '../../case.ts';
import type { Check } from '../../check.ts';
import { eventAt, placeAfter, usedPlace } from './place.ts';
import { stops } from './ring-snapshot.ts';

/** When the device calls, and what it tells about kicks, by the event suppression structures (virtio 2.8.10, 2.8.14). */

const oneCall = { expected: 'at least 1 call', actual: 'none' };

export const disabled = defineCase({
  id: 'virtio/packed-ring/disabled-driver-events-withhold-calls',
  title: 'driver event flags DISABLE before the buffers are made available: no call',
  proves: { 'notify/packed-driver-event-disable-withholds': 'packed-call-ignores-disable' },
  applies: { start: 'negotiated', ring: 'packed', without: ['VIRTIO_F_EVENT_IDX'] },
  run({ driver, ring, requirement }) {
    const queue = driver.attach(ring({ size: 16 }));
    const check = requirement('notify/packed-driver-event-disable-withholds');
    driver.warmUp(queue);
    queue.waitForCalls(1);
    queue.ring.setDriverEvent(eventWord(DISABLE));
    queue.drainCalls();
    for (const seed of [1, 2, 3]) driver.warmUp(queue, { seed });
    if (stops(check, queue)) check.equal(queue.calls(), 0, 'calls between the flags and the stop of the ring');
  },
});

export const disabledWithEventIdx = defineCase({
  id: 'virtio/packed-ring/disabled-driver-events-withhold-calls-with-event-idx',
  title: 'with EVENT_IDX too, driver event flags DISABLE withhold the call, whatever offset stands beside them',
  proves: { 'notify/packed-driver-event-disable-withholds': 'packed-event-idx-ignores-disable' },
  applies: { start: 'negotiated', ring: 'packed', negotiate: ['VIRTIO_F_EVENT_IDX'] },
  run({ driver, ring, requirement }) {
    const size = 16;
    const queue = driver.attach(ring({ size }), { eventIdx: true });
    const check = requirement('notify/packed-driver-event-disable-withholds');
    queue.ring.setDriverEvent(eventWord(ENABLE));
    driver.warmUp(queue);
    queue.waitForCalls(1);
    queue.drainCalls();
    for (const seed of [1, 2, 3]) {
      const { slot, wrap } = usedPlace(queue.driver);
      queue.ring.setDriverEvent(eventWord(DISABLE, slot, wrap));
      driver.warmUp(queue, { seed });
    }
    if (stops(check, queue)) check.equal(queue.calls(), 0, 'calls between the flags and the stop of the ring');
  },
});

export const offsetIgnored = defineCase({
  id: 'virtio/packed-ring/event-offset-ignored-unless-desc',
  title: 'with driver event flags ENABLE the offset beside them does not withhold calls',
  proves: { 'notify/packed-event-offset-ignored-unless-desc': 'packed-event-offset-honoured-without-desc' },
  applies: { start: 'negotiated', ring: 'packed' },
  // ENABLE is 0: the word is the offset, and the wrap counter in bit 15.
  variants: { offset: [0x0000, 0x7fff, 0x8005, 0xffff] },
  run({ driver, ring, variant, requirement }) {
    const queue = driver.attach(ring({ size: 16 }));
    const check = requirement('notify/packed-event-offset-ignored-unless-desc');
    for (const seed of [1, 2, 3]) {
      queue.ring.setDriverEvent(variant.offset);
      queue.drainCalls();
      queue.makeAvailable([driver.request({ seed }).segments]);
      queue.kickAndWaitForUsed(1);
      check.holds(queue.waitForCalls(1), `a call although the offset is ${variant.offset}`, oneCall);
    }
  },
});

export const eventDescriptor = defineCase({
  id: 'virtio/packed-ring/event-descriptor-notifies',
  title: 'the used descriptor at offset and wrap counter is followed by a call, over every wrap',
  proves: {
    'notify/packed-driver-event-descriptor-notifies': [
      'packed-event-wrap-counter-ignored',
      'packed-event-of-first-descriptor-only',
    ],
  },
  applies: { start: 'negotiated', ring: 'packed', negotiate: ['VIRTIO_F_EVENT_IDX'] },
  variants: { queueSize: [5, 8] },
  run({ driver, ring, variant, requirement }) {
    const size = variant.queueSize;
    const queue = driver.attach(ring({ size }), { eventIdx: true });
    const check = requirement('notify/packed-driver-event-descriptor-notifies');
    let place = usedPlace(queue.driver);
    for (let n = 0; n < 3 * size; n++) {
      const { segments } = driver.request({ seed: n });
      queue.drainCalls();
      queue.ring.setDriverEvent(eventAt(place));
      queue.makeAvailable([segments]);
      queue.kickAndWaitForUsed(1);
      const what = `a call when slot ${place.slot} is used under wrap counter ${place.wrap}`;
      if (!check.holds(queue.waitForCalls(1), what, oneCall)) return;
      place = placeAfter(place, segments.length, size);
    }
  },
});

export const inBatch = defineCase({
  id: 'virtio/packed-ring/event-descriptor-within-batch-notifies',
  title: 'a call follows when the descriptor at offset and wrap counter is used among others, and beyond the end too',
  proves: { 'notify/packed-driver-event-descriptor-notifies': 'packed-event-of-first-descriptor-only' },
  applies: { start: 'negotiated', ring: 'packed', negotiate: ['VIRTIO_F_EVENT_IDX'] },
  variants: { which: [0, 1, 2] },
  run({ driver, ring, variant, requirement }) {
    const size = 11;
    const queue = driver.attach(ring({ size }), { eventIdx: true });
    const check = requirement('notify/packed-driver-event-descriptor-notifies');
    let place = usedPlace(queue.driver);
    for (let round = 0; round < 8; round++) {
      const lists = [0, 1, 2].map((n) => driver.request({ seed: 3 * round + n }).segments);
      const places = lists.map(({ length }) => {
        const at = place;
        place = placeAfter(place, length, size);
        return at;
      });
      const awaited = places[variant.which] ?? place;
      queue.drainCalls();
      queue.ring.setDriverEvent(eventAt(awaited));
      queue.makeAvailable(lists);
      queue.kickAndWaitForUsed(lists.length);
      const what = `a call for slot ${awaited.slot} under wrap counter ${awaited.wrap}, ${variant.which} in its batch`;
      if (!check.holds(queue.waitForCalls(1), what, oneCall)) return;
    }
  },
});

export const notBefore = defineCase({
  id: 'virtio/packed-ring/no-call-before-event-descriptor',
  title: 'used descriptors short of offset and wrap counter are not notified; the one that reaches them is',
  proves: { 'notify/packed-no-notification-before-descriptor': 'packed-event-always-calls' },
  applies: { start: 'negotiated', ring: 'packed', negotiate: ['VIRTIO_F_EVENT_IDX'] },
  variants: { listsBefore: [0, 3] },
  run({ driver, ring, variant, requirement }) {
    const each = driver.request().segments.length;
    // The awaited descriptor lies behind the end of the ring where lists were served before.
    const size = 6 * each;
    const queue = driver.attach(ring({ size }), { eventIdx: true });
    const check = requirement('notify/packed-no-notification-before-descriptor');
    for (let n = 0; n < variant.listsBefore; n++) driver.warmUp(queue, { seed: n });
    let place = usedPlace(queue.driver);
    queue.ring.setDriverEvent(eventAt(place));
    queue.drainCalls();
    driver.warmUp(queue, { seed: 9 });
    queue.waitForCalls(1);
    place = placeAfter(usedPlace(queue.driver), 4 * each, size);
    queue.ring.setDriverEvent(eventAt(place));
    queue.drainCalls();
    for (let n = 0; n < 4; n++) {
      queue.makeAvailable([driver.request({ seed: n }).segments]);
      queue.kickAndWaitForUsed(1);
    }
    if (stops(check, queue)) check.equal(queue.calls(), 0, 'calls for the 4 lists before the one that is awaited');
  },
});

export const deviceFlags = defineCase({
  id: 'virtio/packed-ring/device-event-flags-without-event-idx',
  title: 'without EVENT_IDX the device event flags are ENABLE or DISABLE',
  proves: { 'notify/packed-device-event-flags-without-event-idx': 'packed-device-event-desc-without-event-idx' },
  applies: { start: 'negotiated', ring: 'packed', without: ['VIRTIO_F_EVENT_IDX'] },
  run({ driver, ring, requirement }) {
    const queue = driver.attach(ring({ size: 16 }));
    const check = requirement('notify/packed-device-event-flags-without-event-idx');
    for (const seed of [1, 2, 3]) {
      driver.warmUp(queue, { seed });
      check.oneOf(eventFlags(queue.ring.deviceEvent()), [ENABLE, DISABLE], `device event flags after list ${seed}`);
    }
  },
});

export const deviceFlagsWithEventIdx = defineCase({
  id: 'virtio/packed-ring/device-event-flags-with-event-idx',
  title: 'with EVENT_IDX the device event flags are ENABLE, DISABLE or DESC',
  proves: { 'notify/packed-device-event-flags-with-event-idx': 'packed-device-event-reserved-value' },
  applies: { start: 'negotiated', ring: 'packed', negotiate: ['VIRTIO_F_EVENT_IDX'] },
  run({ driver, ring, requirement }) {
    const queue = driver.attach(ring({ size: 16 }), { eventIdx: true });
    const check = requirement('notify/packed-device-event-flags-with-event-idx');
    for (const seed of [1, 2, 3]) {
      driver.warmUp(queue, { seed });
      check.oneOf(
        eventFlags(queue.ring.deviceEvent()),
        [ENABLE, DISABLE, DESC],
        `device event flags after list ${seed}`,
      );
    }
  },
});

export const reservedBits = defineCase({
  id: 'virtio/packed-ring/device-event-reserved-bits-are-zero',
  title: 'the reserved bits beside the device event flags are 0',
  proves: { 'notify/packed-device-event-reserved-bits-zero': 'packed-device-event-reserved-bits' },
  applies: { start: 'negotiated', ring: 'packed' },
  run({ driver, ring, requirement }) {
    const queue = driver.attach(ring({ size: 16 }));
    const check = requirement('notify/packed-device-event-reserved-bits-zero');
    for (const seed of [1, 2, 3]) {
      driver.warmUp(queue, { seed });
      check.equal(queue.ring.deviceEvent() >>> 18, 0, `reserved bits after list ${seed}`);
    }
  },
});

/** What becomes of calls is the device's affair; it has to go on serving. */
function servesUnder(
  {
    connect,
    driverOf,
    ring,
  }: Pick<CaseContext<string, VariantAxes, Session, GuestPackedRing>, 'connect' | 'driverOf' | 'ring'>,
  check: Check,
  { key, word, eventIdx }: { readonly key: string; readonly word: number; readonly eventIdx: boolean },
): void {
  const session = connect('negotiated');
  const driver = driverOf(session);
  const queue = driver.attach(ring({ size: 16 }), { eventIdx });
  for (const seed of [1, 2, 3]) {
    queue.ring.setDriverEvent(word);
    const problem = driver.once(queue, { seed });
    check.equal(problem, undefined, `what is wrong with request ${seed} under ${key}`);
  }
  session.close();
}

export const reservedFlags = defineCase({
  id: 'virtio/packed-ring/reserved-driver-event-flags-are-survived',
  title: 'driver event flags with the reserved value 3, and reserved bits beside them, are survived',
  proves: { 'notify/packed-reserved-event-flags-survived': 'packed-reserved-event-flags-crash' },
  applies: { start: 'closed', ring: 'packed' },
  run(context) {
    const check = context.requirement('notify/packed-reserved-event-flags-survived');
    const all = [3, 4, 7, 0x8000, 0xfffc, 0xffff].map((flags) => ({
      key: `flags=${flags}`,
      word: (flags << 16) >>> 0,
      eventIdx: false,
    }));
    context.points(all, (point) => servesUnder(context, check, point));
  },
});

export const offsetOutOfRange = defineCase({
  id: 'virtio/packed-ring/driver-event-offset-out-of-range-is-survived',
  title: 'a driver event offset at or above the queue size is survived',
  proves: { 'notify/packed-event-offset-out-of-range-survived': 'packed-event-offset-out-of-range-crashes' },
  applies: { start: 'closed', ring: 'packed', negotiate: ['VIRTIO_F_EVENT_IDX'] },
  run(context) {
    const check = context.requirement('notify/packed-event-offset-out-of-range-survived');
    const all = [16, 17, 0x7fff].flatMap((slot) =>
      ([0, 1] as const).map((wrap) => ({
        key: `offset=${slot},wrap=${wrap}`,
        word: eventWord(DESC, slot, wrap),
        eventIdx: true,
      })),
    );
    context.points(all, (point) => servesUnder(context, check, point));
  },
});
