import { seenWithinMs } from '../../judging/deadline.ts';
import { defineCase } from '../case.ts';
import { DirtyPages, hex, loggedBy, missing, pagesOf, wholeLog, writeOverBoundary } from './dirty-pages.ts';
import { stillServes } from './refusal.ts';
import { RingByHand } from './ring-by-hand.ts';
import { addressesOf, setAddresses } from './ring-messages.ts';

/** Where a log begins and ends in its file, and logs that do not suffice. */

const applies = {
  start: 'negotiated',
  transports: ['vhost-user'],
  negotiate: ['VHOST_F_LOG_ALL', 'VHOST_USER_PROTOCOL_F_LOG_SHMFD'],
  memory: 'single-region',
} as const;
const loggedRing = 1;

export const offsetOfLog = defineCase({
  id: 'vhost-user/log/log-starts-at-its-offset',
  title: 'the log begins where SET_LOG_BASE says in its file, and nothing around it is touched',
  proves: { 'vu-log/log-starts-at-file-offset': 'log-offset-ignored' },
  applies,
  variants: { offset: [4096, 65536] },
  run({ port, session, driver, ring, variant, requirement }) {
    const check = requirement('vu-log/log-starts-at-file-offset');
    const { offset } = variant;
    const shape = { size: wholeLog, offset, fileSize: offset + 2 * wholeLog };
    const log = loggedBy(session, new DirtyPages(port, shape), check);
    const queue = driver.attach(ring({ size: 16 }));
    const written = writeOverBoundary(driver, queue);
    check.equal(hex(missing(pagesOf(written), log.marked())), '', 'pages that were written and are not marked');
    check.equal(log.bytesOutside(), 0, 'bytes of the file outside the log that changed');
  },
});

export const pastTheLog = defineCase({
  id: 'vhost-user/log/pages-past-the-log-are-marked-nowhere',
  title: 'a write to a page that the log does not cover marks no bit, in the log or behind it in its file',
  proves: {
    // First: an exchange that ends here is told under it.
    'vu-log/too-small-log-survived': 'small-log-crashes',
    'vu-log/no-marks-past-log-size': 'log-wraps-at-its-end',
  },
  applies: { ...applies, start: 'closed' },
  run({ port, connect, driverOf, ring, points, requirement }) {
    const check = requirement('vu-log/no-marks-past-log-size');
    const survived = requirement('vu-log/too-small-log-survived');
    // The guest's pages begin at byte 0x8000 of a log.
    const all = [4096, 0x7000, 0x8000].map((size) => ({ key: `log-of-${size}-bytes`, size }));
    points(all, ({ key, size }) => {
      const session = connect('negotiated');
      const driver = driverOf(session);
      const log = new DirtyPages(port, { size, fileSize: 2 * wholeLog });
      // It may be refused, by a close behind the reply too.
      const isTaken = log.tell(session).kind === 'reply' && session.messages.fence().kind === 'reply';
      if (isTaken) writeOverBoundary(driver, driver.attach(ring({ size: 16 })));
      check.equal(hex(log.marked()), '', `pages that are marked in a ${key}`);
      check.equal(log.bytesOutside(), 0, `bytes of the file that changed behind a ${key}`);
      stillServes(port, session, survived, `service after a ${key}`);
      session.close();
    });
  },
});

export const tooSmall = defineCase({
  id: 'vhost-user/log/too-small-log-is-survived',
  title: 'a log of no bytes, of too few, or of more than its file has, is refused or survived',
  proves: { 'vu-log/too-small-log-survived': 'small-log-crashes' },
  applies: { ...applies, start: 'closed', ring: 'split' },
  run({ port, connect, driverOf, ring, points, requirement }) {
    const check = requirement('vu-log/too-small-log-survived');
    const all = [
      { key: 'no-bytes', size: 0, fileSize: 4096 },
      { key: 'one-byte', size: 1, fileSize: 4096 },
      { key: 'one-page', size: 4096, fileSize: 4096 },
      { key: 'file-too-short', size: wholeLog, fileSize: 4096 },
    ];
    points(all, ({ key, size, fileSize }) => {
      const session = connect('negotiated');
      const driver = driverOf(session);
      const log = new DirtyPages(port, { size, fileSize });
      const told = log.tell(session);
      if (told.kind === 'died' || told.kind === 'silent') check.failsBy(told, `SET_LOG_BASE, ${key}`, 'an answer');
      for (const other of session.isOpen ? driver.companionIndices : []) driver.companion(other);
      const hand = new RingByHand(port, session, ring({ size: 16 }), { index: driver.queueIndex });
      const used = hand.ring.used.guestAddress;
      hand.tell('num', 'base');
      session.messages.send(setAddresses(hand.index, { ...addressesOf(hand.ring), flags: loggedRing, log: used }));
      hand.tell('call', 'error', 'kick', 'enable');
      hand.makeAvailable(driver.request().segments);
      hand.kick();
      if (session.isOpen) port.until(() => hand.usedCount() === 1, seenWithinMs(port));
      stillServes(port, session, check, `service after a log: ${key}`);
      session.close();
    });
  },
});
