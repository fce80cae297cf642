import { mdevMessages } from '../../reference-impl/wire/mdev-messages.ts';
import { defineCase } from '../case.ts';
import {
  baseOf,
  eachOf,
  noPayload,
  requests,
  resized,
  sent,
  soundPayload,
  state,
  u64,
  waiting,
} from './channel-door.ts';
import { refusesCall } from './refusal.ts';

/** What is made of a request and its payload (second RFC, device side, "requests"). */

const transports = ['vhost-mdev'] as const;

const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);

/** Numbers that are none of vhost-mdev's; most differ from one of them in a part. */
const unknownRequests: readonly { readonly key: string; readonly request: bigint; readonly payload: Uint8Array }[] = [
  { key: '0', request: 0n, payload: noPayload },
  { key: '1', request: 1n, payload: noPayload },
  { key: 'GET_FEATURES without direction', request: 0x0008_af00n, payload: noPayload },
  { key: 'GET_FEATURES of both directions', request: 0xc008_af00n, payload: noPayload },
  { key: 'GET_FEATURES of 4 bytes', request: 0x8004_af00n, payload: noPayload },
  { key: 'SET_OWNER with a payload', request: 0x4008_af01n, payload: u64(0) },
  { key: 'VHOST_SET_VRING_KICK', request: 0x4008_af20n, payload: u64(0) },
  { key: 'VHOST_SET_VRING_CALL', request: 0x4008_af21n, payload: u64(0) },
  { key: 'VHOST_SET_LOG_FD', request: 0x4004_af07n, payload: resized(noPayload, 4) },
  { key: 'VHOST_GET_BACKEND_FEATURES', request: 0x8008_af26n, payload: noPayload },
  { key: 'DEVICE_SET_STATE read', request: 0x8008_af70n, payload: noPayload },
  { key: 'the number behind DEVICE_SET_STATE', request: 0x4008_af71n, payload: u64(1) },
  { key: 'VFIO_DEVICE_GET_INFO', request: 0x3b6bn, payload: resized(noPayload, 16) },
  { key: 'all ones', request: 0xffff_ffff_ffff_ffffn, payload: noPayload },
];

export const unknownRefused = defineCase({
  id: 'vhost-mdev/channel/unknown-request-is-refused',
  title: 'a request that vhost-mdev does not have is refused, however near to one of its own',
  proves: { 'vm-channel/unknown-request-refused': 'mdev-unknown-request-taken' },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const { connect, points, requirement } = context;
    const check = requirement('vm-channel/unknown-request-refused');
    points(unknownRequests, ({ key, request, payload }) => {
      refusesCall(context, check, {
        what: key,
        open: () => connect('connected'),
        flawed: (session) => sent(session, request, payload),
        control: (session) =>
          payload.length === 0 ? sent(session, 'VHOST_SET_OWNER') : sent(session, 'VHOST_SET_LOG_BASE', u64(0)),
        controlName: payload.length === 0 ? 'SET_OWNER' : 'SET_LOG_BASE',
      });
    });
  },
});

export const unknownUnanswered = defineCase({
  id: 'vhost-mdev/channel/unknown-request-has-no-answer',
  title: 'a request that vhost-mdev does not have leaves no answer, though it asks for one',
  proves: { 'vm-channel/unknown-request-has-no-answer': 'mdev-unknown-request-answered' },
  applies: { start: 'closed', transports, ring: 'none' },
  run({ connect, points, requirement }) {
    const check = requirement('vm-channel/unknown-request-has-no-answer');
    points(unknownRequests, ({ key, request, payload }) => {
      const session = connect('connected');
      waiting(session);
      sent(session, request, payload, { flags: 1 });
      check.equal(waiting(session), 'none', `what waits behind ${key}`);
    });
  },
});

export const upperHalf = defineCase({
  id: 'vhost-mdev/channel/request-has-64-bits',
  title: 'a number that is a request in its lower half alone is none',
  proves: { 'vm-channel/request-has-64-bits': 'mdev-request-cut-to-32-bits' },
  applies: { start: 'connected', transports, ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vm-channel/request-has-64-bits');
    waiting(session);
    for (const bit of [32n, 47n, 63n]) {
      sent(session, (1n << bit) | 0x8008_af00n);
      check.equal(waiting(session), 'none', `what waits behind GET_FEATURES with bit ${bit}`);
    }
    sent(session, 'VHOST_SET_VRING_BASE', state(0, 7));
    sent(session, (1n << 32n) | 0x4008_af12n, state(0, 9));
    check.equal(baseOf(session, 0), 7, 'base behind SET_VRING_BASE of 9 with bit 32');
  },
});

const sizes = [0, 1, 4, 7, 8, 9, 12, 16, 36, 39, 40, 41, 48, 256];

/** Of SET_MEM_TABLE layout L2 takes any size, and what L1 takes is a matter of its count. */
const wrongSizes = eachOf(requests.filter((request) => request !== 'VHOST_SET_MEM_TABLE')).flatMap(
  ({ key, request }) => {
    const right = request === 'VHOST_DEVICE_SET_STATE' ? [4, 8] : [mdevMessages[request].payload.size];
    return sizes
      .filter((size) => !right.includes(size))
      .map((size) => ({ key: `${key} with ${size} bytes`, request, size }));
  },
);

export const payloadSize = defineCase({
  id: 'vhost-mdev/channel/payload-of-wrong-size-is-refused',
  title: 'every request refuses a payload that is shorter or longer than its own',
  proves: { 'vm-channel/payload-size-checked': 'mdev-payload-size-unchecked' },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const { connect, guest, points, requirement } = context;
    const check = requirement('vm-channel/payload-size-checked');
    points(wrongSizes, ({ key, request, size }) => {
      refusesCall(context, check, {
        what: key,
        open: () => connect('connected'),
        flawed: (session) => sent(session, request, resized(soundPayload(session, guest, request), size)),
        control: (session) => sent(session, request, soundPayload(session, guest, request)),
        controlName: request,
      });
    });
  },
});

export const wrongPayloadWithoutEffect = defineCase({
  id: 'vhost-mdev/channel/payload-of-wrong-size-has-no-effect',
  title: 'a base told by too many or too few bytes is not stored, and a request with a payload has no answer',
  proves: { 'vm-channel/wrong-payload-has-no-effect': 'mdev-wrong-payload-acted-on' },
  applies: { start: 'connected', transports, ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vm-channel/wrong-payload-has-no-effect');
    waiting(session);
    sent(session, 'VHOST_SET_VRING_BASE', state(0, 7));
    for (const size of [12, 7]) {
      sent(session, 'VHOST_SET_VRING_BASE', resized(state(0, 9), size));
      check.equal(baseOf(session, 0), 7, `base behind SET_VRING_BASE of 9 in ${size} bytes`);
    }
    sent(session, 'VHOST_SET_VRING_BASE', resized(state(0, 9), 4));
    check.equal(baseOf(session, 0), 7, 'base behind an index without a number');
  },
});

export const shortState = defineCase({
  id: 'vhost-mdev/channel/state-of-4-bytes-is-taken',
  title: 'a device is stopped and started by states of 4 bytes, as the client of the first RFC sends them',
  proves: { 'vm-channel/state-of-4-bytes-taken': 'mdev-state-of-4-bytes-refused' },
  applies: { start: 'negotiated', transports },
  run({ session, driver, ring, requirement }) {
    const check = requirement('vm-channel/state-of-4-bytes-taken');
    const queue = driver.attach(ring({ size: 16 }));
    const set = (running: number): boolean =>
      check.equal(sent(session, 'VHOST_DEVICE_SET_STATE', u32(running)), '20 bytes', `state ${running} in 4 bytes`);
    set(0);
    // What is missing of the next message is 0, and not what this one has there.
    sent(session, 'VHOST_SET_LOG_BASE', u64(0xffff_ffff_ffff_f000n));
    set(1);
    check.equal(driver.once(queue), undefined, 'a request behind it');
  },
});

export const ownerTaken = defineCase({
  id: 'vhost-mdev/channel/owner-messages-are-taken-at-any-time',
  title: 'SET_OWNER and RESET_OWNER are taken, and taken again, stopped and running',
  proves: { 'vm-channel/owner-messages-taken': 'mdev-reset-owner-refused' },
  applies: { start: 'negotiated', transports },
  run({ session, driver, ring, requirement }) {
    const check = requirement('vm-channel/owner-messages-taken');
    for (const when of ['stopped', 'running']) {
      for (const request of ['VHOST_SET_OWNER', 'VHOST_RESET_OWNER', 'VHOST_RESET_OWNER', 'VHOST_SET_OWNER'] as const) {
        check.equal(sent(session, request), '16 bytes', `${request} of a device that is ${when}`);
      }
      if (when === 'stopped') driver.attach(ring({ size: 16 }));
    }
  },
});

export const resetOwnerWithoutEffect = defineCase({
  id: 'vhost-mdev/channel/reset-owner-has-no-effect',
  title: 'a device that runs goes on behind RESET_OWNER, and keeps the base of a ring that rests',
  proves: { 'vm-channel/reset-owner-has-no-effect': 'mdev-reset-owner-resets' },
  applies: { start: 'negotiated', transports, ring: 'split' },
  run({ session, driver, ring, requirement }) {
    const check = requirement('vm-channel/reset-owner-has-no-effect');
    sent(session, 'VHOST_SET_VRING_BASE', state(0, 7));
    sent(session, 'VHOST_RESET_OWNER');
    check.equal(baseOf(session, 0), 7, 'base of ring 0 behind RESET_OWNER');
    const queue = driver.attach(ring({ size: 16 }));
    driver.warmUp(queue);
    sent(session, 'VHOST_RESET_OWNER');
    check.equal(driver.once(queue), undefined, 'a request behind RESET_OWNER');
  },
});

export const logBase = defineCase({
  id: 'vhost-mdev/channel/log-base-is-taken',
  title: 'SET_LOG_BASE is taken whatever its address, as no log is kept',
  proves: { 'vm-channel/log-base-taken': 'mdev-log-base-refused' },
  applies: { start: 'connected', transports, ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vm-channel/log-base-taken');
    for (const base of [0n, 0x1000n, 0x7fff_0000_0001n, (1n << 64n) - 1n]) {
      check.equal(sent(session, 'VHOST_SET_LOG_BASE', u64(base)), '24 bytes', `SET_LOG_BASE of 0x${base.toString(16)}`);
    }
  },
});
