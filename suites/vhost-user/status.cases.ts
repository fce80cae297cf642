import type { VhostUserSession } from '../../drivers/port/port.ts';
import { defineCase } from '../case.ts';
import type { Check } from '../check.ts';
import { refusalOf, stillServes } from './refusal.ts';
import { featureBit, negotiatedWith, protocolBit, wordOf } from './words.ts';

/** Device status over VHOST_USER_PROTOCOL_F_STATUS (vhost-user, SET_STATUS and GET_STATUS; virtio 2.1). */

const ACKNOWLEDGE = 1n;
const DRIVER = 2n;
const FEATURES_OK = 8n;

const applies = {
  start: 'connected',
  transports: ['vhost-user'],
  offers: ['VHOST_USER_PROTOCOL_F_STATUS'],
} as const;

const protocol = protocolBit.STATUS | protocolBit.REPLY_ACK;

export const statusReadBack = defineCase({
  id: 'vhost-user/status/get-status-returns-written-status',
  title: 'GET_STATUS returns the bits that SET_STATUS wrote, step by step',
  proves: { 'vu-status/get-status-returns-written-status': ['status-not-remembered', 'status-without-acknowledge'] },
  applies: { ...applies, ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vu-status/get-status-returns-written-status');
    negotiatedWith(session, protocol);
    for (const status of [ACKNOWLEDGE, ACKNOWLEDGE | DRIVER, ACKNOWLEDGE | DRIVER | FEATURES_OK]) {
      setStatus(session, check, status);
      check.equal(statusOf(session, check), status, `status after ${status} was written`);
    }
  },
});

export const statusZeroResets = defineCase({
  id: 'vhost-user/status/status-zero-resets',
  title: 'after status 0 GET_STATUS returns 0, and the device can be brought up again',
  proves: {
    'vu-status/status-zero-resets': 'status-zero-ignored',
    'reset/status-zero-after-reset': 'status-zero-ignored',
  },
  applies: { ...applies, ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vu-status/status-zero-resets');
    negotiatedWith(session, protocol);
    setStatus(session, check, ACKNOWLEDGE | DRIVER | FEATURES_OK);
    setStatus(session, check, 0n);
    const after = statusOf(session, check);
    check.equal(after, 0n, 'status after 0 was written');
    requirement('reset/status-zero-after-reset').equal(after, 0n, 'status when the reset has been carried out');
    setStatus(session, check, ACKNOWLEDGE);
    check.equal(statusOf(session, check), ACKNOWLEDGE, 'status after ACKNOWLEDGE was written again');
  },
});

export const statusAboveByte = defineCase({
  id: 'vhost-user/status/status-above-a-byte-is-refused',
  title: 'a status above 255 is refused',
  proves: { 'vu-status/status-above-byte-refused': 'status-above-byte-accepted' },
  applies: { ...applies, start: 'closed', ring: 'none' },
  run({ port, connect, points, requirement }) {
    const check = requirement('vu-status/status-above-byte-refused');
    const all = [0x100n, 0x10fn, 1n << 32n, (1n << 63n) | 1n].map((u64) => ({
      key: `status=0x${u64.toString(16)}`,
      u64,
    }));
    points(all, ({ key, u64 }) => {
      const session = negotiatedWith(connect('connected'), protocol);
      setStatus(session, check, ACKNOWLEDGE);
      const message = { request: 'VHOST_USER_SET_STATUS', payload: { u64 } };
      const refusal = refusalOf(session, message, check, key, () => statusOf(session, check) !== ACKNOWLEDGE);
      if (refusal !== undefined) check.refused(refusal, `SET_STATUS with ${key}`);
      stillServes(port, session, check, `service after ${key}`);
      session.close();
    });
  },
});

export const unacceptableFeatures = defineCase({
  id: 'vhost-user/status/features-ok-is-refused-for-unacceptable-features',
  title: 'FEATURES_OK does not stick when the acknowledged features cannot be accepted, or they were refused before',
  proves: {
    'vu-status/features-ok-refused-for-unacceptable-features': [
      'features-ok-sticks-for-any-features',
      'features-ok-always-kept',
    ],
    'features/unacceptable-subset-refused': 'features-ok-sticks-for-any-features',
  },
  applies: { ...applies, ring: 'none' },
  // Without acknowledgements the bit is the only way to say no on a connection that stays open.
  variants: { replyAck: [true, false] },
  run({ port, session, variant, requirement }) {
    const check = requirement('vu-status/features-ok-refused-for-unacceptable-features');
    const virtio = requirement('features/unacceptable-subset-refused');
    negotiatedWith(session, variant.replyAck ? protocol : protocolBit.STATUS);
    setStatus(session, check, ACKNOWLEDGE | DRIVER);
    const offered = session.negotiated.offered.device;
    const missing = Array.from({ length: 64 }, (_, bit) => 1n << BigInt(bit)).find((bit) => (offered & bit) === 0n);
    const word = featureBit.VERSION_1 | featureBit.PROTOCOL_FEATURES | (missing ?? 0n);
    const message = { request: 'VHOST_USER_SET_FEATURES', payload: { u64: word } };
    const refusal = refusalOf(session, message, check, 'SET_FEATURES with a bit that is not offered', () => true);
    if (refusal === undefined) return;
    if (refusal !== 'zero acknowledgement' && refusal !== 'changed state') {
      check.refused(refusal, 'a set with a bit that is not offered');
      virtio.refused(refusal, 'a set with a bit that is not offered');
      if (!session.isOpen) stillServes(port, session, check, 'service after it');
      return;
    }
    setStatus(session, check, ACKNOWLEDGE | DRIVER | FEATURES_OK);
    const bit = statusOf(session, check) & FEATURES_OK;
    check.equal(bit, 0n, 'FEATURES_OK after a set with a bit that is not offered');
    virtio.equal(bit, 0n, 'FEATURES_OK after a set with a bit that is not offered');
  },
});

function setStatus(session: VhostUserSession, check: Check, u64: bigint): void {
  check.accepted(
    session.messages.acknowledged({ request: 'VHOST_USER_SET_STATUS', payload: { u64 } }),
    `SET_STATUS with ${u64}`,
  );
}

function statusOf(session: VhostUserSession, check: Check): bigint {
  const answer = session.messages.exchange({ request: 'VHOST_USER_GET_STATUS' });
  return wordOf(check.reply(answer, 'GET_STATUS'));
}
