import { defineCase } from '../case.ts';
import { configPayload, readConfig } from './config-space.ts';
import { refusesMessage, stillServes } from './refusal.ts';
import { negotiatedWith, protocolBit } from './words.ts';

/** VHOST_USER_SET_CONFIG: what is written, and what cannot be (vhost-user, "VHOST_USER_SET_CONFIG"). */

const transports = ['vhost-user'] as const;
const protocol = protocolBit.CONFIG | protocolBit.REPLY_ACK;
const liveMigration = 1;
const writebackAt = 32;

export const writePastEnd = defineCase({
  id: 'vhost-user/config/set-config-past-the-end-is-survived',
  title: 'SET_CONFIG of what no config space holds is refused or ignored, and the back-end serves on',
  proves: { 'vu-config/set-config-past-end-refused': 'config-past-end-crashes' },
  applies: { start: 'closed', transports, offers: ['VHOST_USER_PROTOCOL_F_CONFIG'], ring: 'none' },
  run({ port, connect, points, requirement }) {
    const check = requirement('vu-config/set-config-past-end-refused');
    const all = [
      { key: 'offset=256,size=1', offset: 256, size: 1 },
      { key: 'offset=250,size=8', offset: 250, size: 8 },
      { key: 'offset=65536,size=8', offset: 0x1_0000, size: 8 },
      { key: 'offset=0xffffffff,size=1', offset: 0xffffffff, size: 1 },
      { key: 'offset=0xfffffff8,size=16', offset: 0xfffffff8, size: 16 },
    ].flatMap((each) => [0, liveMigration].map((flags) => ({ ...each, key: `${each.key},flags=${flags}`, flags })));
    points(all, ({ key, offset, size, flags }) => {
      const session = negotiatedWith(port, connect('connected'), protocol);
      const payload = configPayload(offset, size, flags, new Uint8Array(size).fill(0xa5));
      const answer = session.messages.acknowledged({ request: 'VHOST_USER_SET_CONFIG', payload });
      if (answer.kind === 'died' || answer.kind === 'silent') {
        check.failsBy(answer, `SET_CONFIG with ${key}`, 'a refusal, or no effect');
      } else {
        stillServes(port, session, check, `service after SET_CONFIG with ${key}`);
      }
      session.close();
    });
  },
});

export const guestWrite = defineCase({
  id: 'vhost-user/config/guest-write-is-read-back',
  title: 'writeback of a block device, written by SET_CONFIG, is read back by GET_CONFIG',
  proves: { 'vu-config/guest-write-takes-effect': 'config-write-has-no-effect' },
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
    const check = requirement('vu-config/guest-write-takes-effect');
    const before = readConfig(session, 0, writebackAt + 1)?.[writebackAt] ?? 0;
    // The last value is that of before: a device keeps it for the cases behind this one.
    for (const value of [1 - before, before, 1 - before, before]) {
      const payload = configPayload(writebackAt, 1, 0, Uint8Array.of(value));
      const answer = session.messages.acknowledged({ request: 'VHOST_USER_SET_CONFIG', payload });
      check.accepted(answer, `SET_CONFIG of writeback to ${value}`);
      check.equal(
        readConfig(session, 0, writebackAt + 1)?.[writebackAt],
        value,
        `writeback after ${value} was written`,
      );
    }
  },
});

export const readOnlyWrite = defineCase({
  id: 'vhost-user/config/write-of-a-read-only-field-is-refused',
  title:
    'SET_CONFIG of a driver to a field that is read-only, whole or in part, is refused; to writeback it is accepted',
  proves: { 'vu-config/read-only-field-write-not-accepted': 'config-read-only-write-acknowledged' },
  applies: {
    start: 'closed',
    transports,
    devices: ['block'],
    negotiate: [
      'VHOST_USER_PROTOCOL_F_CONFIG',
      'VHOST_USER_PROTOCOL_F_REPLY_ACK',
      'VIRTIO_BLK_F_CONFIG_WCE',
      'VIRTIO_BLK_F_FLUSH',
    ],
    ring: 'none',
  },
  run(context) {
    const check = context.requirement('vu-config/read-only-field-write-not-accepted');
    const setConfig = (offset: number, bytes: Uint8Array) => ({
      request: 'VHOST_USER_SET_CONFIG',
      payload: configPayload(offset, bytes.length, 0, bytes),
    });
    const first = context.connect('negotiated');
    const before = readConfig(first, 0, writebackAt + 1)?.slice(writebackAt);
    first.close();
    check.presumes(before !== undefined, 'writeback can be read');
    const all = [
      { key: 'capacity', offset: 0, size: 8 },
      { key: 'capacity,first-byte', offset: 0, size: 1 },
      { key: 'blk_size', offset: 20, size: 4 },
      { key: 'num_queues', offset: 34, size: 2 },
      { key: 'writeback-to-num_queues', offset: writebackAt, size: 4 },
    ];
    context.points(all, ({ key, offset, size }) => {
      refusesMessage(context, check, {
        what: `SET_CONFIG of ${key}`,
        open: () => context.connect('negotiated'),
        flawed: setConfig(offset, new Uint8Array(size).fill(1)),
        // It stays as it is: a device keeps it for the cases behind this one.
        sound: setConfig(writebackAt, before ?? new Uint8Array(1)),
        controlName: 'SET_CONFIG of writeback',
      });
    });
  },
});

export const migrationWrite = defineCase({
  id: 'vhost-user/config/migration-write-is-carried-out-or-refused',
  title: 'SET_CONFIG of a live migration is not carried out at all, or on read-only fields too',
  proves: { 'vu-config/migration-write-changes-read-only-fields': 'migration-cannot-write-config' },
  applies: {
    ring: 'none',
    start: 'connected',
    transports,
    offers: ['VHOST_USER_PROTOCOL_F_CONFIG', 'VHOST_USER_PROTOCOL_F_REPLY_ACK'],
  },
  run({ port, session, requirement }) {
    const check = requirement('vu-config/migration-write-changes-read-only-fields');
    negotiatedWith(port, session, protocol);
    const before = readConfig(session, 0, 6);
    if (before === undefined) {
      check.fails('wrong', 'config space is read', '6 bytes', 'a failure');
      return;
    }
    const setting = (bytes: Uint8Array) => ({
      request: 'VHOST_USER_SET_CONFIG',
      payload: configPayload(0, bytes.length, liveMigration, bytes),
    });
    const written = before.map((byte) => byte ^ 0x11);
    const answer = session.messages.acknowledged(setting(written));
    if (answer.kind === 'died' || answer.kind === 'silent') {
      check.failsBy(answer, 'SET_CONFIG of a migration', 'an answer');
      return;
    }
    const isRefused = answer.kind !== 'done' || session.fence().kind === 'closed';
    check.oneOf(isRefused ? 'refused' : 'acknowledged with 0', ['refused', 'acknowledged with 0'], 'SET_CONFIG');
    if (isRefused) {
      if (session.isOpen) check.bytesEqual(readConfig(session, 0, 6) ?? before, before, 'config space after a refusal');
      return;
    }
    const after = readConfig(session, 0, 6) ?? new Uint8Array(0);
    check.bytesEqual(after, written, 'config space after an acknowledgement of 0');
    session.messages.acknowledged(setting(before));
  },
});
