import { defineCase } from '../case.ts';
import { configFieldsBytes, configPayload, readConfig } from './config-space.ts';
import { refusalOf, stillServes } from './refusal.ts';
import { negotiatedWith, protocolBit } from './words.ts';

/** VHOST_USER_GET_CONFIG and SET_CONFIG (vhost-user, "VHOST_USER_PROTOCOL_F_CONFIG"). */

const applies = { start: 'connected', transports: ['vhost-user'], offers: ['VHOST_USER_PROTOCOL_F_CONFIG'] } as const;
const protocol = protocolBit.CONFIG | protocolBit.REPLY_ACK;

export const replySize = defineCase({
  id: 'vhost-user/config/get-config-reply-has-request-size',
  title: 'the reply to GET_CONFIG has the payload size of the request',
  proves: { 'vu-config/get-config-reply-has-request-size': 'config-reply-shorter' },
  applies: { ...applies, ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vu-config/get-config-reply-has-request-size');
    negotiatedWith(session, protocol);
    for (const [offset, size] of [
      [0, 6],
      [0, 1],
      [2, 4],
    ] as const) {
      const request = configPayload(offset, size);
      const answer = session.messages.exchange({ request: 'VHOST_USER_GET_CONFIG', payload: request });
      const reply = check.reply(answer, `GET_CONFIG of ${size} bytes at ${offset}`);
      check.equal(reply.payload.length, request.length, `payload of the reply for ${size} bytes at ${offset}`);
    }
  },
});

export const pastEnd = defineCase({
  id: 'vhost-user/config/get-config-past-the-end-fails',
  title: 'GET_CONFIG of what no config space holds fails, and the back-end serves on',
  proves: { 'vu-config/get-config-past-end-fails': 'config-read-past-end-answered' },
  applies: { ...applies, start: 'closed', ring: 'none' },
  run({ port, connect, points, requirement }) {
    const check = requirement('vu-config/get-config-past-end-fails');
    const all = [
      { key: 'offset=256,size=8', offset: 256, size: 8 },
      { key: 'offset=65536,size=8', offset: 0x1_0000, size: 8 },
      { key: 'offset=0xffffffff,size=1', offset: 0xffffffff, size: 1 },
      { key: 'offset=0xfffffff8,size=16', offset: 0xfffffff8, size: 16 },
    ];
    points(all, ({ key, offset, size }) => {
      const session = negotiatedWith(connect('connected'), protocol);
      const payload = configPayload(offset, size);
      const answer = session.messages.exchange({ request: 'VHOST_USER_GET_CONFIG', payload });
      if (answer.kind === 'closed') {
        check.oneOf('connection closed', ['connection closed'], key);
      } else {
        const reply = check.reply(answer, `GET_CONFIG with ${key}`);
        const says =
          reply.payload.length <= configFieldsBytes ? 'no config bytes' : `${reply.payload.length} bytes of payload`;
        check.oneOf(says, ['no config bytes'], `what GET_CONFIG with ${key} brings`);
      }
      stillServes(port, session, check, `service after ${key}`);
      session.close();
    });
  },
});

export const failureHasNoPayload = defineCase({
  id: 'vhost-user/config/get-config-failure-has-no-payload',
  title: 'GET_CONFIG that fails is answered without config bytes, on a connection that stays open',
  proves: { 'vu-config/get-config-failure-has-no-payload': 'config-failure-closes' },
  applies: { ...applies, ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vu-config/get-config-failure-has-no-payload');
    negotiatedWith(session, protocol);
    // 256 bytes are the most that a message holds, and more than any of these devices has.
    const payload = configPayload(0, 256);
    const answer = session.messages.exchange({ request: 'VHOST_USER_GET_CONFIG', payload });
    const reply = check.reply(answer, 'GET_CONFIG of 256 bytes');
    check.oneOf(
      reply.payload.length,
      [0, configFieldsBytes],
      'bytes of payload: none, or the description without data',
    );
  },
});

export const flagsChecked = defineCase({
  id: 'vhost-user/config/set-config-flags-are-checked',
  title: 'SET_CONFIG with flags that are not defined is refused',
  proves: { 'vu-config/set-config-flags-checked': 'config-flags-unchecked' },
  applies: {
    ...applies,
    start: 'closed',
    offers: ['VHOST_USER_PROTOCOL_F_CONFIG', 'VHOST_USER_PROTOCOL_F_REPLY_ACK'],
    ring: 'none',
  },
  run({ port, connect, points, requirement }) {
    const check = requirement('vu-config/set-config-flags-checked');
    const all = [2, 3, 0x80000000, 0xffffffff].map((flags) => ({ key: `flags=0x${flags.toString(16)}`, flags }));
    points(all, ({ key, flags }) => {
      const session = negotiatedWith(connect('connected'), protocol);
      const before = readConfig(session, 0, 8) ?? new Uint8Array(8);
      const message = { request: 'VHOST_USER_SET_CONFIG', payload: configPayload(0, 8, flags, before) };
      const refusal = refusalOf(session, message, check, key, () => false);
      if (refusal !== undefined) check.refused(refusal, `SET_CONFIG with ${key}`);
      stillServes(port, session, check, `service after ${key}`);
      session.close();
    });
  },
});

export const readOnlyField = defineCase({
  id: 'vhost-user/config/read-only-field-is-not-written',
  title: 'a guest write to the capacity of a block device is refused or has no effect',
  proves: { 'vu-config/read-only-field-write-not-accepted': 'config-read-only-written' },
  applies: {
    ring: 'none',
    ...applies,
    devices: ['block'],
    offers: ['VHOST_USER_PROTOCOL_F_CONFIG', 'VHOST_USER_PROTOCOL_F_REPLY_ACK'],
  },
  run({ port, session, connect, requirement }) {
    const check = requirement('vu-config/read-only-field-write-not-accepted');
    negotiatedWith(session, protocol);
    const before = readConfig(session, 0, 8);
    if (!check.holds(before !== undefined, 'the capacity is read', { expected: '8 bytes', actual: 'a failure' }))
      return;
    const changed = (before ?? new Uint8Array(8)).map((byte) => byte ^ 0x11);
    const message = { request: 'VHOST_USER_SET_CONFIG', payload: configPayload(0, 8, 0, changed) };
    const answer = session.messages.acknowledged(message);
    if (answer.kind === 'died' || answer.kind === 'silent') {
      check.failsBy(answer, 'SET_CONFIG of the capacity', 'a refusal, or no effect');
      return;
    }
    session.close();
    const next = negotiatedWith(connect('connected'), protocol);
    const after = readConfig(next, 0, 8);
    next.close();
    check.bytesEqual(after ?? new Uint8Array(0), before ?? new Uint8Array(0), 'the capacity afterwards');
    stillServes(port, session, check, 'service after it');
  },
});
