import type { VhostMdevSession } from '../../drivers/port/port.ts';
import { defineCase } from '../case.ts';
import { answerLength, channelSize, noPayload, readAnswer, sent, state, waiting } from './channel-door.ts';
import { refusesCall } from './refusal.ts';

/** How answers are read: place and length (second RFC, device side, "CONFIG read"). */

const transports = ['vhost-mdev'] as const;

export const nothingWaits = defineCase({
  id: 'vhost-mdev/answer/read-without-answer-is-empty',
  title: 'a read of any length while no answer waits returns 0',
  proves: { 'vm-channel/read-without-answer-is-empty': 'mdev-read-without-answer-waits' },
  applies: { start: 'connected', transports, ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vm-channel/read-without-answer-is-empty');
    // What an earlier user may have left.
    readAnswer(session);
    for (const length of [1, 16, answerLength, 64, 4096]) {
      check.equal(readAnswer(session, length).resultOf, '0 bytes', `a read of ${length} bytes`);
    }
    sent(session, 'VHOST_SET_OWNER');
    check.equal(readAnswer(session).resultOf, '0 bytes', 'a read behind SET_OWNER');
  },
});

interface OffsetPoint {
  readonly key: string;
  readonly offset: (session: VhostMdevSession) => number;
}

const otherOffsets: readonly OffsetPoint[] = [
  ...[1, 8, 16, 24, 4000].map((offset) => ({ key: `offset ${offset}`, offset: () => offset })),
  // Where an answer just fits in, where it crosses the end, and where it would begin.
  ...[answerLength, 8, 0].map((before) => ({
    key: `${before} bytes before the end`,
    offset: (session: VhostMdevSession) => channelSize(session) - before,
  })),
];

export const readElsewhere = defineCase({
  id: 'vhost-mdev/answer/read-elsewhere-is-refused',
  title: 'an answer cannot be read anywhere but at offset 0',
  proves: { 'vm-channel/read-elsewhere-refused': 'mdev-answer-read-elsewhere' },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const { connect, points, requirement } = context;
    const check = requirement('vm-channel/read-elsewhere-refused');
    points(otherOffsets, ({ key, offset }) => {
      refusesCall(context, check, {
        what: `a read at ${key}`,
        open: () => {
          const session = connect('connected');
          sent(session, 'VHOST_GET_FEATURES');
          return session;
        },
        flawed: (session) => readAnswer(session, answerLength, offset(session)).resultOf,
        control: (session) => readAnswer(session).resultOf,
        controlName: 'at offset 0',
      });
    });
  },
});

export const readElsewhereKeeps = defineCase({
  id: 'vhost-mdev/answer/outlives-read-elsewhere',
  title: 'an answer still waits behind a read at another offset',
  proves: { 'vm-channel/read-elsewhere-keeps-answer': 'mdev-read-elsewhere-loses-answer' },
  applies: { start: 'closed', transports, ring: 'none' },
  run({ connect, points, requirement }) {
    const check = requirement('vm-channel/read-elsewhere-keeps-answer');
    points(otherOffsets, ({ key, offset }) => {
      const session = connect('connected');
      sent(session, 'VHOST_GET_FEATURES');
      readAnswer(session, answerLength, offset(session));
      check.equal(waiting(session), 'VHOST_GET_FEATURES', `what waits behind a read at ${key}`);
    });
  },
});

const otherLengths = [1, 8, 15, 16, 20, 23, 25, 32, 56, 4096].map((length) => ({ key: `${length} bytes`, length }));

export const otherLength = defineCase({
  id: 'vhost-mdev/answer/read-of-other-length-is-refused',
  title: 'a read that is shorter or longer than the answer is refused',
  proves: { 'vm-channel/read-of-other-length-refused': 'mdev-longer-read-answered' },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const { connect, points, requirement } = context;
    const check = requirement('vm-channel/read-of-other-length-refused');
    points(otherLengths, ({ key, length }) => {
      refusesCall(context, check, {
        what: `a read of ${key}`,
        open: () => {
          const session = connect('connected');
          sent(session, 'VHOST_GET_FEATURES');
          return session;
        },
        flawed: (session) => readAnswer(session, length).resultOf,
        control: (session) => readAnswer(session).resultOf,
        controlName: 'of the length of the answer',
      });
    });
  },
});

export const otherLengthKeeps = defineCase({
  id: 'vhost-mdev/answer/outlives-read-of-other-length',
  title: 'an answer is not lost to a read that is shorter or longer than it',
  proves: { 'vm-channel/read-of-other-length-keeps-answer': 'mdev-wrong-read-loses-answer' },
  applies: { start: 'closed', transports, ring: 'none' },
  run({ connect, points, requirement }) {
    const check = requirement('vm-channel/read-of-other-length-keeps-answer');
    points(otherLengths, ({ key, length }) => {
      const session = connect('connected');
      sent(session, 'VHOST_GET_FEATURES');
      readAnswer(session, length);
      check.equal(waiting(session), 'VHOST_GET_FEATURES', `what waits behind a read of ${key}`);
    });
  },
});

export const readOnce = defineCase({
  id: 'vhost-mdev/answer/is-read-once',
  title: 'an answer is gone once it was read',
  proves: { 'vm-channel/answer-is-read-once': 'mdev-answer-stays' },
  applies: { start: 'connected', transports, ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vm-channel/answer-is-read-once');
    for (const [request, payload] of [
      ['VHOST_GET_FEATURES', noPayload],
      ['VHOST_GET_VRING_BASE', state(0, 0)],
    ] as const) {
      sent(session, request, payload);
      readAnswer(session);
      check.equal(readAnswer(session).resultOf, '0 bytes', `a second read behind ${request}`);
    }
  },
});
