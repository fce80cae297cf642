import { VIRTIO_BLK_S_OK } from '../../drivers/devices/block-requests.ts';
import { DeadlineError, type DriverPort, type VhostUserSession } from '../../drivers/port/port.ts';
import { seenWithinMs } from '../../judging/deadline.ts';
import { guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import type { Segment } from '../../reference-impl/virtqueue/segment.ts';
import { vhostIotlbPermissions, vhostIotlbType } from '../../reference-impl/wire/vhost-user-constants.ts';
import { requestId } from '../../reference-impl/wire/vhost-user-messages.ts';
import { defineCase } from '../case.ts';
import type { Check } from '../check.ts';
import { writtenBefore } from '../premise.ts';
import { refusesMessage, stillServes } from './refusal.ts';
import { type Entry, invalidation, type Permission, reportsOf, translated, update, Window } from './translations.ts';

/** Translations of I/O-virtual addresses (vhost-user, "IOMMU support"). */

const { readOnly, writeOnly } = vhostIotlbPermissions;

/** The memory with all of its translations, and a channel on which the back-end may say what it lacks. */
function shared(check: Check, session: VhostUserSession, guest: Parameters<VhostUserSession['shareMemory']>[0]): void {
  check.granted(session.messages.openBackEndChannel({ kind: 'serve' }), 'SET_BACKEND_REQ_FD');
  check.granted(session.shareMemory(guest), 'the memory with its translations');
}

/** Puts a buffer's data into the window as it is laid out, with a translation that permits so much. */
const permitting =
  (check: Check, session: VhostUserSession, window: Window, permission: Permission) =>
  (segment: Segment): Segment => {
    const moved = window.movedData(segment);
    if (moved !== segment) check.granted(session.messages.acknowledged(update(window.entry, permission)), 'the update');
    return moved;
  };

const reportedWithin = (port: DriverPort, window: Window, session: VhostUserSession, ms: number): boolean =>
  port.until(() => window.reports(session).length > 0, ms) === 'true';

function problemOfTransfer(transfer: () => string | undefined): string | undefined {
  try {
    return transfer();
  } catch (error) {
    if (error instanceof DeadlineError) return error.message;
    throw error;
  }
}

export const answered = defineCase({
  id: 'vhost-user/iotlb/updates-and-invalidations-are-answered',
  title: 'an IOTLB update and an invalidation with need_reply are answered with 0',
  proves: {
    'vu-iotlb/update-and-invalidate-answered': 'iotlb-message-unanswered',
    'vu-iotlb/answer-zero-on-success': 'iotlb-success-answered-with-one',
  },
  applies: { ...translated, ring: 'none' },
  run({ port, session, guest, requirement }) {
    const check = requirement('vu-iotlb/update-and-invalidate-answered');
    const zero = requirement('vu-iotlb/answer-zero-on-success');
    check.granted(session.shareMemory(guest, 'at-miss'), 'the memory table');
    for (const { ioVirtualAddress, userAddress, size } of guest.regions) {
      const entry = { iova: ioVirtualAddress, size: BigInt(size), userAddress };
      for (const [what, message] of Object.entries({ update: update(entry), invalidation: invalidation(entry) })) {
        const outcome = session.messages.acknowledged(message);
        const isAnswered = outcome.kind === 'done' || outcome.kind === 'refused';
        if (check.answered(outcome, `the ${what}`, 'an answer') && isAnswered) zero.accepted(outcome, `the ${what}`);
      }
    }
    stillServes(port, session, check, 'service afterwards');
  },
});

export const answeredUnasked = defineCase({
  id: 'vhost-user/iotlb/updates-are-answered-unasked',
  title: 'an IOTLB update without need_reply is answered, too',
  proves: { 'vu-iotlb/update-and-invalidate-answered': 'iotlb-message-answered-at-need-reply-alone' },
  applies: { ...translated, ring: 'none' },
  run({ session, guest, requirement }) {
    const check = requirement('vu-iotlb/update-and-invalidate-answered');
    check.granted(session.shareMemory(guest, 'at-miss'), 'the memory table');
    for (const { ioVirtualAddress, userAddress, size } of guest.regions) {
      const entry = { iova: ioVirtualAddress, size: BigInt(size), userAddress };
      session.messages.send(update(entry));
      const next = session.messages.exchange({ request: 'VHOST_USER_GET_FEATURES' });
      const first = check.reply(next, 'GET_FEATURES behind the update');
      check.equal(first.request, requestId.VHOST_USER_IOTLB_MSG, 'what is answered first');
    }
  },
});

export const outside = defineCase({
  id: 'vhost-user/iotlb/update-outside-memory-is-refused',
  title: 'an update that leads outside the memory is answered with another value than 0',
  proves: { 'vu-iotlb/update-outside-memory-refused': 'iotlb-update-outside-memory-accepted' },
  applies: { ...translated, start: 'closed', ring: 'none' },
  run(context) {
    const { port, connect, points, requirement } = context;
    const check = requirement('vu-iotlb/update-outside-memory-refused');
    const guest = port.createGuest(guestLayouts['single-region']);
    const [region] = guest.regions;
    if (region === undefined) return;
    const { userAddress: start } = region;
    const size = BigInt(region.size);
    const sound = { iova: 0x7000_0000n, size: 0x1000n, userAddress: start };
    const places = {
      below: start - 0x1_0000n,
      'over-start': start - 0x800n,
      'over-end': start + size - 0x800n,
      'at-end': start + size,
      'far-above': start + size + 0x1000_0000n,
    };
    points(
      Object.entries(places).map(([key, userAddress]) => ({ key, userAddress })),
      ({ key, userAddress }) => {
        refusesMessage(context, check, {
          what: `an update that leads ${key} of the region`,
          open: () => {
            const session = connect('negotiated');
            check.granted(session.shareMemory(guest, 'at-miss'), 'the memory table');
            return session;
          },
          flawed: update({ ...sound, userAddress }),
          sound: update(sound),
          controlName: 'an update that leads into the region',
        });
      },
    );
  },
});

export const misses = defineCase({
  id: 'vhost-user/iotlb/missing-translations-are-asked-for',
  title: 'a buffer without a translation is asked for by a miss, and written once an update brings it',
  proves: {
    'vu-iotlb/missing-translation-reported': ['iotlb-miss-not-reported', 'iotlb-miss-asks-to-read-only'],
    'vu-iotlb/update-lets-request-continue': 'iotlb-update-resumes-nothing',
  },
  applies: translated,
  run({ port, session, guest, driver, ring, requirement }) {
    const reported = requirement('vu-iotlb/missing-translation-reported');
    const continued = requirement('vu-iotlb/update-lets-request-continue');
    shared(reported, session, guest);
    const queue = driver.attach(ring({ size: 16 }));
    const writes = driver.writes(queue);
    writtenBefore(port, reported, writes);
    const window = new Window(guest);
    writes.ask({ seed: 7, change: window.movedData });
    if (!reportedWithin(port, window, session, port.deadlineMs)) {
      reported.silence('a miss of the buffer', 'VHOST_USER_BACKEND_IOTLB_MSG', port.deadlineMs);
      return;
    }
    for (const { type, permissions } of window.reports(session)) {
      reported.equal(type, vhostIotlbType.VHOST_IOTLB_MISS, 'type of the report');
      reported.equal(permissions & writeOnly, writeOnly, 'the write permission in the miss of a buffer to be written');
    }
    reported.equal(writes.saysDone, false, 'whether a request without translation is said to be done');
    continued.granted(session.messages.acknowledged(update(window.entry)), 'the update');
    // The frame that found no buffer may be lost: another one takes its place.
    const mayBeLost = port.facts.device === 'net';
    if (mayBeLost) queue.makeAvailable([driver.request().segments]);
    if (mayBeLost) queue.kick();
    if (port.until(() => writes.saysDone, port.deadlineMs) !== 'true') {
      continued.silence('the request behind the update', 'its completion', port.deadlineMs);
      return;
    }
    continued.equal(mayBeLost ? undefined : writes.problem, undefined, 'the buffer');
  },
});

export const ringMisses = defineCase({
  id: 'vhost-user/iotlb/rings-wait-for-translations',
  title: 'rings and buffers without a translation are asked for by misses, and data go there and back',
  proves: {
    'vu-iotlb/missing-translation-reported': 'iotlb-miss-of-ring-not-reported',
    'vu-iotlb/update-lets-request-continue': 'iotlb-update-starts-no-ring',
  },
  applies: translated,
  run({ session, guest, driver, ring, requirement }) {
    const reported = requirement('vu-iotlb/missing-translation-reported');
    const continued = requirement('vu-iotlb/update-lets-request-continue');
    reported.granted(session.messages.openBackEndChannel({ kind: 'serve' }), 'SET_BACKEND_REQ_FD');
    reported.granted(session.shareMemory(guest, 'at-miss'), 'the memory table');
    const queue = driver.attach(ring({ size: 16 }));
    const problem = problemOfTransfer(() => driver.transfer(queue));
    if (reported.atLeast(reportsOf(session).length, 1, 'misses')) {
      continued.equal(problem, undefined, 'data there and back');
    }
  },
});

export const invalidated = defineCase({
  id: 'vhost-user/iotlb/invalidated-ranges-are-not-accessed',
  title: 'a buffer whose translation was invalidated is not written where that led',
  proves: { 'vu-iotlb/invalidated-range-not-accessed': 'iotlb-invalidation-ignored' },
  applies: translated,
  run({ port, session, guest, driver, ring, requirement }) {
    const check = requirement('vu-iotlb/invalidated-range-not-accessed');
    shared(check, session, guest);
    const queue = driver.attach(ring({ size: 16 }));
    const writes = driver.writes(queue);
    const window = new Window(guest);
    writes.ask({ seed: 7, change: window.movedData });
    check.granted(session.messages.acknowledged(update(window.entry)), 'the update');
    writes.written.waitForUsed(1);
    check.presumes(writes.problem === undefined, 'a buffer with a translation is written');
    check.granted(session.messages.acknowledged(invalidation(window.entry)), 'the invalidation');
    const again = driver.writes(queue);
    again.ask({ seed: 8, change: window.movedData });
    port.until(() => again.saysDone, seenWithinMs(port));
    check.equal(again.saysDone, false, 'whether a buffer is written that has no translation any more');
    again.stopAll();
  },
});

export const forbiddenWrite = defineCase({
  id: 'vhost-user/iotlb/read-only-translations-are-not-written',
  title: 'a buffer that may only be read is not written, and the back-end reports the access',
  proves: {
    'vu-iotlb/permissions-enforced': 'iotlb-read-only-written',
    'vu-iotlb/forbidden-access-reported': 'iotlb-forbidden-access-not-reported',
  },
  applies: translated,
  run({ port, session, guest, driver, ring, requirement }) {
    const enforced = requirement('vu-iotlb/permissions-enforced');
    const reported = requirement('vu-iotlb/forbidden-access-reported');
    shared(enforced, session, guest);
    const queue = driver.attach(ring({ size: 16 }));
    const writes = driver.writes(queue);
    writtenBefore(port, enforced, writes);
    const window = new Window(guest);
    writes.ask({ seed: 7, change: permitting(enforced, session, window, 'readOnly') });
    if (reportedWithin(port, window, session, port.deadlineMs)) {
      // A back-end may ask for a translation that permits more in place of an ACCESS_FAIL.
      for (const { permissions } of window.reports(session)) {
        reported.equal(permissions & writeOnly, writeOnly, 'the write permission in the report');
      }
    } else reported.silence('the access', 'VHOST_USER_BACKEND_IOTLB_MSG', port.deadlineMs);
    port.until(() => writes.saysDone, seenWithinMs(port));
    enforced.equal(writes.saysDone, false, 'whether a buffer that may only be read is said to be written');
    enforced.notEqual(writes.problem ?? 'the data', 'the data', 'what the buffer holds');
  },
});

export const noAccess = defineCase({
  id: 'vhost-user/iotlb/translations-without-access-are-not-written',
  title: 'a buffer whose translation permits neither reads nor writes is not written',
  proves: { 'vu-iotlb/permissions-enforced': 'iotlb-no-access-taken-as-any' },
  applies: translated,
  run({ port, session, guest, driver, ring, requirement }) {
    const check = requirement('vu-iotlb/permissions-enforced');
    shared(check, session, guest);
    const queue = driver.attach(ring({ size: 16 }));
    const writes = driver.writes(queue);
    writtenBefore(port, check, writes);
    const window = new Window(guest);
    writes.ask({
      seed: 7,
      change: (segment) => {
        const moved = window.movedData(segment);
        // It may be refused as one that says nothing: the buffer has no translation then.
        if (moved !== segment) session.messages.acknowledged(update(window.entry, 'none'));
        return moved;
      },
    });
    port.until(() => writes.saysDone, seenWithinMs(port));
    check.equal(writes.saysDone, false, 'whether a buffer without access is said to be written');
    check.notEqual(writes.problem ?? 'the data', 'the data', 'what the buffer holds');
    writes.stopAll();
  },
});

export const askedForAgain = defineCase({
  id: 'vhost-user/iotlb/invalidated-translations-are-asked-for-again',
  title: 'a buffer that was asked for, and whose translation came and went, is asked for again',
  proves: { 'vu-iotlb/missing-translation-reported': 'iotlb-miss-reported-once-alone' },
  applies: translated,
  run({ port, session, guest, driver, ring, requirement }) {
    const check = requirement('vu-iotlb/missing-translation-reported');
    shared(check, session, guest);
    const queue = driver.attach(ring({ size: 16 }));
    const writes = driver.writes(queue);
    writtenBefore(port, check, writes);
    const window = new Window(guest);
    const asking = driver.writes(queue);
    asking.ask({ seed: 7, change: window.movedData });
    const isAsked = reportedWithin(port, window, session, port.deadlineMs);
    check.presumes(isAsked, 'a translation that was never there is asked for');
    const [first] = window.reports(session);
    const { iova, size } = window.entry;
    const from = first?.iova ?? iova;
    check.granted(session.messages.acknowledged(update(window.entry)), 'the update');
    port.until(() => asking.saysDone, seenWithinMs(port));
    const before = window.reports(session).length;
    check.granted(
      session.messages.acknowledged(invalidation({ iova: from, size: iova + size - from })),
      'the invalidation',
    );
    driver.writes(queue).ask({ seed: 8, change: window.at(from) });
    if (port.until(() => window.reports(session).length > before, port.deadlineMs) !== 'true') {
      check.silence('a miss of the buffer, again', 'VHOST_USER_BACKEND_IOTLB_MSG', port.deadlineMs);
    } else check.atLeast(window.reports(session).length, before + 1, 'misses of the buffer');
  },
});

export const askedForAgainMeanwhile = defineCase({
  id: 'vhost-user/iotlb/invalidated-pages-of-a-waiting-request-are-asked-for-again',
  title: 'a request that waits for its second page asks for the first one again where that was invalidated meanwhile',
  proves: { 'vu-iotlb/missing-translation-reported': 'iotlb-miss-reported-once-alone' },
  applies: { ...translated, devices: ['block'] },
  run({ port, session, guest, driver, ring, requirement }) {
    const check = requirement('vu-iotlb/missing-translation-reported');
    shared(check, session, guest);
    const queue = driver.attach(ring({ size: 16 }));
    driver.warmUp(queue);
    const window = new Window(guest);
    const read = driver.block.read({ bytes: 0x2000 });
    queue.makeAvailable([read.segments.map((one) => (one.writable ? window.movedData(one) : one))]);
    const { first, rest } = window.parts();
    const missesOf = (entry: Entry): number => window.reports(session, entry).length;
    queue.kick();
    const comes = (condition: () => boolean): boolean => port.until(condition, port.deadlineMs) === 'true';
    check.presumes(
      comes(() => missesOf(first) > 0),
      'a page that has no translation is asked for',
    );
    check.granted(session.messages.acknowledged(update(first)), 'the update of the first page');
    check.presumes(
      comes(() => missesOf(rest) > 0),
      'the page behind it is asked for',
    );
    const before = missesOf(first);
    check.granted(session.messages.acknowledged(invalidation(first)), 'the invalidation of the first page');
    check.granted(session.messages.acknowledged(update(rest)), 'the update of the rest');
    // The device may have written the first page before it asked for the next.
    const goesOn = comes(() => missesOf(first) > before || read.status() === VIRTIO_BLK_S_OK);
    if (!goesOn) check.silence('a miss of the first page', 'VHOST_USER_BACKEND_IOTLB_MSG', port.deadlineMs);
    else check.atLeast(missesOf(first) - before + queue.usedCount(), 1, 'misses of the first page, or used elements');
  },
});

export const forbiddenRead = defineCase({
  id: 'vhost-user/iotlb/write-only-translations-are-not-read',
  title: 'data that may only be written are not read: the write request is not done',
  proves: { 'vu-iotlb/permissions-enforced': 'iotlb-write-only-read' },
  applies: { ...translated, devices: ['block'] },
  run({ port, session, guest, driver, ring, requirement }) {
    const check = requirement('vu-iotlb/permissions-enforced');
    shared(check, session, guest);
    const queue = driver.attach(ring({ size: 16 }));
    driver.warmUp(queue);
    const window = new Window(guest);
    const write = driver.block.write(new Uint8Array(512).fill(0x5a), { sector: 3 });
    const segments = write.segments.map((one) => (one.writable || one.length < 512 ? one : window.moved(one)));
    check.granted(session.messages.acknowledged(update(window.entry, 'writeOnly')), 'the update');
    queue.makeAvailable([segments]);
    queue.kick();
    const isOver = (): boolean => queue.usedCount() > 1 || window.reports(session).length > 0;
    port.until(isOver, port.deadlineMs);
    check.notEqual(write.status(), 0, 'status of a write of data that may not be read');
  },
});

/** A device that may write its buffers and not read them. */
const notRead = (layout: 'split' | 'packed') =>
  defineCase({
    id: `vhost-user/iotlb/${layout}-writable-buffers-are-not-read`,
    title: `on a ${layout} ring a buffer to be written that may not be read is written, and no read of it is asked for`,
    proves: { [`${layout}/writable-buffers-not-read`]: `${layout}-writable-buffers-read` },
    applies: { ...translated, ring: layout },
    run({ port, session, guest, driver, ring, requirement }) {
      const check = requirement(`${layout}/writable-buffers-not-read`);
      shared(check, session, guest);
      const queue = driver.attach(ring({ size: 16 }));
      const writes = driver.writes(queue);
      writtenBefore(port, check, writes);
      const window = new Window(guest);
      writes.ask({ seed: 7, change: permitting(check, session, window, 'writeOnly') });
      port.until(() => writes.saysDone || window.reports(session).length > 0, port.deadlineMs);
      const reports = window.reports(session);
      const reads = reports.filter(({ permissions }) => permissions === readOnly);
      check.equal(reads.length, 0, 'reports of a read of the buffer');
      // Who asks for both permissions at once may still not read.
      check.presumes(reports.length === reads.length, 'the back-end asks for no more permissions than it needs');
      check.equal(writes.problem, undefined, 'the buffer');
    },
  });

export const splitNotRead = notRead('split');
export const packedNotRead = notRead('packed');

export const spaces = defineCase({
  id: 'vhost-user/iotlb/addresses-are-translated',
  title: 'with ACCESS_PLATFORM ring and buffer addresses are I/O-virtual ones, and data go there and back',
  proves: {
    'vu-vring/ring-addresses-are-iovas-with-access-platform': 'iotlb-ring-addresses-taken-as-user-addresses',
    'vu-memory/guest-addresses-unused-with-access-platform': 'iotlb-buffers-looked-up-by-guest-address',
  },
  applies: translated,
  run({ session, guest, driver, ring, requirement }) {
    const rings = requirement('vu-vring/ring-addresses-are-iovas-with-access-platform');
    const buffers = requirement('vu-memory/guest-addresses-unused-with-access-platform');
    shared(rings, session, guest);
    const queue = driver.attach(ring({ size: 16 }));
    const problem = problemOfTransfer(() => driver.transfer(queue));
    for (const check of [rings, buffers]) check.equal(problem, undefined, 'data there and back');
  },
});
