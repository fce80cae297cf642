import type { ControlOutcome, Guest, VhostUserSession } from '../../drivers/port/port.ts';
import { seenWithinMs } from '../../judging/deadline.ts';
import { defineCase } from '../case.ts';
import { sameStop, stoppedAt } from '../ring-positions.ts';
import { configPayload, readConfig } from './config-space.ts';
import { negotiatedWith, protocolBit, wordOf } from './words.ts';

/** RESET_DEVICE and RESET_OWNER (vhost-user, "VHOST_USER_RESET_DEVICE", "VHOST_USER_RESET_OWNER"). */

const applies = {
  start: 'negotiated',
  transports: ['vhost-user'],
  negotiate: ['VHOST_USER_PROTOCOL_F_RESET_DEVICE', 'VHOST_USER_PROTOCOL_F_REPLY_ACK'],
} as const;

const resetDevice = { request: 'VHOST_USER_RESET_DEVICE' } as const;

/** Tells a device that was reset what its initial state may lack: features, and memory. What came of the memory table. */
function initialised(session: VhostUserSession, guest: Guest): ControlOutcome {
  const u64 = session.negotiated.accepted.device;
  session.messages.acknowledged({ request: 'VHOST_USER_SET_FEATURES', payload: { u64 } });
  return session.shareMemory(guest);
}

export const disablesRings = defineCase({
  id: 'vhost-user/reset/reset-device-disables-rings',
  title: 'after RESET_DEVICE a ring that ran uses no buffer, until it is set up again',
  proves: { 'vu-reset/reset-device-disables-rings': 'reset-leaves-rings-enabled' },
  applies,
  run({ session, guest, driver, ring, requirement }) {
    const check = requirement('vu-reset/reset-device-disables-rings');
    const queue = driver.attach(ring({ size: 16 }));
    driver.warmUp(queue);
    const before = queue.usedCount();
    check.accepted(session.messages.acknowledged(resetDevice), 'RESET_DEVICE');
    queue.makeAvailable([driver.request({ seed: 1 }).segments]);
    queue.kick();
    check.reply(session.messages.fence(), 'GET_FEATURES behind the kick');
    check.granted(initialised(session, guest), 'the memory table behind the reset');
    const next = driver.attach(ring({ size: 16 }));
    // Behind it, what a ring that goes on makes of the chain has been seen.
    const problem = driver.once(next, { seed: 2 });
    check.equal(
      queue.usedCount(),
      before,
      'used idx of the ring that was reset, after another one completed a request',
    );
    check.presumes(problem === undefined, `another ring is served after the reset: ${problem}`);
  },
});

export const keepsConnection = defineCase({
  id: 'vhost-user/reset/reset-device-keeps-ownership-and-connection',
  title: 'after RESET_DEVICE the connection answers as before, without a new SET_OWNER',
  proves: {
    'vu-reset/reset-device-keeps-ownership-and-connection': [
      'reset-closes-connection',
      'reset-device-forgets-protocol-features',
    ],
  },
  applies: { ...applies, negotiate: [...applies.negotiate, 'VHOST_USER_PROTOCOL_F_MQ'], ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vu-reset/reset-device-keeps-ownership-and-connection');
    const before = wordOf(check.reply(session.messages.fence(), 'GET_FEATURES'));
    check.accepted(session.messages.acknowledged(resetDevice), 'RESET_DEVICE');
    check.equal(wordOf(check.reply(session.messages.fence(), 'GET_FEATURES afterwards')), before, 'features offered');
    check.accepted(
      session.messages.acknowledged({ request: 'VHOST_USER_SET_VRING_NUM', payload: { index: 0, num: 16 } }),
      'SET_VRING_NUM without a new SET_OWNER',
    );
    session.messages.send({ request: 'VHOST_USER_GET_QUEUE_NUM' });
    session.messages.send({ request: 'VHOST_USER_GET_FEATURES' });
    const first = check.reply(session.messages.receive(), 'an answer behind GET_QUEUE_NUM');
    check.equal(first.request, 17, 'the request that is answered where MQ was negotiated before the reset');
  },
});

export const setUpAgain = defineCase({
  id: 'vhost-user/reset/device-is-set-up-again-after-reset',
  title: 'after RESET_DEVICE the same rings are set up again and work from base 0',
  proves: { 'vu-reset/device-set-up-again-after-reset': 'reset-makes-rings-unusable' },
  applies,
  run({ session, guest, driver, ring, requirement }) {
    const check = requirement('vu-reset/device-set-up-again-after-reset');
    const first = driver.attach(ring({ size: 16 }));
    driver.warmUp(first);
    check.accepted(session.messages.acknowledged(resetDevice), 'RESET_DEVICE');
    check.accepted(initialised(session, guest), 'SET_MEM_TABLE again');
    const again = driver.attach(ring({ size: 32 }));
    for (const seed of [1, 2, 3]) {
      again.makeAvailable([driver.request({ seed }).segments]);
      check.equal(again.kickAndWaitForUsed(1).length, 1, `used elements of request ${seed} after the reset`);
    }
  },
});

export const brokenRing = defineCase({
  id: 'vhost-user/reset/broken-ring-is-sound-after-reset',
  title: 'a ring that a head out of range broke serves requests when it is set up again behind RESET_DEVICE',
  proves: { 'vu-reset/reset-device-restores-initial-state': 'reset-device-keeps-device' },
  applies: { ...applies, ring: 'split' },
  run({ port, session, guest, driver, ring, requirement }) {
    const check = requirement('vu-reset/reset-device-restores-initial-state');
    const broken = driver.attach(ring({ size: 16 }));
    driver.warmUp(broken);
    check.isBesideText = true;
    broken.driver.addHead(broken.ring.size + 5);
    broken.driver.publish();
    broken.kick();
    port.until(() => broken.errors() > 0 || !session.isOpen, seenWithinMs(port));
    const behind = session.messages.fence();
    if (behind.kind === 'closed') return check.inconclusive('the connection ends at a head out of range');
    check.reply(behind, 'GET_FEATURES behind a head out of range');
    check.isBesideText = false;
    check.accepted(session.messages.acknowledged(resetDevice), 'RESET_DEVICE');
    check.granted(initialised(session, guest), 'the memory table behind the reset');
    const again = driver.attach(ring({ size: 16 }));
    for (const seed of [1, 2]) {
      check.equal(driver.once(again, { seed }), undefined, `what is wrong with request ${seed} after the reset`);
    }
  },
});

export const clearsStatus = defineCase({
  id: 'vhost-user/reset/reset-device-clears-status',
  title: 'after RESET_DEVICE the device status is 0',
  proves: { 'vu-reset/reset-device-restores-initial-state': 'reset-device-keeps-status' },
  applies: { ...applies, negotiate: [...applies.negotiate, 'VHOST_USER_PROTOCOL_F_STATUS'], ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vu-reset/reset-device-restores-initial-state');
    const status = { request: 'VHOST_USER_SET_STATUS', payload: { u64: 1n | 2n | 8n } };
    check.accepted(session.messages.acknowledged(status), 'SET_STATUS');
    check.accepted(session.messages.acknowledged(resetDevice), 'RESET_DEVICE');
    const told = check.reply(session.messages.exchange({ request: 'VHOST_USER_GET_STATUS' }), 'GET_STATUS');
    check.equal(wordOf(told), 0n, 'status after RESET_DEVICE');
  },
});

export const restoresConfiguration = defineCase({
  id: 'vhost-user/reset/reset-device-restores-configuration',
  title: 'after RESET_DEVICE writeback of a block device is what it was before a driver wrote it',
  proves: { 'vu-reset/reset-device-restores-initial-state': 'reset-device-keeps-device' },
  applies: {
    ring: 'none',
    ...applies,
    devices: ['block'],
    negotiate: [...applies.negotiate, 'VHOST_USER_PROTOCOL_F_CONFIG', 'VIRTIO_BLK_F_CONFIG_WCE', 'VIRTIO_BLK_F_FLUSH'],
  },
  run({ session, requirement }) {
    const check = requirement('vu-reset/reset-device-restores-initial-state');
    const writebackAt = 32;
    const writeback = (): number | undefined => readConfig(session, 0, writebackAt + 1)?.[writebackAt];
    const before = writeback();
    const payload = configPayload(writebackAt, 1, 0, Uint8Array.of(before === 0 ? 1 : 0));
    check.accepted(session.messages.acknowledged({ request: 'VHOST_USER_SET_CONFIG', payload }), 'SET_CONFIG');
    check.accepted(session.messages.acknowledged(resetDevice), 'RESET_DEVICE');
    check.equal(writeback(), before, 'writeback after RESET_DEVICE');
  },
});

export const resetOwnerKeepsRings = defineCase({
  id: 'vhost-user/reset/reset-owner-keeps-rings',
  title: 'after RESET_OWNER a ring that ran tells the base that it had reached',
  proves: { 'vu-reset/reset-owner-ignored-or-disables-rings': 'reset-owner-stops-rings' },
  applies: { start: 'negotiated', transports: ['vhost-user'] },
  run({ session, driver, ring, requirement }) {
    const check = requirement('vu-reset/reset-owner-ignored-or-disables-rings');
    const queue = driver.attach(ring({ size: 16 }));
    for (const seed of [1, 2, 3]) driver.warmUp(queue, { seed });
    session.messages.send({ request: 'VHOST_USER_RESET_OWNER' });
    check.reply(session.messages.fence(), 'GET_FEATURES behind RESET_OWNER');
    const position = stoppedAt(check, queue.stop(), 'GET_VRING_BASE behind RESET_OWNER');
    const what = 'where a ring stops that carried out 3 requests before RESET_OWNER';
    if (position !== undefined) sameStop(check, position, queue.driver.position, what);
  },
});

export const resetOwner = defineCase({
  id: 'vhost-user/reset/reset-owner-is-ignored-or-disables-rings',
  title: 'RESET_OWNER does no more than disable rings: the connection and what was negotiated stay',
  proves: { 'vu-reset/reset-owner-ignored-or-disables-rings': 'reset-owner-closes' },
  applies: {
    start: 'connected',
    transports: ['vhost-user'],
    offers: ['VHOST_USER_PROTOCOL_F_REPLY_ACK'],
    ring: 'none',
  },
  run({ port, session, requirement }) {
    const check = requirement('vu-reset/reset-owner-ignored-or-disables-rings');
    negotiatedWith(port, session, protocolBit.REPLY_ACK);
    const before = wordOf(check.reply(session.messages.fence(), 'GET_FEATURES'));
    session.messages.send({ request: 'VHOST_USER_RESET_OWNER' });
    const after = wordOf(check.reply(session.messages.fence(), 'GET_FEATURES behind RESET_OWNER'));
    check.equal(after, before, 'features offered');
    const answer = session.messages.exchange({
      request: 'VHOST_USER_SET_VRING_NUM',
      payload: { index: 0, num: 16 },
      flags: 1 | 8,
    });
    check.equal(check.reply(answer, 'SET_VRING_NUM with need_reply').request, 8, 'REPLY_ACK is still in force');
  },
});
