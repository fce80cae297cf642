import type { Attachment, Guest, Session } from '../../drivers/driver-port.ts';
import type { Span } from '../../reference-impl/memory/span.ts';
import { writable } from '../../reference-impl/virtqueue/segment.ts';
import { defineCase } from '../case.ts';
import type { Check } from '../check.ts';
import { netHeaderSize } from '../workload/net-frames.ts';
import type { Workload } from '../workload/workload.ts';
import { DirtyPages, pagesOf } from './dirty-pages.ts';
import { stillServes } from './refusal.ts';
import { RingByHand } from './ring-by-hand.ts';
import { addressesOf, setAddresses } from './ring-messages.ts';

/** Logs of dirty pages (vhost-user, "Migration", protocol feature LOG_SHMFD). */

const applies = {
  start: 'negotiated',
  transports: ['vhost-user'],
  negotiate: ['VHOST_F_LOG_ALL', 'VHOST_USER_PROTOCOL_F_LOG_SHMFD'],
  memory: 'single-region',
} as const;
const loggedRing = 1;
const logAll = 1n << 26n;
/** One byte more than 8 pages at the end of the guest's region, rounded up to a page. */
const wholeLog = 0x9000;

/** The device writes `bytes` bytes over the boundary of two pages: the span that it wrote. */
function writeOverBoundary(session: Session, guest: Guest, workload: Workload, queue: Attachment): Span {
  if (workload.facts.kind === 'block') {
    const target = guest.allocate({ size: 8192, crossing: 'page' });
    const { segments } = workload.block.raw({ type: 0, sector: 0 });
    queue.makeAvailable([segments.toSpliced(1, 0, writable(target))]);
    queue.kickAndWaitForUsed(1);
    return target;
  }
  const { net } = workload;
  const frame = net.transmit({ bytes: 1000 });
  const target = guest.allocate({ size: netHeaderSize + 1000, crossing: 'page' });
  const receive = workload.companion(session, net.facts.receiveIndex);
  receive.makeAvailable([[writable(target)]]);
  receive.kick();
  queue.makeAvailable([frame.segments]);
  queue.kickAndWaitForUsed(1);
  receive.waitForUsed(1);
  return target;
}

/** Pages of what is there beside buffers: rings, and requests with their status. */
const missing = (expected: readonly number[], marked: readonly number[]): number[] =>
  expected.filter((page) => !marked.includes(page));

const hex = (pages: readonly number[]): string => pages.map((page) => `0x${page.toString(16)}`).join(', ');

/** The log is told of, and answered. */
function loggedBy(session: Session, log: DirtyPages, check: Check): DirtyPages {
  check.reply(log.tell(session), 'SET_LOG_BASE');
  return log;
}

export const answered = defineCase({
  id: 'vhost-user/log/set-log-base-is-answered',
  title: 'SET_LOG_BASE with a descriptor is answered, first and again',
  proves: { 'vu-log/set-log-base-with-descriptor-answered': 'log-base-unanswered' },
  applies,
  run({ port, session, requirement }) {
    const check = requirement('vu-log/set-log-base-with-descriptor-answered');
    for (const time of ['the first time', 'again']) {
      const reply = check.reply(new DirtyPages(port, { size: wholeLog }).tell(session), `SET_LOG_BASE ${time}`);
      check.equal(reply.request, 6, `the request that is answered ${time}`);
    }
  },
});

export const buffersMarked = defineCase({
  id: 'vhost-user/log/pages-of-written-buffers-are-marked',
  title: 'each page of a buffer that the device writes is marked',
  proves: { 'vu-log/buffer-writes-marked': ['log-leaves-buffers-out', 'log-marks-first-page-only'] },
  applies,
  run({ port, session, guest, workload, requirement }) {
    const check = requirement('vu-log/buffer-writes-marked');
    const log = loggedBy(session, new DirtyPages(port, { size: wholeLog }), check);
    const queue = workload.attach(session, guest.splitRing({ size: 16 }));
    for (let round = 1; round <= 3; round++) {
      log.clear();
      const written = writeOverBoundary(session, guest, workload, queue);
      const unmarked = missing(pagesOf(written), log.marked());
      check.equal(hex(unmarked), '', `pages that were written in round ${round} and are not marked`);
    }
  },
});

export const pageSizeAndBitOrder = defineCase({
  id: 'vhost-user/log/a-bit-stands-for-4096-bytes-lowest-first',
  title: 'bit n modulo 8 of byte n / 8 is set for page n of 4096 bytes, and no bit that stands for no written page',
  proves: { 'vu-log/page-size-and-bit-order': ['log-page-of-8192-bytes', 'log-most-significant-bit-first'] },
  applies,
  run({ port, session, guest, workload, requirement }) {
    const check = requirement('vu-log/page-size-and-bit-order');
    const log = loggedBy(session, new DirtyPages(port, { size: wholeLog }), check);
    const queue = workload.attach(session, guest.splitRing({ size: 16 }));
    const written = writeOverBoundary(session, guest, workload, queue);
    const marked = log.marked();
    check.equal(hex(missing(pagesOf(written), marked)), '', 'pages that were written and are not marked');
    // Whatever else is written, rings and the status of a request, is all in front of the end of the region.
    const [region] = guest.regions;
    const first = Number((region?.guestAddress ?? 0n) / 4096n);
    // Page 0 is where the used ring's marks begin, which may be made although its ring is not logged.
    const strange = marked.filter((page) => (page > 0 && page < first) || page >= first + (region?.size ?? 0) / 4096);
    check.equal(hex(strange), '', 'pages that are marked where the guest has no memory');
    check.equal(log.bytesOutside(), 0, 'bytes that changed outside the log');
  },
});

export const neighboursKept = defineCase({
  id: 'vhost-user/log/marks-leave-other-bits-alone',
  title: 'a mark sets its own bit and leaves the seven others of its byte as they are',
  proves: { 'vu-log/marks-are-atomic': 'log-overwrites-neighbours' },
  applies,
  run({ port, session, guest, workload, requirement }) {
    const check = requirement('vu-log/marks-are-atomic');
    const log = loggedBy(session, new DirtyPages(port, { size: wholeLog }), check);
    const queue = workload.attach(session, guest.splitRing({ size: 16 }));
    const [region] = guest.regions;
    const first = Number((region?.guestAddress ?? 0n) / 4096n);
    const pages = Array.from({ length: (region?.size ?? 0) / 4096 }, (_, n) => first + n);
    for (const pattern of [0x55, 0xaa]) {
      for (const page of pages) log.setByteOf(page, pattern);
      writeOverBoundary(session, guest, workload, queue);
      const lost = pages.filter((page) => (log.byteOf(page) & pattern) !== pattern);
      check.equal(hex(lost), '', `pages whose byte of the log lost bits of 0x${pattern.toString(16)}`);
    }
  },
});

export const offsetOfLog = defineCase({
  id: 'vhost-user/log/log-starts-at-its-offset',
  title: 'the log begins where SET_LOG_BASE says in its file, and nothing around it is touched',
  proves: { 'vu-log/log-starts-at-file-offset': 'log-offset-ignored' },
  applies,
  variants: { offset: [4096, 65536] },
  run({ port, session, guest, workload, variant, requirement }) {
    const check = requirement('vu-log/log-starts-at-file-offset');
    const { offset } = variant;
    const shape = { size: wholeLog, offset, fileSize: offset + 2 * wholeLog };
    const log = loggedBy(session, new DirtyPages(port, shape), check);
    const queue = workload.attach(session, guest.splitRing({ size: 16 }));
    const written = writeOverBoundary(session, guest, workload, queue);
    check.equal(hex(missing(pagesOf(written), log.marked())), '', 'pages that were written and are not marked');
    check.equal(log.bytesOutside(), 0, 'bytes of the file outside the log that changed');
  },
});

/** A ring whose used ring is logged, at its own address or at another one, and one request on it. */
function logged(
  context: Parameters<typeof RingByHand.prototype.waitForUsed>[0],
  hand: RingByHand,
  session: Session,
  workload: Workload,
  log: bigint,
): boolean {
  hand.tell('num', 'base');
  session.messages.send(setAddresses(hand.index, { ...addressesOf(hand.ring), flags: loggedRing, log }));
  hand.tell('call', 'error', 'kick', 'enable');
  hand.makeAvailable(workload.request().segments);
  hand.kick();
  return hand.waitForUsed(context, 1, 'a chain on a ring that is logged') !== undefined;
}

export const usedRingMarked = defineCase({
  id: 'vhost-user/log/writes-to-a-logged-used-ring-are-marked',
  title: 'the page of the used ring is marked when its ring is logged',
  proves: { 'vu-log/used-ring-writes-marked-with-ring-flag': 'log-leaves-used-ring-out' },
  applies,
  run({ port, session, guest, workload, requirement }) {
    const check = requirement('vu-log/used-ring-writes-marked-with-ring-flag');
    const log = loggedBy(session, new DirtyPages(port, { size: wholeLog }), check);
    for (const other of workload.facts.companions) workload.companion(session, other);
    // A page of its own, so that no buffer marks it.
    const ring = guest.splitRing({ size: 16, placement: { used: { at: 'region-end' } } });
    const hand = new RingByHand(port, session, ring, { index: workload.queueIndex });
    if (!logged(check, hand, session, workload, ring.used.guestAddress)) return;
    check.reply(session.messages.fence(), 'GET_FEATURES');
    const pages = pagesOf(ring.used);
    check.equal(hex(missing(pages, log.marked())), '', 'pages of the used ring that are not marked');
  },
});

export const logAddress = defineCase({
  id: 'vhost-user/log/marks-of-a-used-ring-begin-at-its-log-address',
  title: 'the used ring is marked at log_guest_addr, which may be any address that the log covers',
  proves: { 'vu-log/used-ring-marks-start-at-log-address': 'log-marks-used-ring-at-its-own-address' },
  applies,
  variants: { page: [5, 0x123, 0x40200] },
  run({ port, session, guest, workload, variant, requirement }) {
    const check = requirement('vu-log/used-ring-marks-start-at-log-address');
    const log = loggedBy(session, new DirtyPages(port, { size: wholeLog }), check);
    for (const other of workload.facts.companions) workload.companion(session, other);
    const hand = new RingByHand(port, session, guest.splitRing({ size: 16 }), { index: workload.queueIndex });
    if (!logged(check, hand, session, workload, BigInt(variant.page) * 4096n)) return;
    check.reply(session.messages.fence(), 'GET_FEATURES');
    check.equal(hex(missing([variant.page], log.marked())), '', 'pages at the log address that are not marked');
  },
});

export const switched = defineCase({
  id: 'vhost-user/log/logging-is-switched-while-rings-run',
  title: 'SET_FEATURES without VHOST_F_LOG_ALL ends marking while rings run, and with it marking goes on',
  proves: { 'vu-log/logging-switched-while-running': 'log-ignores-log-all' },
  applies,
  run({ port, session, guest, workload, requirement }) {
    const check = requirement('vu-log/logging-switched-while-running');
    const log = loggedBy(session, new DirtyPages(port, { size: wholeLog }), check);
    const queue = workload.attach(session, guest.splitRing({ size: 16 }));
    const features = session.negotiated.accepted;
    for (const isOn of [true, false, true]) {
      const u64 = isOn ? features | logAll : features & ~logAll;
      session.messages.send({ request: 'VHOST_USER_SET_FEATURES', payload: { u64 } });
      check.reply(session.messages.fence(), 'GET_FEATURES');
      log.clear();
      const written = writeOverBoundary(session, guest, workload, queue);
      check.reply(session.messages.fence(), 'GET_FEATURES');
      const marked = log.marked();
      if (isOn) check.equal(hex(missing(pagesOf(written), marked)), '', 'written pages without a mark, log on');
      else check.equal(hex(marked), '', 'marks, log off');
    }
  },
});

export const afterStop = defineCase({
  id: 'vhost-user/log/nothing-is-marked-once-rings-are-stopped',
  title: 'behind the last answer to GET_VRING_BASE no page is marked',
  proves: { 'vu-log/no-marks-after-rings-stopped': 'log-marks-at-stop' },
  applies,
  run({ port, session, guest, workload, requirement }) {
    const check = requirement('vu-log/no-marks-after-rings-stopped');
    const log = loggedBy(session, new DirtyPages(port, { size: wholeLog }), check);
    const queue = workload.attach(session, guest.splitRing({ size: 16 }));
    writeOverBoundary(session, guest, workload, queue);
    const others = workload.facts.companions.map((index) => workload.companion(session, index));
    for (const each of [queue, ...others]) {
      const { kind } = each.stop();
      if (!check.equal(kind, 'base', `the answer to GET_VRING_BASE of ring ${each.index}`)) return;
    }
    log.clear();
    queue.makeAvailable([workload.request().segments]);
    queue.kick();
    for (let n = 0; n < 3; n++) check.reply(session.messages.fence(), 'GET_FEATURES');
    check.equal(hex(log.marked()), '', 'pages that were marked with every ring stopped');
  },
});

export const pastTheLog = defineCase({
  id: 'vhost-user/log/pages-past-the-log-are-marked-nowhere',
  title: 'a write to a page that the log does not cover marks no bit, in the log or behind it in its file',
  proves: { 'vu-log/no-marks-past-log-size': 'log-wraps-at-its-end' },
  applies: { ...applies, start: 'closed' },
  run({ port, connect, guest, workload, points, requirement }) {
    const check = requirement('vu-log/no-marks-past-log-size');
    // The guest's pages begin at byte 0x8000 of a log.
    const all = [4096, 0x7000, 0x8000].map((size) => ({ key: `log-of-${size}-bytes`, size }));
    points(all, ({ key, size }) => {
      const session = connect('negotiated');
      const log = new DirtyPages(port, { size, fileSize: 2 * wholeLog });
      const told = log.tell(session);
      const queue = workload.attach(session, guest.splitRing({ size: 16 }));
      if (told.kind === 'reply') writeOverBoundary(session, guest, workload, queue);
      check.equal(hex(log.marked()), '', `pages that are marked in a ${key}`);
      check.equal(log.bytesOutside(), 0, `bytes of the file that changed behind a ${key}`);
      session.close();
    });
  },
});

export const tooSmall = defineCase({
  id: 'vhost-user/log/too-small-log-is-survived',
  title: 'a log of no bytes, of too few, or of more than its file has, is refused or survived',
  proves: { 'vu-log/too-small-log-survived': 'small-log-crashes' },
  applies: { ...applies, start: 'closed' },
  run({ port, connect, guest, workload, points, requirement }) {
    const check = requirement('vu-log/too-small-log-survived');
    const all = [
      { key: 'no-bytes', size: 0, fileSize: 4096 },
      { key: 'one-byte', size: 1, fileSize: 4096 },
      { key: 'one-page', size: 4096, fileSize: 4096 },
      { key: 'file-too-short', size: wholeLog, fileSize: 4096 },
    ];
    points(all, ({ key, size, fileSize }) => {
      const session = connect('negotiated');
      const log = new DirtyPages(port, { size, fileSize });
      const told = log.tell(session);
      if (told.kind === 'died' || told.kind === 'silent') check.failsBy(told, `SET_LOG_BASE, ${key}`, 'an answer');
      for (const other of session.isOpen ? workload.facts.companions : []) workload.companion(session, other);
      const hand = new RingByHand(port, session, guest.splitRing({ size: 16 }), { index: workload.queueIndex });
      const used = hand.ring.used.guestAddress;
      hand.tell('num', 'base');
      session.messages.send(setAddresses(hand.index, { ...addressesOf(hand.ring), flags: loggedRing, log: used }));
      hand.tell('call', 'error', 'kick', 'enable');
      hand.makeAvailable(workload.request().segments);
      hand.kick();
      if (session.isOpen) port.until(() => hand.ring.usedIdx() === 1, patienceMs);
      stillServes(port, session, check, `service after a log: ${key}`);
      session.close();
    });
  },
});

const patienceMs = 100;
