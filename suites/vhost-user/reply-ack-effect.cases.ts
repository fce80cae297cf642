import { defineCase } from '../case.ts';
import { configPayload, readConfig } from './config-space.ts';
import { getBase, setBase } from './ring-messages.ts';
import { negotiatedWith, protocolBit, wordOf } from './words.ts';

/** What an acknowledgement says has been done is done (vhost-user, "VHOST_USER_PROTOCOL_F_REPLY_ACK"). */

const transports = ['vhost-user'] as const;

export const baseStored = defineCase({
  id: 'vhost-user/reply-ack/base-is-stored-before-the-answer',
  title: 'GET_VRING_BASE right behind the acknowledgement of SET_VRING_BASE tells the base that was set',
  proves: { 'vu-reply-ack/answer-follows-effect': 'base-acknowledged-before-stored' },
  applies: {
    start: 'connected',
    transports,
    offers: ['VHOST_USER_PROTOCOL_F_REPLY_ACK'],
    needs: ['initial-base'],
    ring: 'none',
  },
  run({ port, session, requirement }) {
    const check = requirement('vu-reply-ack/answer-follows-effect');
    negotiatedWith(port, session, protocolBit.REPLY_ACK);
    for (const base of [7, 300, 65535, 0]) {
      check.accepted(session.messages.acknowledged(setBase(0, base)), `SET_VRING_BASE ${base}`);
      check.isBesideText = true;
      const told = getBase(session, 0);
      check.presumes(told.kind === 'base', `GET_VRING_BASE of a ring that never started is answered`);
      check.equal(told.kind === 'base' ? told.num : told.kind, base, `base behind the acknowledgement of ${base}`);
    }
  },
});

export const statusStored = defineCase({
  id: 'vhost-user/reply-ack/status-is-stored-before-the-answer',
  title: 'GET_STATUS right behind the acknowledgement of SET_STATUS tells the status that was set',
  proves: { 'vu-reply-ack/answer-follows-effect': 'status-acknowledged-before-stored' },
  applies: {
    ring: 'none',
    start: 'connected',
    transports,
    offers: ['VHOST_USER_PROTOCOL_F_REPLY_ACK', 'VHOST_USER_PROTOCOL_F_STATUS'],
  },
  run({ port, session, requirement }) {
    const check = requirement('vu-reply-ack/answer-follows-effect');
    negotiatedWith(port, session, protocolBit.REPLY_ACK | protocolBit.STATUS);
    for (const u64 of [1n, 3n]) {
      const answer = session.messages.acknowledged({ request: 'VHOST_USER_SET_STATUS', payload: { u64 } });
      check.accepted(answer, `SET_STATUS ${u64}`);
      const told = check.reply(session.messages.exchange({ request: 'VHOST_USER_GET_STATUS' }), 'GET_STATUS');
      check.equal(wordOf(told), u64, `status behind the acknowledgement of ${u64}`);
    }
  },
});

export const configWritten = defineCase({
  id: 'vhost-user/reply-ack/configuration-is-written-before-the-answer',
  title: 'GET_CONFIG right behind the acknowledgement of SET_CONFIG tells what was written',
  proves: { 'vu-reply-ack/answer-follows-effect': 'config-acknowledged-before-written' },
  applies: {
    ring: 'none',
    start: 'negotiated',
    transports,
    devices: ['block'],
    negotiate: [
      'VHOST_USER_PROTOCOL_F_CONFIG',
      'VHOST_USER_PROTOCOL_F_REPLY_ACK',
      'VIRTIO_BLK_F_CONFIG_WCE',
      'VIRTIO_BLK_F_FLUSH',
    ],
  },
  run({ session, requirement }) {
    const check = requirement('vu-reply-ack/answer-follows-effect');
    const writebackAt = 32;
    const before = readConfig(session, 0, writebackAt + 1)?.[writebackAt] ?? 0;
    // The last value is that of before: a device keeps it for the cases behind this one.
    for (const value of [1 - before, before]) {
      const payload = configPayload(writebackAt, 1, 0, Uint8Array.of(value));
      const answer = session.messages.acknowledged({ request: 'VHOST_USER_SET_CONFIG', payload });
      check.accepted(answer, `SET_CONFIG of writeback to ${value}`);
      const told = readConfig(session, 0, writebackAt + 1)?.[writebackAt];
      check.equal(told, value, `writeback behind the acknowledgement of ${value}`);
    }
  },
});
