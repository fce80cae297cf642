import { defineCase } from '../case.ts';
import { severalRings } from '../several-rings.ts';
import {
  answerLength,
  baseOf,
  eachOf,
  hasAnswer,
  noPayload,
  readAnswer,
  requests,
  resized,
  sent,
  soundPayload,
  state,
  stateIn,
  u64,
  waiting,
} from './channel-door.ts';

/** Which answer waits to be read, and what is in it (second RFC, device side). */

const transports = ['vhost-mdev'] as const;

export const withoutNeedReply = defineCase({
  id: 'vhost-mdev/answer/need-reply-is-not-needed',
  title: 'GET_FEATURES and GET_VRING_BASE leave an answer with the flag of need-reply and without it',
  proves: { 'vm-channel/answer-without-need-reply': 'mdev-answers-when-asked-for-reply' },
  applies: { start: 'connected', transports, ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vm-channel/answer-without-need-reply');
    for (const flags of [1, 0]) {
      for (const [request, payload] of [
        ['VHOST_GET_FEATURES', noPayload],
        ['VHOST_GET_VRING_BASE', state(0, 0)],
      ] as const) {
        sent(session, request, payload, { flags });
        check.equal(
          readAnswer(session).resultOf,
          `${answerLength} bytes`,
          `the answer to ${request} with flags ${flags}`,
        );
      }
    }
  },
});

export const setRequestsUnanswered = defineCase({
  id: 'vhost-mdev/answer/set-requests-have-none',
  title: 'no request that sets something leaves an answer, though it asks for one',
  proves: { 'vm-channel/no-answer-to-set-requests': 'mdev-acknowledges-on-need-reply' },
  applies: { start: 'closed', transports, ring: 'none' },
  run({ connect, guest, points, requirement }) {
    const check = requirement('vm-channel/no-answer-to-set-requests');
    points(eachOf(requests.filter((request) => !hasAnswer(request))), ({ request }) => {
      const session = connect('connected');
      waiting(session);
      sent(session, request, soundPayload(session, guest, request), { flags: 1 });
      check.equal(waiting(session), 'none', `what waits behind ${request}`);
    });
  },
});

export const unknownFlags = defineCase({
  id: 'vhost-mdev/answer/unknown-flags-are-ignored',
  title: 'messages are carried out whatever flags without a meaning they have',
  proves: { 'vm-channel/unknown-flags-ignored': 'mdev-unknown-flags-refused' },
  applies: { start: 'closed', transports, ring: 'none' },
  run({ connect, points, requirement }) {
    const check = requirement('vm-channel/unknown-flags-ignored');
    const all = [0x2, 0x4, 0x100, 0x8000_0000, 0xffff_fffe].map((flags) => ({ key: `0x${flags.toString(16)}`, flags }));
    points(all, ({ key, flags }) => {
      const session = connect('connected');
      check.equal(sent(session, 'VHOST_SET_VRING_BASE', state(0, 7), { flags }), '24 bytes', `SET with flags ${key}`);
      sent(session, 'VHOST_GET_VRING_BASE', state(0, 0), { flags });
      check.equal(stateIn(readAnswer(session)).num, 7, `the answer to a GET with flags ${key}`);
    });
  },
});

const bases = [0, 1, 255, 256, 32767, 32768, 40000, 65535];

export const repeatsRequest = defineCase({
  id: 'vhost-mdev/answer/repeats-its-request',
  title: 'an answer has the number of the request that was asked, whatever it tells',
  proves: { 'vm-channel/answer-repeats-request': 'mdev-answer-of-another-request' },
  applies: { start: 'connected', transports, ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vm-channel/answer-repeats-request');
    sent(session, 'VHOST_GET_FEATURES');
    check.equal(waiting(session), 'VHOST_GET_FEATURES', 'request of an answer');
    for (const base of bases) {
      sent(session, 'VHOST_SET_VRING_BASE', state(0, base));
      sent(session, 'VHOST_GET_VRING_BASE', state(0, 0));
      check.equal(waiting(session), 'VHOST_GET_VRING_BASE', `request of the answer that tells base ${base}`);
    }
  },
});

export const noFlags = defineCase({
  id: 'vhost-mdev/answer/has-no-flags',
  title: 'flags of an answer are 0, whatever those of the request were',
  proves: { 'vm-channel/answer-has-no-flags': 'mdev-answer-with-flags' },
  applies: { start: 'connected', transports, ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vm-channel/answer-has-no-flags');
    for (const flags of [0, 1, 0xffff_ffff]) {
      sent(session, 'VHOST_GET_FEATURES', noPayload, { flags });
      const answer = readAnswer(session);
      check.equal(
        `${answer.request} ${answer.flags}`,
        'VHOST_GET_FEATURES 0',
        `request and flags, asked with ${flags}`,
      );
    }
  },
});

export const tellsSize = defineCase({
  id: 'vhost-mdev/answer/tells-its-size',
  title: 'the size of an answer is the 8 bytes behind its header',
  proves: { 'vm-channel/answer-tells-its-size': 'mdev-answer-with-size-zero' },
  applies: { start: 'connected', transports, ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vm-channel/answer-tells-its-size');
    sent(session, 'VHOST_GET_FEATURES');
    check.equal(readAnswer(session).size, 8, 'size of the answer to GET_FEATURES');
    sent(session, 'VHOST_GET_VRING_BASE', state(0, 0));
    check.equal(readAnswer(session).size, 8, 'size of the answer to GET_VRING_BASE');
  },
});

export const newerReplaces = defineCase({
  id: 'vhost-mdev/answer/newer-replaces-older',
  title: 'of two requests in flight the second is answered, and that alone',
  proves: { 'vm-channel/newer-answer-replaces-older': 'mdev-older-answer-kept' },
  applies: { start: 'connected', transports, ring: 'none', when: [severalRings] },
  run({ session, requirement }) {
    const check = requirement('vm-channel/newer-answer-replaces-older');
    sent(session, 'VHOST_GET_FEATURES');
    sent(session, 'VHOST_GET_VRING_BASE', state(0, 0));
    check.equal(waiting(session), 'VHOST_GET_VRING_BASE', 'what waits behind GET_FEATURES and GET_VRING_BASE');
    check.equal(waiting(session), 'none', 'what waits behind it');
    sent(session, 'VHOST_GET_VRING_BASE', state(0, 0));
    sent(session, 'VHOST_GET_FEATURES');
    check.equal(waiting(session), 'VHOST_GET_FEATURES', 'what waits behind GET_VRING_BASE and GET_FEATURES');
    sent(session, 'VHOST_SET_VRING_BASE', state(1, 9));
    sent(session, 'VHOST_GET_VRING_BASE', state(0, 0));
    sent(session, 'VHOST_GET_VRING_BASE', state(1, 0));
    check.equal(stateIn(readAnswer(session)).num, 9, 'base of the second ring that was asked for');
  },
});

export const othersKeep = defineCase({
  id: 'vhost-mdev/answer/outlives-other-messages',
  title: 'an answer still waits behind each of the messages that have none',
  proves: { 'vm-channel/other-messages-keep-answer': 'mdev-other-message-loses-answer' },
  applies: { start: 'closed', transports, ring: 'none' },
  run({ connect, guest, points, requirement }) {
    const check = requirement('vm-channel/other-messages-keep-answer');
    points(eachOf(requests.filter((request) => !hasAnswer(request))), ({ request }) => {
      const session = connect('connected');
      sent(session, 'VHOST_GET_FEATURES');
      sent(session, request, soundPayload(session, guest, request));
      check.equal(waiting(session), 'VHOST_GET_FEATURES', `what waits behind ${request}`);
    });
  },
});

export const refusedKeeps = defineCase({
  id: 'vhost-mdev/answer/outlives-refused-messages',
  title: 'an answer still waits behind messages that were refused',
  proves: { 'vm-channel/refused-message-keeps-answer': 'mdev-refused-message-loses-answer' },
  applies: { start: 'closed', transports, ring: 'none' },
  run({ connect, points, requirement }) {
    const check = requirement('vm-channel/refused-message-keeps-answer');
    const refused = [
      { key: 'unknown request', request: 0x4008_af20n, payload: u64(0), shape: {} },
      { key: 'payload too long', request: 'VHOST_SET_LOG_BASE', payload: resized(noPayload, 16), shape: {} },
      { key: 'size mistold', request: 'VHOST_SET_LOG_BASE', payload: u64(0), shape: { size: 16 } },
      { key: 'another offset', request: 'VHOST_SET_LOG_BASE', payload: u64(0), shape: { offset: 8 } },
      { key: 'no such ring', request: 'VHOST_SET_VRING_BASE', payload: state(4096, 0), shape: {} },
      { key: 'base of no such ring', request: 'VHOST_GET_VRING_BASE', payload: state(4096, 0), shape: {} },
      { key: 'no such state', request: 'VHOST_DEVICE_SET_STATE', payload: u64(2), shape: {} },
    ] as const;
    points(refused, ({ key, request, payload, shape }) => {
      const session = connect('connected');
      sent(session, 'VHOST_GET_FEATURES');
      sent(session, request, payload, shape);
      check.equal(waiting(session), 'VHOST_GET_FEATURES', `what waits behind a message refused for ${key}`);
    });
  },
});

export const refusedUnanswered = defineCase({
  id: 'vhost-mdev/answer/refused-request-has-none',
  title: 'the base of a ring that there is not is not answered',
  proves: { 'vm-channel/refused-request-has-no-answer': 'mdev-refused-request-answered' },
  applies: { start: 'closed', transports, ring: 'none' },
  run({ connect, points, requirement }) {
    const check = requirement('vm-channel/refused-request-has-no-answer');
    const indices = [4096, 65535, 65536, 0x7fff_ffff, 0xffff_ffff].map((index) => ({ key: `ring ${index}`, index }));
    points(indices, ({ key, index }) => {
      const session = connect('connected');
      readAnswer(session);
      sent(session, 'VHOST_GET_VRING_BASE', state(index, 0), { flags: 1 });
      check.equal(waiting(session), 'none', `what waits behind GET_VRING_BASE of ${key}`);
    });
  },
});

export const ofItsTime = defineCase({
  id: 'vhost-mdev/answer/is-of-the-time-of-its-request',
  title: 'an answer that was not read yet does not follow what changes behind it',
  proves: { 'vm-channel/answer-is-of-its-request-time': 'mdev-answer-made-when-read' },
  applies: { start: 'connected', transports, ring: 'none' },
  run({ session, requirement }) {
    sent(session, 'VHOST_SET_VRING_BASE', state(0, 5));
    sent(session, 'VHOST_GET_VRING_BASE', state(0, 0));
    sent(session, 'VHOST_SET_VRING_BASE', state(0, 9));
    const check = requirement('vm-channel/answer-is-of-its-request-time');
    check.equal(stateIn(readAnswer(session)).num, 5, 'the base that was asked for before it changed');
    check.equal(baseOf(session, 0), 9, 'the base that is asked for now');
  },
});

export const baseIndex = defineCase({
  id: 'vhost-mdev/answer/tells-the-index-of-its-ring',
  title: 'GET_VRING_BASE is answered with the index that was asked for, whatever number stands beside it',
  proves: { 'vm-channel/base-answer-has-index': 'mdev-base-answer-of-ring-zero' },
  applies: { start: 'connected', transports, ring: 'none', when: [severalRings] },
  run({ session, requirement }) {
    const check = requirement('vm-channel/base-answer-has-index');
    for (const index of [0, 1]) {
      for (const num of [0, 1, 65535, 0xffff_ffff]) {
        sent(session, 'VHOST_GET_VRING_BASE', state(index, num));
        check.equal(stateIn(readAnswer(session)).index, index, `index of the answer, asked with number ${num}`);
      }
    }
  },
});
