import type { VhostUserSession } from '../../drivers/port/port.ts';
import type { Attempt } from '../../judging/refusal.ts';
import { defineCase } from '../case.ts';
import { answerBeforeFence, stillServes } from './refusal.ts';
import { openFor } from './request-answers.ts';
import { cutTo, undersizedPoints } from './undersized.ts';

/** The header of every message (vhost-user, "Message Specification", "Header"). */

const versionMask = 3;
const replyFlag = 4;
const requests = ['VHOST_USER_GET_FEATURES', 'VHOST_USER_GET_PROTOCOL_FEATURES'] as const;

export const replyVersion = defineCase({
  id: 'vhost-user/header/reply-carries-version-1',
  title: 'the low two flag bits of a reply hold version 1',
  proves: { 'vu-header/reply-carries-version-1': 'reply-with-version-2' },
  applies: { start: 'connected', transports: ['vhost-user'], offers: ['VHOST_USER_F_PROTOCOL_FEATURES'], ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vu-header/reply-carries-version-1');
    for (const request of requests) {
      const reply = check.reply(session.messages.exchange({ request }), request);
      check.equal(reply.flags & versionMask, 1, `version in the reply to ${request}`);
    }
  },
});

export const replyFlagSet = defineCase({
  id: 'vhost-user/header/reply-carries-reply-flag',
  title: 'flag bit 2 of a reply is set',
  proves: { 'vu-header/reply-carries-reply-flag': 'reply-without-reply-flag' },
  applies: { start: 'connected', transports: ['vhost-user'], offers: ['VHOST_USER_F_PROTOCOL_FEATURES'], ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vu-header/reply-carries-reply-flag');
    for (const request of requests) {
      const reply = check.reply(session.messages.exchange({ request }), request);
      check.equal(reply.flags & replyFlag, replyFlag, `reply flag in the reply to ${request}`);
    }
  },
});

export const replyRequestNumber = defineCase({
  id: 'vhost-user/header/reply-repeats-request-number',
  title: 'a reply carries the number of the request that it answers',
  proves: { 'vu-header/reply-repeats-request-number': 'reply-with-other-request-number' },
  applies: { start: 'connected', transports: ['vhost-user'], offers: ['VHOST_USER_F_PROTOCOL_FEATURES'], ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vu-header/reply-repeats-request-number');
    const numbers = { VHOST_USER_GET_FEATURES: 1, VHOST_USER_GET_PROTOCOL_FEATURES: 15 } as const;
    for (const request of requests) {
      const reply = check.reply(session.messages.exchange({ request }), request);
      check.equal(reply.request, numbers[request], `request number in the reply to ${request}`);
    }
  },
});

export const replySize = defineCase({
  id: 'vhost-user/header/reply-size-equals-payload',
  title: 'the size of a reply is that of its payload, and nothing follows it',
  proves: { 'vu-header/reply-size-equals-payload': ['reply-size-beyond-payload', 'reply-size-short-of-payload'] },
  applies: { start: 'connected', transports: ['vhost-user'], offers: ['VHOST_USER_F_PROTOCOL_FEATURES'], ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vu-header/reply-size-equals-payload');
    for (const request of requests) {
      const reply = check.reply(session.messages.exchange({ request }), request);
      check.equal(reply.size, 8, `size in the reply to ${request}`);
      check.equal(reply.payload.length, 8, `bytes of payload in the reply to ${request}`);
      const fence = check.reply(session.messages.fence(), 'GET_FEATURES behind it');
      check.equal(fence.request, 1, 'the next message is the reply to the next request');
    }
  },
});

export const otherVersion = defineCase({
  id: 'vhost-user/header/other-version-is-refused',
  title: 'a request with a version other than 1 is not answered as if it were version 1',
  proves: { 'vu-header/other-version-refused': 'other-version-accepted' },
  applies: { start: 'closed', transports: ['vhost-user'], ring: 'none' },
  run({ port, connect, points, refusal, requirement }) {
    const check = requirement('vu-header/other-version-refused');
    const ask = (session: VhostUserSession, version: number): Attempt =>
      answerBeforeFence(session, { request: 'VHOST_USER_GET_PROTOCOL_FEATURES', flags: version });
    const all = [0, 2, 3].map((version) => ({ key: `version=${version}`, version }));
    points(all, ({ key, version }) => {
      const tried = refusal({
        open: () => connect('connected'),
        flawed: (session) => ask(session, version),
        behind: (session) => stillServes(port, session, check, `service after a request with ${key}`),
        control: (session) => ask(session, 1),
        controlName: 'version=1',
      });
      check.refused(tried, `GET_PROTOCOL_FEATURES with ${key}`);
    });
  },
});

export const pieces = defineCase({
  id: 'vhost-user/header/message-in-pieces-is-assembled',
  title: 'a message that arrives in several pieces is handled as one',
  proves: { 'vu-header/message-in-pieces-assembled': 'message-in-pieces-not-assembled' },
  applies: { start: 'connected', transports: ['vhost-user'], ring: 'none' },
  run({ session, requirement, port, points, connect }) {
    const check = requirement('vu-header/message-in-pieces-assembled');
    session.close();
    const features = connect('connected');
    const offered = check.reply(features.messages.fence(), 'GET_FEATURES');
    features.close();
    const whole = [
      { key: 'header|payload', pieces: [12, 8] },
      { key: 'bytewise-header', pieces: [...new Array<number>(12).fill(1), 8] },
      { key: 'mid-header', pieces: [5, 15] },
      { key: 'mid-payload', pieces: [15, 5] },
    ];
    points(whole, ({ key, pieces: lengths }) => {
      const own = connect('connected');
      const word = offered.payload.slice(0, 8);
      own.messages.send({ request: 'VHOST_USER_SET_FEATURES', payload: word, pieces: lengths });
      const answer = check.reply(own.messages.fence(), `GET_FEATURES behind SET_FEATURES in pieces ${key}`);
      check.equal(answer.request, 1, `request number of the reply behind pieces ${key}`);
      own.close();
      stillServes(port, own, check, `service after pieces ${key}`);
    });
  },
});

export const truncatedThenClosed = defineCase({
  id: 'vhost-user/header/truncated-message-ends-session-cleanly',
  title: 'a connection that ends in the middle of a message is given up, and the next one is served',
  proves: {
    'vu-header/truncated-message-ends-session-cleanly': ['truncated-message-hangs', 'truncated-message-crashes'],
  },
  applies: { start: 'closed', transports: ['vhost-user'], ring: 'none' },
  run({ port, connect, points, requirement }) {
    const check = requirement('vu-header/truncated-message-ends-session-cleanly');
    const all = [1, 4, 11, 12, 13, 19].map((bytes) => ({ key: `bytes=${bytes}`, bytes }));
    points(all, ({ key, bytes }) => {
      const session = connect('connected');
      check.reply(session.messages.fence(), 'GET_FEATURES before');
      session.messages.send({
        request: 'VHOST_USER_SET_FEATURES',
        payload: new Uint8Array(8),
        truncateTo: bytes,
      });
      session.close();
      stillServes(port, session, check, `service after a message cut to ${key}`);
    });
  },
});

export const unknownRequest = defineCase({
  id: 'vhost-user/header/unknown-request-is-survived',
  title: 'after a request number that no specification knows the back-end serves on',
  proves: { 'vu-header/unknown-request-survived': 'unknown-request-crashes' },
  applies: { start: 'closed', transports: ['vhost-user'], ring: 'none' },
  run({ port, connect, points, requirement }) {
    const check = requirement('vu-header/unknown-request-survived');
    const all = [0, 46, 100, 255, 0x7fffffff, 0xffffffff].flatMap((request) => [
      { key: `request=${request},size=0`, request, size: 0 },
      { key: `request=${request},size=8`, request, size: 8 },
    ]);
    points(all, ({ key, request, size }) => {
      const session = connect('connected');
      session.messages.send({ request, payload: new Uint8Array(size) });
      stillServes(port, session, check, `service after ${key}`);
      session.close();
    });
  },
});

export const oversizedPayload = defineCase({
  id: 'vhost-user/header/oversized-payload-is-refused',
  title: 'a header that tells of more bytes than any payload has does not bring the back-end down',
  proves: { 'vu-header/oversized-payload-refused': 'oversized-payload-crashes' },
  applies: { start: 'closed', transports: ['vhost-user'], ring: 'none' },
  run({ port, connect, points, requirement }) {
    const check = requirement('vu-header/oversized-payload-refused');
    const sizes = [4097, 65536, 0x7fffffff, 0x80000000, 0xffffffff];
    const all = sizes.flatMap((declaredSize) =>
      [2, 5, 9, 24].map((request) => ({ key: `request=${request},size=${declaredSize}`, request, declaredSize })),
    );
    points(all, ({ key, request, declaredSize }) => {
      const session = connect('connected');
      session.messages.send({ request, declaredSize, payload: new Uint8Array(64) });
      // The back-end may wait for the rest of what the header promised: that is a stream cut short, so it is ended.
      session.messages.shutdown('write');
      session.close();
      stillServes(port, session, check, `service after ${key}`);
    });
  },
});

export const undersizedSurvived = defineCase({
  id: 'vhost-user/header/undersized-payload-is-survived',
  title: 'after a size smaller than the payload needs the back-end serves on',
  proves: { 'vu-header/undersized-payload-survived': 'undersized-payload-crashes' },
  applies: { start: 'closed', transports: ['vhost-user'], ring: 'none' },
  run(context) {
    const { port, points, requirement } = context;
    const check = requirement('vu-header/undersized-payload-survived');
    points(undersizedPoints(context, check), ({ key, of, size }) => {
      const setting = openFor(context, of, check);
      setting.session.messages.send(cutTo(of.message(setting, 0), size));
      stillServes(port, setting.session, check, `service after ${key}`);
    });
  },
});

export const unknownFlags = defineCase({
  id: 'vhost-user/header/unknown-flag-bits-are-survived',
  title: 'a request with a flag bit that has no meaning is carried out or refused, and the back-end serves on',
  proves: { 'vu-header/unknown-flag-bits-survived': 'unknown-flag-bits-crash' },
  applies: { start: 'closed', transports: ['vhost-user'], ring: 'none' },
  run({ port, connect, points, requirement }) {
    const check = requirement('vu-header/unknown-flag-bits-survived');
    const all = Array.from({ length: 28 }, (_, at) => ({ key: `bit=${at + 4}`, flags: 1 + 2 ** (at + 4) }));
    points(all, ({ key, flags }) => {
      const session = connect('connected');
      session.messages.send({ request: 'VHOST_USER_SET_OWNER', flags });
      stillServes(port, session, check, `service after SET_OWNER with flag ${key}`);
      session.close();
    });
  },
});
