import type { DriverPort, VhostUserSession } from '../../drivers/port/port.ts';
import type { Attempt } from '../../judging/refusal.ts';
import { featureSetOf } from '../../reference-impl/catalogue/catalogue.ts';
import { defineCase } from '../case.ts';
import {
  alikeThroughout,
  configFieldsBytes,
  configPayload,
  isAlikeThroughout,
  readConfig,
  wholeSpace,
} from './config-space.ts';
import { refusesMessage, stillServes } from './refusal.ts';
import { leastFeatures, negotiatedWith, protocolBit } from './words.ts';

/** VHOST_USER_GET_CONFIG and SET_CONFIG (vhost-user, "VHOST_USER_PROTOCOL_F_CONFIG"). */

const applies = { start: 'connected', transports: ['vhost-user'], offers: ['VHOST_USER_PROTOCOL_F_CONFIG'] } as const;
const protocol = protocolBit.CONFIG | protocolBit.REPLY_ACK;

export const replySize = defineCase({
  id: 'vhost-user/config/get-config-reply-has-request-size',
  title: 'the reply to GET_CONFIG has the payload size of the request',
  proves: { 'vu-config/get-config-reply-has-request-size': 'config-reply-shorter' },
  applies: { ...applies, ring: 'none' },
  run({ port, session, requirement }) {
    const check = requirement('vu-config/get-config-reply-has-request-size');
    negotiatedWith(port, session, protocol);
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

/** The first 6 bytes, the least that these devices have; all of it where those are alike. */
function tellingStart(open: () => VhostUserSession): Uint8Array {
  const session = open();
  const start = readConfig(session, 0, 6) ?? new Uint8Array(0);
  session.close();
  return isAlikeThroughout(start) ? (wholeSpace(open) ?? start) : start;
}

/** Offsets whose byte differs between a read of 1 and one of the whole. */
function otherAt(session: VhostUserSession, whole: Uint8Array): number[] {
  const other = [...whole.keys()].filter((offset) => {
    const told = session.isOpen ? readConfig(session, offset, 1) : undefined;
    return told?.length === 1 && told[0] !== whole[offset];
  });
  session.close();
  return other;
}

export const pastEnd = defineCase({
  id: 'vhost-user/config/get-config-past-the-end-fails',
  title: 'GET_CONFIG of what no config space holds fails, and the back-end serves on',
  proves: {
    'vu-config/get-config-past-end-fails': 'config-read-past-end-answered',
    'vu-config/get-config-window-equals-whole': 'config-offset-ignored',
  },
  applies: { ...applies, start: 'closed', ring: 'none' },
  run({ port, connect, points, refusal, requirement }) {
    const check = requirement('vu-config/get-config-past-end-fails');
    const windows = requirement('vu-config/get-config-window-equals-whole');
    const open = (): VhostUserSession => negotiatedWith(port, connect('connected'), protocol);
    const read = (session: VhostUserSession, offset: number, size: number): Attempt => {
      const payload = configPayload(offset, size);
      const answer = session.messages.exchange({ request: 'VHOST_USER_GET_CONFIG', payload });
      if (answer.kind !== 'reply') return answer;
      const { length } = answer.message.payload;
      const isAccepted = length > configFieldsBytes;
      return { kind: 'shown', isAccepted, how: isAccepted ? `${length} bytes of payload` : 'no config bytes' };
    };
    const all = [
      { key: 'offset=256,size=8', offset: 256, size: 8 },
      { key: 'offset=65536,size=8', offset: 0x1_0000, size: 8 },
      { key: 'offset=0xffffffff,size=1', offset: 0xffffffff, size: 1 },
      { key: 'offset=0xfffffff8,size=16', offset: 0xfffffff8, size: 16 },
    ];
    // Where the offset has no effect, or may have none, nothing past the end is asked for: one defect, told under the windows.
    const whole = tellingStart(open);
    const isAlike = isAlikeThroughout(whole);
    if (isAlike) windows.inconclusive(alikeThroughout);
    const isHeeded =
      windows.sameSequence(otherAt(open(), whole), [], 'offsets whose byte is not that of the whole') && !isAlike;
    if (!isHeeded) check.inconclusive(isAlike ? alikeThroughout : 'GET_CONFIG answers with bytes of another offset');
    points(all, ({ key, offset, size }) => {
      if (!isHeeded) {
        const session = open();
        read(session, offset, size);
        stillServes(port, session, check, `service after ${key}`);
        session.close();
        return;
      }
      const tried = refusal({
        open,
        flawed: (session) => read(session, offset, size),
        behind: (session) => stillServes(port, session, check, `service after ${key}`),
        control: (session) => read(session, 0, 4),
        controlName: 'GET_CONFIG',
      });
      check.refused(tried, `GET_CONFIG with ${key}`);
    });
  },
});

/** The most that a message holds, and more than most devices have. */
const mostBytes = 256;

export const failureHasNoPayload = defineCase({
  id: 'vhost-user/config/get-config-failure-has-no-payload',
  title: 'GET_CONFIG that fails is answered without config bytes, on a connection that stays open',
  proves: { 'vu-config/get-config-failure-has-no-payload': 'config-failure-closes' },
  applies: { ...applies, ring: 'none' },
  run({ port, session, requirement }) {
    const check = requirement('vu-config/get-config-failure-has-no-payload');
    negotiatedWith(port, session, protocol);
    const whole = readConfig(session, 0, 4);
    if (whole === undefined) return check.inconclusive('GET_CONFIG of the first 4 bytes fails as well');
    const payload = configPayload(0, mostBytes);
    const answer = session.messages.exchange({ request: 'VHOST_USER_GET_CONFIG', payload });
    const reply = check.reply(answer, `GET_CONFIG of ${mostBytes} bytes`);
    const bytes = reply.payload.length;
    // A back-end may have as many, and then nothing has failed.
    if (bytes === configFieldsBytes + mostBytes)
      return check.inconclusive(`GET_CONFIG of ${mostBytes} bytes is answered`);
    check.oneOf(bytes, [0, configFieldsBytes], 'bytes of payload: none, or the description without data');
  },
});

interface Writable {
  readonly offset: number;
  readonly size: number;
  /** Flags with which the bytes may be written: 0 by a driver, 1 at the end of a migration. */
  readonly flags: number;
  readonly features: bigint;
}

/** The cache mode of a block device may be written by its driver; of others there is nothing that each must let it. */
function writableField({ facts }: DriverPort<VhostUserSession>): Writable {
  if (facts.device !== 'block') return { offset: 0, size: 8, flags: 1, features: 0n };
  const { device } = featureSetOf(['VIRTIO_BLK_F_FLUSH', 'VIRTIO_BLK_F_CONFIG_WCE'], facts);
  return { offset: 32, size: 1, flags: 0, features: device };
}

export const flagsChecked = defineCase({
  id: 'vhost-user/config/set-config-flags-are-checked',
  title: 'SET_CONFIG with flags that are not defined is refused',
  proves: { 'vu-config/undefined-config-flags-refused': 'config-flags-unchecked' },
  applies: {
    ...applies,
    start: 'closed',
    offers: ['VHOST_USER_PROTOCOL_F_CONFIG', 'VHOST_USER_PROTOCOL_F_REPLY_ACK'],
    ring: 'none',
  },
  run(context) {
    const { port, connect, points, requirement } = context;
    const check = requirement('vu-config/undefined-config-flags-refused');
    const { offset, size, flags: defined, features } = writableField(port);
    const open = (): VhostUserSession => {
      const session = connect('connected');
      session.negotiate({ device: leastFeatures(port) | features, protocol });
      return session;
    };
    const before = readConfig(open(), 0, offset + size)?.slice(offset) ?? new Uint8Array(size);
    const write = (flags: number) => ({
      request: 'VHOST_USER_SET_CONFIG',
      payload: configPayload(offset, size, flags, before),
    });
    const all = [2, 3, 0x80000000, 0xffffffff].map((flags) => ({ key: `flags=0x${flags.toString(16)}`, flags }));
    points(all, ({ key, flags }) => {
      refusesMessage(context, check, {
        what: `SET_CONFIG with ${key}`,
        open,
        flawed: write(flags),
        sound: write(defined),
      });
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
    negotiatedWith(port, session, protocol);
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
    const next = negotiatedWith(port, connect('connected'), protocol);
    const after = readConfig(next, 0, 8);
    next.close();
    check.bytesEqual(after ?? new Uint8Array(0), before ?? new Uint8Array(0), 'the capacity afterwards');
    stillServes(port, session, check, 'service after it');
  },
});
