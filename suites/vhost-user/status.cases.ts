import type { VhostUserSession } from '../../drivers/port/port.ts';
import type { Attempt } from '../../judging/refusal.ts';
import { defineCase } from '../case.ts';
import type { Check } from '../check.ts';
import { stillServes } from './refusal.ts';
import { negotiatedWith, protocolBit, wordOf } from './words.ts';

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
  run({ port, session, requirement }) {
    const check = requirement('vu-status/get-status-returns-written-status');
    negotiatedWith(port, session, protocol);
    for (const status of [ACKNOWLEDGE, ACKNOWLEDGE | DRIVER, ACKNOWLEDGE | DRIVER | FEATURES_OK]) {
      setStatus(session, check, status);
      check.equal(statusOf(session, check), status, `status after ${status} was written`);
    }
  },
});

export const statusZeroResets = defineCase({
  id: 'vhost-user/status/status-zero-resets',
  title: 'after status 0 GET_STATUS returns 0, and the device can be brought up again',
  proves: { 'vu-status/status-zero-resets': 'status-zero-ignored' },
  applies: { ...applies, ring: 'none' },
  run({ port, session, requirement }) {
    const check = requirement('vu-status/status-zero-resets');
    negotiatedWith(port, session, protocol);
    setStatus(session, check, ACKNOWLEDGE | DRIVER | FEATURES_OK);
    setStatus(session, check, 0n);
    check.equal(statusOf(session, check), 0n, 'status after 0 was written');
    setStatus(session, check, ACKNOWLEDGE);
    check.equal(statusOf(session, check), ACKNOWLEDGE, 'status after ACKNOWLEDGE was written again');
  },
});

export const statusAboveByte = defineCase({
  id: 'vhost-user/status/status-above-a-byte-is-refused',
  title: 'a status above 255 is refused',
  proves: { 'vu-status/status-above-byte-refused': 'status-above-byte-accepted' },
  applies: { ...applies, start: 'closed', ring: 'none' },
  run({ port, connect, points, refusal, requirement }) {
    const check = requirement('vu-status/status-above-byte-refused');
    const all = [0x100n, 0x10fn, 1n << 32n, (1n << 63n) | 1n].map((u64) => ({
      key: `status=0x${u64.toString(16)}`,
      u64,
    }));
    points(all, ({ key, u64 }) => {
      const attempt = (session: VhostUserSession, status: bigint): Attempt => {
        const answer = session.messages.acknowledged({ request: 'VHOST_USER_SET_STATUS', payload: { u64: status } });
        if (answer.kind !== 'done' || answer.by === 'acknowledgement') return answer;
        const isAccepted = statusOf(session, check) !== ACKNOWLEDGE;
        return { kind: 'shown', isAccepted, how: isAccepted ? 'changed status' : 'unchanged status' };
      };
      const tried = refusal({
        open: () => {
          const session = negotiatedWith(port, connect('connected'), protocol);
          setStatus(session, check, ACKNOWLEDGE);
          return session;
        },
        flawed: (session) => attempt(session, u64),
        behind: (session) => stillServes(port, session, check, `service after ${key}`),
        control: (session) => attempt(session, ACKNOWLEDGE | DRIVER),
        controlName: 'SET_STATUS',
      });
      check.refused(tried, `SET_STATUS with ${key}`);
    });
  },
});

export const unacceptableFeatures = defineCase({
  id: 'vhost-user/status/features-ok-is-refused-for-unacceptable-features',
  title: 'FEATURES_OK does not stick when the acknowledged features cannot be accepted, or they were refused before',
  proves: {
    'features/unacceptable-subset-refused': ['features-ok-sticks-for-any-features', 'features-ok-always-kept'],
  },
  applies: { ...applies, start: 'closed', ring: 'none' },
  // Without acknowledgements the bit is the only way to say no on a connection that stays open.
  variants: { replyAck: [true, false] },
  run({ port, connect, refusal, variant, requirement }) {
    const check = requirement('features/unacceptable-subset-refused');
    const open = (): VhostUserSession => {
      const session = negotiatedWith(port, connect('connected'), variant.replyAck ? protocol : protocolBit.STATUS);
      setStatus(session, check, ACKNOWLEDGE | DRIVER);
      return session;
    };
    const { offered, accepted } = open().negotiated;
    const bits = Array.from({ length: 64 }, (_, bit) => 1n << BigInt(bit));
    const missing = bits.find((bit) => (offered.device & bit) === 0n) ?? 0n;
    const attempt = (session: VhostUserSession, u64: bigint): Attempt => {
      const answer = session.messages.acknowledged({ request: 'VHOST_USER_SET_FEATURES', payload: { u64 } });
      if (answer.kind !== 'done' || session.fence().kind === 'closed') return answer;
      setStatus(session, check, ACKNOWLEDGE | DRIVER | FEATURES_OK);
      const isAccepted = (statusOf(session, check) & FEATURES_OK) !== 0n;
      return { kind: 'shown', isAccepted, how: isAccepted ? 'FEATURES_OK stays set' : 'FEATURES_OK is cleared' };
    };
    const tried = refusal({
      open,
      flawed: (session) => attempt(session, accepted.device | missing),
      behind: (session) => stillServes(port, session, check, 'service after it'),
      control: (session) => attempt(session, accepted.device),
      controlName: 'SET_FEATURES, FEATURES_OK',
    });
    check.refused(tried, 'a set with a bit that is not offered');
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
