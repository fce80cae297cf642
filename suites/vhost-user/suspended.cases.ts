import type { Queue, VhostUserSession } from '../../drivers/port/port.ts';
import { seenWithinMs } from '../../judging/deadline.ts';
import type { FeatureName } from '../../reference-impl/catalogue/catalogue.ts';
import { changes, snapshot } from '../../reference-impl/memory/snapshot.ts';
import { type AnyCase, type CaseContext, defineCase } from '../case.ts';
import type { Check } from '../check.ts';
import { stoppedAt } from '../ring-positions.ts';
import { channelFeatures } from './back-end-messages.ts';
import { setEnable, setNum } from './ring-messages.ts';

/** A device of which every ring is stopped (vhost-user, "Suspended device state"). */

const transports = ['vhost-user'] as const;

type Context = Pick<CaseContext<never, Record<never, never>>, 'driver' | 'ring'>;
type WatchedContext = Context & Pick<CaseContext<never, Record<never, never>, VhostUserSession>, 'port' | 'session'>;

/** A device that ran and was suspended, with a chain that waits; undefined where a ring could not be stopped. */
function suspended({ driver, ring }: Context, check: Check): Queue | undefined {
  const queue = driver.attach(ring({ size: 16 }));
  const others = driver.companions();
  for (const each of [queue, ...others]) each.drainCalls();
  for (const seed of [1, 2]) driver.warmUp(queue, { seed });
  for (const each of [queue, ...others]) {
    if (stoppedAt(check, each.stop(), `GET_VRING_BASE of ring ${each.index}`) === undefined) return undefined;
  }
  if (driver.kind === 'net') {
    const receive = driver.companion(driver.net.facts.receiveIndex);
    receive.makeAvailable([driver.net.receiveBuffer().request.segments]);
  }
  queue.makeAvailable([driver.request({ seed: 3 }).segments]);
  return queue;
}

export const noWrites = defineCase({
  id: 'vhost-user/suspended/no-guest-memory-is-written',
  title: 'with every ring stopped no byte of guest memory changes, whatever messages and kicks come',
  proves: { 'vu-suspended/no-guest-memory-writes': 'writes-into-stopped-ring' },
  applies: { start: 'negotiated', transports },
  run({ session, guest, driver, ring, requirement }) {
    const check = requirement('vu-suspended/no-guest-memory-writes');
    const queue = suspended({ driver, ring }, check);
    if (queue === undefined) return;
    const before = snapshot(guest);
    queue.kick();
    session.messages.send(setNum(queue.index, 16));
    for (let n = 0; n < 3; n++) check.reply(session.messages.fence(), 'GET_FEATURES');
    check.unchanged(guest, changes(before), 'guest memory');
  },
});

export const noNotifications = defineCase({
  id: 'vhost-user/suspended/no-notification-reaches-the-guest',
  title: 'once the last ring stopped no call descriptor is signalled any more',
  proves: { 'vu-suspended/no-guest-notifications': 'calls-into-stopped-ring-later' },
  applies: { start: 'negotiated', transports },
  run({ session, driver, ring, requirement }) {
    const check = requirement('vu-suspended/no-guest-notifications');
    const queue = suspended({ driver, ring }, check);
    if (queue === undefined) return;
    const others = driver.companions();
    for (const each of [queue, ...others]) each.drainCalls();
    queue.kick();
    for (let n = 0; n < 3; n++) check.reply(session.messages.fence(), 'GET_FEATURES');
    for (const each of [queue, ...others]) check.equal(each.calls(), 0, `signals on the call of ring ${each.index}`);
  },
});

export const noMessages = defineCase({
  id: 'vhost-user/suspended/no-message-reaches-the-front-end',
  title: 'with every ring stopped the back-end sends nothing of its own, on either socket',
  proves: { 'vu-suspended/no-messages-to-front-end': 'announces-config-change-while-stopped' },
  applies: {
    start: 'negotiated',
    transports,
    negotiate: ['VHOST_USER_PROTOCOL_F_BACKEND_REQ', 'VHOST_USER_PROTOCOL_F_REPLY_ACK'],
  },
  run({ session, driver, ring, requirement }) {
    const check = requirement('vu-suspended/no-messages-to-front-end');
    check.accepted(session.messages.openBackEndChannel({ kind: 'serve' }), 'the back-end channel');
    if (suspended({ driver, ring }, check) === undefined) return;
    for (let n = 0; n < 3; n++) {
      const reply = check.reply(session.messages.exchange({ request: 'VHOST_USER_GET_FEATURES' }), 'GET_FEATURES');
      check.equal(reply.request, 1, 'the request that is answered');
    }
    check.equal(session.messages.backEndRequests.length, 0, 'requests on the back-end channel');
  },
});

/** A device that is suspended sends nothing on the back-end channel while, and soon after, a thing is done to it. */
function saysNothing(context: WatchedContext, check: Check, done: () => void): void {
  check.granted(context.session.messages.openBackEndChannel({ kind: 'serve' }), 'the back-end channel');
  suspends(context, check, done);
}

/** The same of one whose channel is open. */
function suspends(context: WatchedContext, check: Check, done: () => void): void {
  const { port, session } = context;
  if (suspended(context, check) === undefined) return;
  check.reply(session.messages.fence(), 'GET_FEATURES with every ring stopped');
  // What was sent while rings ran may be read late.
  port.until(() => false, seenWithinMs(port));
  staysSilent(context, check, done);
}

function staysSilent({ port, session: { messages } }: WatchedContext, check: Check, done: () => void): void {
  const before = messages.backEndRequests.length;
  done();
  port.until(() => messages.backEndRequests.length > before, seenWithinMs(port));
  check.equal(messages.backEndRequests.length, before, 'requests on the back-end channel');
}

export const noMessageAtReset = defineCase({
  id: 'vhost-user/suspended/no-message-comes-at-a-reset',
  title: 'with every ring stopped the back-end sends nothing of its own when the device is reset',
  proves: { 'vu-suspended/no-messages-to-front-end': 'announces-config-change-at-reset-while-stopped' },
  applies: {
    start: 'negotiated',
    transports,
    negotiate: [
      'VHOST_USER_PROTOCOL_F_BACKEND_REQ',
      'VHOST_USER_PROTOCOL_F_REPLY_ACK',
      'VHOST_USER_PROTOCOL_F_RESET_DEVICE',
      'VHOST_USER_PROTOCOL_F_SHARED_OBJECT',
    ],
  },
  run(context) {
    const check = context.requirement('vu-suspended/no-messages-to-front-end');
    const { messages } = context.session;
    saysNothing(context, check, () => {
      check.granted(messages.acknowledged({ request: 'VHOST_USER_RESET_DEVICE' }), 'RESET_DEVICE');
      check.reply(messages.fence(), 'GET_FEATURES behind the reset');
    });
  },
});

export const noMessageAtConfigChange = defineCase({
  id: 'vhost-user/suspended/no-message-comes-when-configuration-changes',
  title: 'with every ring stopped the back-end sends nothing of its own when configuration space changes from outside',
  proves: { 'vu-suspended/no-messages-to-front-end': 'config-change-told-while-suspended' },
  applies: {
    start: 'negotiated',
    transports,
    devices: ['block', 'net'],
    negotiate: ['VHOST_USER_PROTOCOL_F_CONFIG', 'VHOST_USER_PROTOCOL_F_BACKEND_REQ'],
    needs: ['changes-config'],
  },
  run(context) {
    const check = context.requirement('vu-suspended/no-messages-to-front-end');
    const { port, session } = context;
    saysNothing(context, check, () => {
      check.presumes(port.operator !== undefined, 'the configuration can be changed from here');
      // The second change takes back the first: cases that follow know the device as it was.
      for (let time = 0; time < 2; time++) {
        port.operator?.changeConfig();
        check.reply(session.messages.fence(), 'GET_FEATURES behind a change');
      }
    });
  },
});

/** What a back-end tells of once a ring runs is not told of before, nor when rings are enabled that stay stopped. */
function tellsAtStartAlone(id: string, what: string, negotiate: readonly FeatureName[], fault: string): AnyCase {
  return defineCase({
    id,
    title: `where stopped rings are enabled and disabled, before a ring ran and behind it, the back-end ${what}`,
    proves: { 'vu-suspended/no-messages-to-front-end': fault },
    applies: { start: 'negotiated', transports, negotiate },
    run(context) {
      const check = context.requirement('vu-suspended/no-messages-to-front-end');
      const { session, driver } = context;
      const enables = (): void => {
        for (const state of [1, 0]) session.messages.send(setEnable(driver.queueIndex, state));
        check.reply(session.messages.fence(), 'GET_FEATURES behind SET_VRING_ENABLE');
      };
      check.granted(session.messages.openBackEndChannel({ kind: 'serve' }), 'the back-end channel');
      check.reply(session.messages.fence(), 'GET_FEATURES before a ring ran');
      staysSilent(context, check, enables);
      suspends(context, check, enables);
    },
  });
}

export const noHostNotifiers = tellsAtStartAlone(
  'vhost-user/suspended/no-host-notifier-is-told-at-an-enable',
  'tells of no host notifier',
  ['VHOST_USER_PROTOCOL_F_HOST_NOTIFIER', ...channelFeatures],
  'host-notifier-told-while-suspended',
);

export const noMappings = tellsAtStartAlone(
  'vhost-user/suspended/no-mapping-is-asked-for-at-an-enable',
  'asks for no mapping of shared memory',
  ['VHOST_USER_PROTOCOL_F_SHMEM', ...channelFeatures],
  'shared-memory-mapped-while-suspended',
);

export const noObjects = tellsAtStartAlone(
  'vhost-user/suspended/no-object-is-exported-at-an-enable',
  'exports no object',
  ['VHOST_USER_PROTOCOL_F_SHARED_OBJECT', 'VHOST_USER_PROTOCOL_F_BACKEND_REQ'],
  'shared-object-added-while-suspended',
);

export const stillAnswered = defineCase({
  id: 'vhost-user/suspended/messages-are-still-answered',
  title: 'with every ring stopped messages are handled and answered, and the device can be started again',
  proves: { 'vu-suspended/messages-still-answered': 'silent-while-stopped' },
  applies: { start: 'negotiated', transports },
  run({ session, guest, driver, ring, requirement }) {
    const check = requirement('vu-suspended/messages-still-answered');
    const queue = suspended({ driver, ring }, check);
    if (queue === undefined) return;
    const { messages } = session;
    for (const request of ['VHOST_USER_GET_FEATURES', 'VHOST_USER_GET_PROTOCOL_FEATURES', 'VHOST_USER_GET_FEATURES']) {
      check.reply(messages.exchange({ request }), request);
    }
    check.accepted(messages.acknowledged(setNum(queue.index, 32)), 'SET_VRING_NUM');
    check.accepted(messages.acknowledged(setEnable(queue.index, 1)), 'SET_VRING_ENABLE');
    check.accepted(session.shareMemory(guest), 'SET_MEM_TABLE');
  },
});
