import type { VhostMdevSession } from '../../drivers/port/port.ts';
import { VIRTIO_F_ACCESS_PLATFORM, VIRTIO_F_VERSION_1 } from '../../reference-impl/virtqueue/feature-bits.ts';
import { defineCase } from '../case.ts';
import { readAnswer, sent, u64, wordIn } from './channel-door.ts';
import { refusesCall } from './refusal.ts';

/** GET_FEATURES and SET_FEATURES (second RFC, device side, "requests"). */

const transports = ['vhost-mdev'] as const;

const setFeatures = (session: VhostMdevSession, word: bigint): string => sent(session, 'VHOST_SET_FEATURES', u64(word));

/** What GET_FEATURES answers; 0 where it does not. */
function offerOf(session: VhostMdevSession): bigint {
  sent(session, 'VHOST_GET_FEATURES');
  return wordIn(readAnswer(session)) ?? 0n;
}

const bits = Array.from({ length: 64 }, (_, bit) => 1n << BigInt(bit));

export const same = defineCase({
  id: 'vhost-mdev/features/are-the-same-again',
  title: 'GET_FEATURES answers the same before and after features were accepted',
  proves: { 'vm-channel/features-are-the-same-again': 'mdev-offer-shrinks' },
  applies: { start: 'connected', transports, ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vm-channel/features-are-the-same-again');
    const before = offerOf(session);
    check.notEqual(before, 0n, 'features offered');
    for (const word of [before & VIRTIO_F_VERSION_1, 0n]) {
      setFeatures(session, word);
      check.equal(offerOf(session), before, `features offered behind SET_FEATURES of 0x${word.toString(16)}`);
    }
  },
});

export const offeredTaken = defineCase({
  id: 'vhost-mdev/features/offered-are-taken',
  title: 'all features that are offered can be accepted, and none of them',
  proves: { 'vm-channel/offered-features-taken': 'mdev-no-features-refused' },
  applies: { start: 'connected', transports, ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vm-channel/offered-features-taken');
    check.equal(setFeatures(session, offerOf(session)), '24 bytes', 'SET_FEATURES of all that is offered');
    check.equal(setFeatures(session, 0n), '24 bytes', 'SET_FEATURES of none');
  },
});

export const unofferedRefused = defineCase({
  id: 'vhost-mdev/features/unoffered-are-refused',
  title: 'each bit that is not offered is refused, alone and beside one that is',
  proves: { 'vm-channel/unoffered-features-refused': 'mdev-unoffered-features-masked' },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const { connect, requirement } = context;
    const check = requirement('vm-channel/unoffered-features-refused');
    const offer = offerOf(connect('connected'));
    const missing = bits.filter((one) => (one & offer) === 0n);
    const beside = (missing[0] ?? 0n) | (offer & VIRTIO_F_VERSION_1);
    for (const word of [...missing, beside]) {
      refusesCall(context, check, {
        what: `SET_FEATURES of 0x${word.toString(16)}`,
        open: () => connect('connected'),
        flawed: (session) => setFeatures(session, word),
        control: (session) => setFeatures(session, word & offer),
        controlName: `0x${(word & offer).toString(16)}`,
      });
    }
  },
});

export const refusedChangeNothing = defineCase({
  id: 'vhost-mdev/features/refused-change-nothing',
  title: 'EVENT_IDX stays accepted behind features that were refused: calls follow used_event and not the flag',
  proves: { 'vm-channel/refused-features-change-nothing': 'mdev-refused-features-clear' },
  applies: { start: 'negotiated', transports, negotiate: ['VIRTIO_F_EVENT_IDX'], ring: 'split' },
  run({ session, driver, ring, requirement }) {
    const offer = offerOf(session);
    setFeatures(session, bits.find((one) => (one & offer) === 0n) ?? 0n);
    const queue = driver.attach(ring({ size: 16 }), { eventIdx: true });
    queue.ring.setAvailFlags(1);
    queue.drainCalls();
    queue.ring.setUsedEvent(0);
    const problem = driver.once(queue);
    const check = requirement('vm-channel/refused-features-change-nothing');
    check.equal(problem, undefined, 'a request');
    check.equal(queue.waitForCalls(1), true, 'whether the call came that used_event asks for');
  },
});

export const replaced = defineCase({
  id: 'vhost-mdev/features/change-while-stopped',
  title: 'EVENT_IDX that is accepted and then left out counts no more: used_event withholds no call',
  proves: { 'vm-channel/features-change-while-stopped': 'mdev-features-add-up' },
  applies: { start: 'negotiated', transports, negotiate: ['VIRTIO_F_EVENT_IDX'], ring: 'split' },
  run({ session, driver, ring, requirement }) {
    const check = requirement('vm-channel/features-change-while-stopped');
    const less = session.negotiated.accepted.device & ~(1n << 29n);
    check.equal(setFeatures(session, less), '24 bytes', 'SET_FEATURES without EVENT_IDX');
    const queue = driver.attach(ring({ size: 16 }));
    queue.drainCalls();
    queue.ring.setUsedEvent(0x7fff);
    check.equal(driver.once(queue), undefined, 'a request');
    check.equal(queue.waitForCalls(1), true, 'whether a call came');
  },
});

export const whileRunning = defineCase({
  id: 'vhost-mdev/features/while-running-are-refused',
  title: 'features cannot be accepted while the device runs, and can again once it is stopped',
  proves: { 'vm-channel/features-while-running-refused': 'mdev-features-taken-while-running' },
  applies: { start: 'closed', transports },
  run(context) {
    const { connect, driverOf, guest, ring, requirement } = context;
    const check = requirement('vm-channel/features-while-running-refused');
    for (const which of ['none', 'the same'] as const) {
      const word = ({ negotiated }: VhostMdevSession): bigint => (which === 'none' ? 0n : negotiated.accepted.device);
      const mark = guest.mark();
      refusesCall(context, check, {
        what: `SET_FEATURES of ${which} while it runs`,
        errors: ['EBUSY'],
        open: () => {
          const session = connect('negotiated');
          driverOf(session).attach(ring({ size: 16 }));
          return session;
        },
        flawed: (session) => setFeatures(session, word(session)),
        control: (session) => {
          sent(session, 'VHOST_DEVICE_SET_STATE', u64(0));
          return setFeatures(session, word(session));
        },
        controlName: which,
      });
      guest.release(mark);
    }
  },
});

export const withoutAccessPlatform = defineCase({
  id: 'vhost-mdev/features/access-platform-is-not-of-l1',
  title: 'ACCESS_PLATFORM is not offered in layout L1, whose addresses are no I/O-virtual ones',
  proves: { 'vm-channel/l1-has-no-access-platform': 'mdev-l1-offers-access-platform' },
  applies: { start: 'connected', transports, needs: ['layout-l1'], ring: 'none' },
  run({ session, requirement }) {
    const offer = offerOf(session);
    const check = requirement('vm-channel/l1-has-no-access-platform');
    check.equal(offer & VIRTIO_F_VERSION_1, VIRTIO_F_VERSION_1, 'VERSION_1 among what is offered');
    check.equal(offer & VIRTIO_F_ACCESS_PLATFORM, 0n, 'ACCESS_PLATFORM among what is offered');
  },
});
