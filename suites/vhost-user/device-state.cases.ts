import type { Queue, VhostUserSession } from '../../drivers/port/port.ts';
import type { Attempt } from '../../judging/refusal.ts';
import { defineCase } from '../case.ts';
import {
  attachedAgain,
  checkedState,
  errorOf,
  loadState,
  savedState,
  setDeviceState,
  stopEvery,
  transferDirection,
  withoutDescriptor,
} from './device-state.ts';
import { stillServes } from './refusal.ts';
import { wordOf } from './words.ts';

/** The state of a device behind its rings, saved and loaded (vhost-user, "Migrating back-end state"). */

const applies = {
  start: 'negotiated',
  transports: ['vhost-user'],
  negotiate: ['VHOST_USER_PROTOCOL_F_DEVICE_STATE'],
} as const;

const withRings = { ...applies, needs: ['initial-base', 'restart'] } as const;

export const savesAll = defineCase({
  id: 'vhost-user/device-state/saving-writes-all-and-closes',
  title: 'the state is saved to the end of the file, and what was saved can be loaded by a later connection',
  proves: { 'vu-device-state/saving-writes-all-then-closes': ['saved-state-left-open', 'saved-state-cut-short'] },
  applies: { ...applies, ring: 'none' },
  run({ port, session, connect, requirement }) {
    const check = requirement('vu-device-state/saving-writes-all-then-closes');
    const state = savedState(port, session, check, 'shown');
    if (state === undefined) return;
    check.equal(checkedState(session, check), 0n, 'CHECK_DEVICE_STATE behind the end of the state that was saved');
    session.close();
    const next = connect('negotiated');
    if (!loadState(port, next, check, [state], 'presumed')) return;
    check.equal(checkedState(next, check), 0n, 'CHECK_DEVICE_STATE behind the load of what was saved');
  },
});

export const loadsToEnd = defineCase({
  id: 'vhost-user/device-state/loading-reads-to-the-end-of-the-file',
  title: 'a state that comes in pieces is loaded when the front-end closes its end',
  proves: { 'vu-device-state/loading-reads-to-end-of-file': 'loaded-state-is-what-came-first' },
  applies: { ...applies, ring: 'none' },
  run({ port, session, connect, requirement }) {
    const check = requirement('vu-device-state/loading-reads-to-end-of-file');
    const state = savedState(port, session, check, 'presumed');
    if (state === undefined) return;
    check.presumes(state.length > 1, `the state, of ${state.length} bytes, can be cut in pieces`);
    session.close();
    const next = connect('negotiated');
    const [third, half] = [Math.ceil(state.length / 3), Math.ceil(state.length / 2)];
    const pieces = [state.subarray(0, third), state.subarray(third, half), state.subarray(half)];
    if (!loadState(port, next, check, pieces, 'shown')) return;
    check.equal(checkedState(next, check), 0n, 'CHECK_DEVICE_STATE behind the end of a state in three pieces');
  },
});

export const answerWithoutDescriptor = defineCase({
  id: 'vhost-user/device-state/answer-without-a-descriptor-says-so',
  title: 'an answer to SET_DEVICE_STATE_FD has bit 8 set if it carries no descriptor, and clear if it carries one',
  proves: { 'vu-device-state/no-descriptor-bit-set-without-descriptor': 'state-answer-without-bit-8' },
  applies: { ...applies, start: 'closed', ring: 'none' },
  variants: { transfer: ['save', 'load'] },
  run({ port, connect, variant, requirement }) {
    const check = requirement('vu-device-state/no-descriptor-bit-set-without-descriptor');
    const { descriptors } = port;
    const { readEnd, writeEnd } = descriptors.pipe('blocking');
    const [given, kept] = variant.transfer === 'load' ? [readEnd, writeEnd] : [writeEnd, readEnd];
    const request = setDeviceState(transferDirection[variant.transfer], given);
    const answer = check.reply(connect('negotiated').messages.exchange(request), 'SET_DEVICE_STATE_FD');
    const carries = answer.descriptors.length;
    check.holds(carries <= 1, 'descriptors of the answer', { expected: '0 or 1', actual: `${carries}` });
    const saysNone = (wordOf(answer) & withoutDescriptor) !== 0n;
    check.equal(saysNone, carries === 0, `bit 8 of an answer with ${carries} descriptors`);
    // The transfer comes to an end: a device that reads or writes all at once waits for that.
    descriptors.close(given);
    const channel = answer.descriptors[0] ?? kept;
    if (variant.transfer === 'save') port.until(() => descriptors.drain(channel) === undefined, port.deadlineMs);
    for (const each of [kept, ...answer.descriptors]) descriptors.close(each);
  },
});

/** The text leaves room for further phases, of which the next are near. */
const unknownRequests = [
  { key: 'direction=0x7fffffff', direction: 0x7fff_ffff, phase: 0 },
  { key: 'direction=0xffffffff', direction: 0xffff_ffff, phase: 0 },
  { key: 'phase=0x7fffffff', direction: transferDirection.save, phase: 0x7fff_ffff },
  { key: 'phase=0xffffffff', direction: transferDirection.save, phase: 0xffff_ffff },
];

export const errorWithoutDescriptor = defineCase({
  id: 'vhost-user/device-state/answer-with-an-error-carries-no-descriptor',
  title:
    'where SET_DEVICE_STATE_FD in an unknown direction or phase is answered with an error, no descriptor comes along, and bit 8 says so',
  proves: {
    'vu-device-state/error-and-descriptor-never-together': 'state-error-with-descriptor',
    'vu-device-state/no-descriptor-bit-set-without-descriptor': 'state-error-without-bit-8',
  },
  applies: { ...applies, start: 'closed', ring: 'none' },
  run({ port, connect, points, requirement }) {
    const check = requirement('vu-device-state/error-and-descriptor-never-together');
    const bit = requirement('vu-device-state/no-descriptor-bit-set-without-descriptor');
    let errors = 0;
    points(unknownRequests, ({ key, direction, phase }) => {
      const request = setDeviceState(direction, port.descriptors.pipe('blocking').writeEnd, phase);
      check.isBesideText = true;
      const answer = connect('negotiated').messages.exchange(request);
      if (answer.kind === 'died' || answer.kind === 'silent') {
        check.failsBy(answer, `SET_DEVICE_STATE_FD with ${key}`, 'an error, or the end of the connection');
        return;
      }
      check.isBesideText = false;
      const error = answer.kind === 'reply' ? errorOf(answer.message) : 0n;
      if (answer.kind !== 'reply' || error === 0n) return;
      errors++;
      const carries = answer.message.descriptors.length;
      check.equal(carries, 0, `descriptors of an answer with error ${error}, to ${key}`);
      const saysNone = (wordOf(answer.message) & withoutDescriptor) !== 0n;
      bit.equal(saysNone, carries === 0, `bit 8 of an answer with error ${error}, to ${key}`);
    });
    if (errors > 0) return;
    bit.inconclusive('no request was answered with an error');
    if (check.failures.length === 0) check.inconclusive('no request was answered with an error');
  },
});

export const unknownTransfer = defineCase({
  id: 'vhost-user/device-state/unknown-direction-or-phase-is-refused',
  title: 'a transfer of state in an unknown direction or phase is refused',
  proves: { 'vu-device-state/unknown-direction-or-phase-refused': 'unknown-state-transfer-begun' },
  applies: { ...applies, start: 'closed', ring: 'none' },
  run({ port, connect, points, refusal, requirement }) {
    const check = requirement('vu-device-state/unknown-direction-or-phase-refused');
    const attempt = (session: VhostUserSession, direction: number, phase: number): Attempt => {
      const { readEnd, writeEnd } = port.descriptors.pipe('blocking');
      const answer = session.messages.exchange(setDeviceState(direction, writeEnd, phase));
      for (const each of [readEnd, writeEnd]) port.descriptors.close(each);
      if (answer.kind !== 'reply') return answer;
      const error = errorOf(answer.message);
      return { kind: 'shown', isAccepted: error === 0n, how: `error ${error} in its answer` };
    };
    points(unknownRequests, ({ key, direction, phase }) => {
      const tried = refusal({
        open: () => connect('negotiated'),
        flawed: (session) => attempt(session, direction, phase),
        behind: (session) => stillServes(port, session, check, `service after ${key}`),
        control: (session) => attempt(session, transferDirection.save, 0),
        controlName: 'SET_DEVICE_STATE_FD that saves',
      });
      check.refused(tried, `SET_DEVICE_STATE_FD with ${key}`);
    });
  },
});

export const checkTellsFailure = defineCase({
  id: 'vhost-user/device-state/check-tells-a-save-that-nobody-read',
  title: 'CHECK_DEVICE_STATE is 0 behind a state that was read, and is not where nobody could read it',
  proves: {
    'vu-device-state/check-reports-zero-only-after-success': [
      'state-check-always-succeeds',
      'state-check-never-succeeds',
    ],
  },
  applies: { ...applies, ring: 'none' },
  run({ port, session, connect, requirement }) {
    const check = requirement('vu-device-state/check-reports-zero-only-after-success');
    const state = savedState(port, session, check, 'presumed');
    if (state === undefined) return;
    check.equal(checkedState(session, check), 0n, 'CHECK_DEVICE_STATE behind a state that was read');
    check.presumes(state.length > 0, 'the state has bytes that can be lost');
    session.close();
    const next = connect('negotiated');
    const { readEnd, writeEnd } = port.descriptors.pipe('blocking');
    port.descriptors.close(readEnd);
    // A front-end that has gone reads no more: what else it does to the device is harm.
    check.isBesideText = true;
    const answer = next.messages.exchange(setDeviceState(transferDirection.save, writeEnd));
    if (answer.kind === 'died' || answer.kind === 'silent') {
      check.failsBy(answer, 'saving that nobody reads', 'an answer, or the end of the connection');
      return;
    }
    // Behind an error nothing was begun, and into a channel of its own all may have been written.
    const isBegunHere =
      answer.kind === 'reply' && errorOf(answer.message) === 0n && answer.message.descriptors.length === 0;
    check.presumes(isBegunHere, 'saving through the descriptor that was given begins');
    check.isBesideText = false;
    const told = checkedState(next, check);
    check.holds(told !== 0n, 'CHECK_DEVICE_STATE behind a state that nobody could read', {
      expected: 'not 0',
      actual: '0',
    });
  },
});

export const checkTellsFailedLoad = defineCase({
  id: 'vhost-user/device-state/check-tells-a-load-that-could-not-be-read',
  title: 'CHECK_DEVICE_STATE is not 0 behind a state that was to be loaded from a descriptor to be written',
  proves: { 'vu-device-state/check-reports-zero-only-after-success': 'state-check-always-succeeds' },
  applies: { ...applies, ring: 'none' },
  run({ port, session, connect, requirement }) {
    const check = requirement('vu-device-state/check-reports-zero-only-after-success');
    const state = savedState(port, session, check, 'presumed');
    if (state === undefined) return;
    check.presumes(state.length > 0, 'the state has bytes that are to be read');
    session.close();
    const next = connect('negotiated');
    const { writeEnd } = port.descriptors.pipe('blocking');
    check.isBesideText = true;
    const answer = next.messages.exchange(setDeviceState(transferDirection.load, writeEnd));
    if (answer.kind === 'died' || answer.kind === 'silent') {
      check.failsBy(answer, 'loading what cannot be read', 'an answer, or the end of the connection');
      return;
    }
    const isBegunHere =
      answer.kind === 'reply' && errorOf(answer.message) === 0n && answer.message.descriptors.length === 0;
    check.presumes(isBegunHere, 'loading from the descriptor that was given begins');
    const checked = next.messages.exchange({ request: 'VHOST_USER_CHECK_DEVICE_STATE' });
    if (checked.kind === 'died' || checked.kind === 'silent') {
      check.failsBy(checked, 'CHECK_DEVICE_STATE', 'an answer, or the end of the connection');
      return;
    }
    check.isBesideText = false;
    const isDone = checked.kind === 'reply' && wordOf(checked.message) === 0n;
    check.equal(isDone, false, 'whether CHECK_DEVICE_STATE says that the state was loaded');
  },
});

export const loadedGoesOn = defineCase({
  id: 'vhost-user/device-state/loaded-device-goes-on',
  title:
    'a later connection loads the state, and its rings go on where they stopped, without another start by the driver',
  proves: { 'vu-device-state/loaded-device-resumes-without-reinitialisation': 'loaded-device-starts-no-ring' },
  applies: withRings,
  run({ port, session, driver, driverOf, connect, ring, requirement }) {
    const check = requirement('vu-device-state/loaded-device-resumes-without-reinitialisation');
    const source = driver.attach(ring({ size: 16 }));
    for (const seed of [1, 2, 3]) driver.warmUp(source, { seed });
    const stopped = stopEvery(check, driver, source);
    const state = stopped === undefined ? undefined : savedState(port, session, check, 'presumed');
    if (stopped === undefined || state === undefined) return;
    session.close();
    const next = connect('negotiated');
    if (!loadState(port, next, check, [state], 'presumed')) return;
    if (!check.equal(checkedState(next, check), 0n, 'CHECK_DEVICE_STATE')) return;
    const goesOn = driverOf(next);
    const destination = attachedAgain(goesOn, stopped);
    if (destination === undefined) return;
    for (const seed of [4, 5])
      check.equal(goesOn.once(destination, { seed }), undefined, `request ${seed}, behind the load`);
  },
});

/** A migration that fails may be tried again. */
const attempts = 2;

export const sourceGoesOn = defineCase({
  id: 'vhost-user/device-state/source-goes-on-behind-a-save',
  title: 'a device whose state was saved goes on where it stopped, as behind a migration that failed, twice',
  proves: {
    'vu-device-state/source-resumes-after-failed-migration': ['saved-device-starts-no-ring', 'state-saved-once'],
  },
  applies: withRings,
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-device-state/source-resumes-after-failed-migration');
    let queue: Queue | undefined = driver.attach(ring({ size: 16 }));
    for (let attempt = 0; attempt < attempts && queue !== undefined; attempt++) {
      const when = attempt === 0 ? 'before' : 'behind the save';
      check.equal(driver.once(queue, { seed: attempt }), undefined, `a request ${when}`);
      const stopped = stopEvery(check, driver, queue);
      if (stopped === undefined) return;
      if (savedState(port, session, check, attempt === 0 ? 'presumed' : 'shown') === undefined) return;
      check.equal(checkedState(session, check), 0n, `CHECK_DEVICE_STATE of save ${attempt + 1}`);
      queue = attachedAgain(driver, stopped);
    }
    if (queue !== undefined) check.equal(driver.once(queue, { seed: attempts }), undefined, 'a request at last');
  },
});
