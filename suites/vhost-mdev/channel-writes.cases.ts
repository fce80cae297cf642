import type { VhostMdevSession } from '../../drivers/port/port.ts';
import { MDEV_HEADER_SIZE } from '../../reference-impl/wire/mdev-messages.ts';
import { defineCase } from '../case.ts';
import {
  baseOf,
  channelSize,
  eachOf,
  noPayload,
  readAnswer,
  requests,
  resized,
  sent,
  soundPayload,
  state,
  u64,
  waiting,
  written,
} from './channel-door.ts';
import { refusesCall } from './refusal.ts';

/** How messages are written: place and length (second RFC, device side, "CONFIG write"). */

const transports = ['vhost-mdev'] as const;

export const takenWhole = defineCase({
  id: 'vhost-mdev/channel/message-is-taken-whole',
  title: 'the write of each message returns its whole length',
  proves: { 'vm-channel/message-is-taken-whole': 'mdev-message-taken-in-part' },
  applies: { start: 'closed', transports, ring: 'none' },
  run({ connect, guest, points, requirement }) {
    const check = requirement('vm-channel/message-is-taken-whole');
    points(eachOf(requests), ({ request }) => {
      const session = connect('connected');
      const payload = soundPayload(session, guest, request);
      check.equal(
        sent(session, request, payload),
        `${MDEV_HEADER_SIZE + payload.length} bytes`,
        `${request} is written`,
      );
    });
  },
});

export const elsewhereRefused = defineCase({
  id: 'vhost-mdev/channel/message-elsewhere-is-refused',
  title:
    'a message anywhere but at offset 0 is refused: each of them at 8, and one elsewhere, over the end of the region too',
  proves: { 'vm-channel/write-elsewhere-refused': 'mdev-message-taken-elsewhere' },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const { connect, guest, points, requirement } = context;
    const check = requirement('vm-channel/write-elsewhere-refused');
    const others = [1, 4, 15, 16, 24, 256, 4000].map((offset) => ({
      key: `GET_FEATURES at ${offset}`,
      request: 'VHOST_GET_FEATURES' as const,
      offset,
    }));
    const all = [...eachOf(requests).map((one) => ({ ...one, offset: 8 })), ...others];
    const atEnd = [16, 8, 0].map((before) => ({
      key: `GET_FEATURES ${before} bytes before the end`,
      request: 'VHOST_GET_FEATURES' as const,
      before,
    }));
    points([...all, ...atEnd], (point) => {
      const { key, request } = point;
      const at = (session: VhostMdevSession, offset: number): string =>
        sent(session, request, soundPayload(session, guest, request), { offset });
      refusesCall(context, check, {
        what: key,
        open: () => connect('connected'),
        flawed: (session) => at(session, 'before' in point ? channelSize(session) - point.before : point.offset),
        control: (session) => at(session, 0),
        controlName: request,
      });
    });
  },
});

export const elsewhereWithoutEffect = defineCase({
  id: 'vhost-mdev/channel/message-elsewhere-has-no-effect',
  title: 'a message behind the start of the region neither changes a ring nor leaves an answer',
  proves: { 'vm-channel/write-elsewhere-has-no-effect': 'mdev-message-elsewhere-acted-on' },
  applies: { start: 'connected', transports, ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vm-channel/write-elsewhere-has-no-effect');
    sent(session, 'VHOST_SET_VRING_BASE', state(0, 7));
    sent(session, 'VHOST_SET_VRING_BASE', state(0, 9), { offset: 8 });
    check.equal(baseOf(session, 0), 7, 'base behind SET_VRING_BASE of 9 at offset 8');
    sent(session, 'VHOST_GET_FEATURES', noPayload, { offset: 24 });
    check.equal(waiting(session), 'none', 'what waits behind GET_FEATURES at offset 24');
  },
});

export const partOfHeader = defineCase({
  id: 'vhost-mdev/channel/part-of-header-is-refused',
  title: 'fewer bytes than a header are refused, and the next message is taken',
  proves: { 'vm-channel/part-of-header-refused': 'mdev-part-of-header-taken' },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const { connect, points, requirement } = context;
    const check = requirement('vm-channel/part-of-header-refused');
    const lengths = [1, 2, 4, 7, 8, 11, 12, 15].map((length) => ({ key: `${length} bytes`, length }));
    points(lengths, ({ length }) => {
      const request = new Uint8Array(BigUint64Array.of(0x8008_af00n, 0n).buffer);
      refusesCall(context, check, {
        what: `${length} bytes of GET_FEATURES`,
        open: () => connect('connected'),
        flawed: (session) => written(session, request.subarray(0, length)),
        behind: (session) => check.equal(sent(session, 'VHOST_GET_FEATURES'), '16 bytes', 'a whole one behind it'),
        control: (session) => written(session, request),
        controlName: 'GET_FEATURES',
      });
    });
  },
});

export const shorterThanTold = defineCase({
  id: 'vhost-mdev/channel/message-shorter-than-told-is-refused',
  title: 'a message that ends before its header says is refused, by one byte or by its payload',
  proves: { 'vm-channel/shorter-than-told-refused': 'mdev-shorter-message-taken' },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const { connect, guest, points, requirement } = context;
    const check = requirement('vm-channel/shorter-than-told-refused');
    const all = eachOf(requests).flatMap(({ key, request }) => [
      { key: `${key} less one byte`, request, isBare: false },
      { key: `${key} without payload`, request, isBare: true },
    ]);
    points(all, ({ request, isBare }) => {
      refusesCall(context, check, {
        what: `${request} without ${isBare ? 'its payload' : 'the last byte of its payload'}`,
        open: () => connect('connected'),
        flawed: (session) => {
          const payload = soundPayload(session, guest, request);
          // One without payload is told to have one.
          const size = payload.length === 0 ? 8 : payload.length;
          return sent(session, request, resized(payload, isBare ? 0 : size - 1), { size });
        },
        control: (session) => sent(session, request, soundPayload(session, guest, request)),
        controlName: request,
      });
    });
  },
});

export const longerThanTold = defineCase({
  id: 'vhost-mdev/channel/message-longer-than-told-is-refused',
  title: 'bytes behind what the header accounts for are refused, a second message among them',
  proves: { 'vm-channel/longer-than-told-refused': 'mdev-longer-message-taken' },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const { connect, guest, points, requirement } = context;
    const check = requirement('vm-channel/longer-than-told-refused');
    const all = eachOf(requests).flatMap(({ key, request }) =>
      [1, 8, 16].map((more) => ({ key: `${key} and ${more} bytes`, request, more })),
    );
    points(all, ({ request, more }) => {
      // Sixteen bytes of SET_OWNER are a message of its own.
      const behind = resized(new Uint8Array(BigUint64Array.of(more === 16 ? 0xaf01n : 0n).buffer), more);
      refusesCall(context, check, {
        what: `${request} with ${more} bytes behind it`,
        open: () => connect('connected'),
        flawed: (session) => {
          const payload = soundPayload(session, guest, request);
          return sent(session, request, Uint8Array.from([...payload, ...behind]), { size: payload.length });
        },
        control: (session) => sent(session, request, soundPayload(session, guest, request)),
        controlName: request,
      });
    });
  },
});

export const mistoldWithoutEffect = defineCase({
  id: 'vhost-mdev/channel/message-of-mistold-size-has-no-effect',
  title: 'a message that is shorter or longer than told changes nothing and leaves no answer',
  proves: { 'vm-channel/mistold-size-has-no-effect': 'mdev-mistold-message-acted-on' },
  applies: { start: 'connected', transports, ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vm-channel/mistold-size-has-no-effect');
    sent(session, 'VHOST_SET_VRING_BASE', state(0, 7));
    sent(session, 'VHOST_SET_VRING_BASE', resized(state(0, 9), 12), { size: 8 });
    check.equal(baseOf(session, 0), 7, 'base behind SET_VRING_BASE with 4 bytes too many');
    sent(session, 'VHOST_SET_VRING_BASE', resized(state(0, 11), 7), { size: 8 });
    check.equal(baseOf(session, 0), 7, 'base behind SET_VRING_BASE with a byte too few');
    sent(session, 'VHOST_GET_FEATURES', u64(0), { size: 0 });
    check.equal(waiting(session), 'none', 'what waits behind GET_FEATURES with 8 bytes too many');
  },
});

export const beyond1024 = defineCase({
  id: 'vhost-mdev/channel/payload-beyond-1024-is-refused',
  title: 'a payload of more than 1024 bytes is refused in layout L2',
  proves: { 'vm-channel/l2-payload-beyond-1024-refused': 'mdev-payload-beyond-1024-taken' },
  applies: { start: 'closed', transports, needs: ['layout-l2'], ring: 'none' },
  run(context) {
    const { connect, points, requirement } = context;
    const check = requirement('vm-channel/l2-payload-beyond-1024-refused');
    const sizes = [1025, 1032, 2048, 65536].map((size) => ({ key: `${size} bytes`, size }));
    points(sizes, ({ size }) => {
      refusesCall(context, check, {
        what: `SET_MEM_TABLE with ${size} bytes`,
        open: () => connect('connected'),
        flawed: (session) => sent(session, 'VHOST_SET_MEM_TABLE', new Uint8Array(size)),
        behind: (session) => check.equal(sent(session, 'VHOST_SET_OWNER'), '16 bytes', 'the next message'),
        control: (session) => sent(session, 'VHOST_SET_MEM_TABLE', new Uint8Array(1024)),
        controlName: 'SET_MEM_TABLE with 1024 bytes',
      });
    });
  },
});

export const of1024 = defineCase({
  id: 'vhost-mdev/channel/payload-of-1024-is-taken',
  title: 'a payload of 1024 bytes is taken in layout L2',
  proves: { 'vm-channel/l2-payload-of-1024-taken': 'mdev-payload-of-1024-refused' },
  applies: { start: 'connected', transports, needs: ['layout-l2'], ring: 'none' },
  run({ session, requirement }) {
    // The one request whose payload may have any length there.
    const answer = sent(session, 'VHOST_SET_MEM_TABLE', new Uint8Array(1024));
    requirement('vm-channel/l2-payload-of-1024-taken').equal(answer, '1040 bytes', 'SET_MEM_TABLE with 1024 bytes');
  },
});

export const hugeSize = defineCase({
  id: 'vhost-mdev/channel/huge-size-is-survived',
  title: 'a size near the ends of 31 and 32 bits is refused, and the next message is answered',
  proves: { 'vm-channel/huge-size-survived': 'mdev-huge-size-crashes' },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const { connect, points, requirement } = context;
    const check = requirement('vm-channel/huge-size-survived');
    const sizes = [0x7fff_ffff, 0x8000_0000, 0x8000_0008, 0xffff_fff0, 0xffff_fff8, 0xffff_ffff];
    points(
      sizes.map((size) => ({ key: `0x${size.toString(16)}`, size })),
      ({ size }) => {
        refusesCall(context, check, {
          what: `8 bytes told to be 0x${size.toString(16)}`,
          open: () => connect('connected'),
          flawed: (session) => sent(session, 'VHOST_SET_LOG_BASE', u64(0), { size }),
          behind: (session) => {
            sent(session, 'VHOST_GET_FEATURES');
            check.equal(readAnswer(session).request, 'VHOST_GET_FEATURES', 'the answer to GET_FEATURES behind it');
          },
          control: (session) => sent(session, 'VHOST_SET_LOG_BASE', u64(0)),
          controlName: 'SET_LOG_BASE',
        });
      },
    );
  },
});
