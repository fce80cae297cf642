import type { GuestRing, VhostUserSession } from '../../drivers/port/port.ts';
import { type CaseContext, defineCase, type VariantAxes } from '../case.ts';
import type { Check } from '../check.ts';
import {
  byEvent,
  byFlag,
  type Changed,
  changeNames,
  changeSlots,
  changesWhileInUse,
  ofRings,
  slotChanges,
  slotFeatures,
} from './changes-while-in-use.ts';
import { type DeviceInUse, deviceInUse, restart } from './device-in-use.ts';
import { DirtyPages, loggedBy, wholeLog } from './dirty-pages.ts';

/** Calls for buffers that become used behind something that the front-end told: each that is due comes. */

type Context = CaseContext<string, VariantAxes, VhostUserSession, GuestRing>;

const uses = 3;

/** Each of the next uses is awaited by the driver, which asks for a call at it. */
function calledForEach(check: Check, { rings, use }: DeviceInUse, when: string): boolean {
  for (let seed = 1; seed <= uses; seed++) {
    for (const { queue } of rings) queue.driver.enableCalls();
    for (const ring of rings) ring.take();
    use(seed);
    for (const ring of rings) {
      const what = `a call for use ${seed} of ring ${ring.queue.index} ${when}`;
      if (!check.holds(ring.isCalled(), what, { expected: 'at least 1 call', actual: 'none' })) return false;
    }
  }
  return true;
}

/** Calls before a change, and after each of two. */
function calledBehind(context: Context, check: Check, change: (changed: Changed) => void): void {
  const device = deviceInUse(context);
  if (!calledForEach(check, device, 'before the change')) return;
  const { port, session, guest } = context;
  for (const time of ['first', 'second']) {
    change({ port, session, guest, device, check });
    if (!calledForEach(check, device, `behind the ${time} change`)) return;
  }
}

export const flagCalls = defineCase({
  id: 'vhost-user/calls/used-buffers-are-notified-behind-a-change',
  title: 'without EVENT_IDX each use of a ring is followed by a call, behind all that may be told while it runs',
  proves: {
    'notify/used-buffers-notified-with-flag-clear': [
      'calls-lost-behind-memory-table',
      'first-call-lost-behind-memory-table',
      'calls-lost-behind-features',
      'calls-lost-behind-call-descriptor',
      'calls-lost-behind-error-descriptor',
      'calls-lost-behind-missing-error-descriptor',
      'calls-lost-behind-enable',
    ],
  },
  applies: byFlag,
  variants: { change: changeNames },
  run(context) {
    const check = context.requirement('notify/used-buffers-notified-with-flag-clear');
    calledBehind(context, check, changesWhileInUse[context.variant.change]);
  },
});

export const eventCalls = defineCase({
  id: 'vhost-user/calls/used-event-is-notified-behind-a-change',
  title: 'with EVENT_IDX the use that the driver awaits is followed by a call, behind all that may be told meanwhile',
  proves: {
    'notify/passing-used-event-notifies': [
      'event-calls-lost-behind-memory-table',
      'first-event-call-lost-behind-memory-table',
      'event-calls-lost-behind-features',
      'event-calls-lost-behind-call-descriptor',
      'event-calls-lost-behind-error-descriptor',
      'event-calls-lost-behind-missing-error-descriptor',
      'event-calls-lost-behind-enable',
    ],
  },
  applies: byEvent,
  variants: { change: changeNames },
  run(context) {
    const check = context.requirement('notify/passing-used-event-notifies');
    calledBehind(context, check, changesWhileInUse[context.variant.change]);
  },
});

export const flagCallsBehindSlots = defineCase({
  id: 'vhost-user/calls/used-buffers-are-notified-behind-memory-slots',
  title: 'without EVENT_IDX each use of a ring is followed by a call, behind ADD_MEM_REG and REM_MEM_REG',
  proves: {
    'notify/used-buffers-notified-with-flag-clear': [
      'calls-lost-behind-added-region',
      'calls-lost-behind-removed-region',
    ],
  },
  applies: { ...byFlag, negotiate: slotFeatures },
  variants: { change: slotChanges },
  run(context) {
    const check = context.requirement('notify/used-buffers-notified-with-flag-clear');
    behindSlots(context, check, context.variant.change === 'added');
  },
});

export const eventCallsBehindSlots = defineCase({
  id: 'vhost-user/calls/used-event-is-notified-behind-memory-slots',
  title: 'with EVENT_IDX the use that the driver awaits is followed by a call, behind ADD_MEM_REG and REM_MEM_REG',
  proves: {
    'notify/passing-used-event-notifies': [
      'event-calls-lost-behind-added-region',
      'event-calls-lost-behind-removed-region',
    ],
  },
  applies: { ...byEvent, negotiate: [...byEvent.negotiate, ...slotFeatures] },
  variants: { change: slotChanges },
  run(context) {
    const check = context.requirement('notify/passing-used-event-notifies');
    behindSlots(context, check, context.variant.change === 'added');
  },
});

/** One change: a slot is not given twice. */
function behindSlots(context: Context, check: Check, staying: boolean): void {
  const device = deviceInUse(context);
  const { port, session, guest } = context;
  if (!calledForEach(check, device, 'before the change')) return;
  changeSlots({ port, session, guest, device, check }, staying);
  calledForEach(check, device, 'behind the change');
}

const logs = ['VHOST_F_LOG_ALL', 'VHOST_USER_PROTOCOL_F_LOG_SHMFD'] as const;

const giveLog = ({ port, session, check }: Changed): void => {
  loggedBy(session, new DirtyPages(port, { size: wholeLog }), check);
};

export const flagCallsBehindLog = defineCase({
  id: 'vhost-user/calls/used-buffers-are-notified-behind-log-base',
  title: 'without EVENT_IDX each use of a ring is followed by a call, behind each SET_LOG_BASE',
  proves: { 'notify/used-buffers-notified-with-flag-clear': 'calls-lost-behind-log-base' },
  applies: { ...byFlag, negotiate: logs, memory: 'single-region' },
  run(context) {
    calledBehind(context, context.requirement('notify/used-buffers-notified-with-flag-clear'), giveLog);
  },
});

export const eventCallsBehindLog = defineCase({
  id: 'vhost-user/calls/used-event-is-notified-behind-log-base',
  title: 'with EVENT_IDX the use that the driver awaits is followed by a call, behind each SET_LOG_BASE',
  proves: { 'notify/passing-used-event-notifies': 'event-calls-lost-behind-log-base' },
  applies: { ...byEvent, negotiate: [...byEvent.negotiate, ...logs], memory: 'single-region' },
  run(context) {
    calledBehind(context, context.requirement('notify/passing-used-event-notifies'), giveLog);
  },
});

const restartRings = ({ device, check }: Changed): void => {
  restart(check, device);
};

export const flagCallsAfterRestart = defineCase({
  id: 'vhost-user/calls/used-buffers-are-notified-after-a-restart',
  title: 'without EVENT_IDX each use of a ring that stopped and started again is followed by a call',
  proves: {
    'notify/used-buffers-notified-with-flag-clear': [
      'restarted-ring-calls-old-descriptor',
      'restarted-ring-calls-nobody',
    ],
  },
  applies: byFlag,
  run(context) {
    calledBehind(context, context.requirement('notify/used-buffers-notified-with-flag-clear'), restartRings);
  },
});

export const eventCallsAfterRestart = defineCase({
  id: 'vhost-user/calls/used-event-is-notified-after-a-restart',
  title: 'with EVENT_IDX the use that the driver awaits is followed by a call after the ring stopped and started again',
  proves: {
    'notify/passing-used-event-notifies': [
      'restarted-event-ring-calls-old-descriptor',
      'restarted-ring-calls-other-queue',
    ],
  },
  applies: byEvent,
  run(context) {
    calledBehind(context, context.requirement('notify/passing-used-event-notifies'), restartRings);
  },
});

export const oldCallSilent = defineCase({
  id: 'vhost-user/calls/call-descriptor-of-an-earlier-life-is-silent',
  title: 'the call descriptor that a ring had before it stopped gets no signal for buffers that are used afterwards',
  proves: { 'vu-vring/call-descriptor-replaced': 'call-descriptor-of-earlier-life-kept' },
  applies: ofRings,
  run(context) {
    const check = context.requirement('vu-vring/call-descriptor-replaced');
    const device = deviceInUse(context);
    device.use(1);
    const earlier = device.rings.map(({ queue }) => queue);
    if (!restart(check, device)) return;
    for (const queue of earlier) queue.drainCalls();
    for (const seed of [2, 3, 4]) device.use(seed);
    for (const { queue } of device.rings) {
      check.answered(queue.stop(), `the stop of ring ${queue.index}`, 'a base');
    }
    for (const queue of earlier)
      check.equal(queue.calls(), 0, `signals on the descriptor that ring ${queue.index} had`);
  },
});
