import type { DeviceDriver } from '../../drivers/devices/device-driver.ts';
import type { VhostUserSession } from '../../drivers/port/port.ts';
import { defineCase } from '../case.ts';
import type { Check } from '../check.ts';
import { DirtyPages, hex, loggedBy, missing, pagesOf, wholeLog, writeOverBoundary } from './dirty-pages.ts';
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

export const answered = defineCase({
  id: 'vhost-user/log/set-log-base-is-answered',
  title: 'SET_LOG_BASE with a descriptor is answered, first and again',
  proves: { 'vu-log/set-log-base-with-descriptor-answered': 'log-base-unanswered' },
  applies: { ...applies, ring: 'none' },
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
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-log/buffer-writes-marked');
    const log = loggedBy(session, new DirtyPages(port, { size: wholeLog }), check);
    const queue = driver.attach(ring({ size: 16 }));
    for (let round = 1; round <= 3; round++) {
      log.clear();
      const written = writeOverBoundary(driver, queue);
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
  run({ port, session, guest, driver, ring, requirement }) {
    const check = requirement('vu-log/page-size-and-bit-order');
    const log = loggedBy(session, new DirtyPages(port, { size: wholeLog }), check);
    const queue = driver.attach(ring({ size: 16 }));
    const written = writeOverBoundary(driver, queue);
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
  proves: { 'vu-log/marks-spare-other-bits': 'log-overwrites-neighbours' },
  applies,
  run({ port, session, guest, driver, ring, requirement }) {
    const check = requirement('vu-log/marks-spare-other-bits');
    const log = loggedBy(session, new DirtyPages(port, { size: wholeLog }), check);
    const queue = driver.attach(ring({ size: 16 }));
    const [region] = guest.regions;
    const first = Number((region?.guestAddress ?? 0n) / 4096n);
    const pages = Array.from({ length: (region?.size ?? 0) / 4096 }, (_, n) => first + n);
    for (const pattern of [0x55, 0xaa]) {
      for (const page of pages) log.setByteOf(page, pattern);
      writeOverBoundary(driver, queue);
      const lost = pages.filter((page) => (log.byteOf(page) & pattern) !== pattern);
      check.equal(hex(lost), '', `pages whose byte of the log lost bits of 0x${pattern.toString(16)}`);
    }
  },
});

/** A ring whose used ring is logged, at its own address or at another one, and one request on it. */
function logged(check: Check, hand: RingByHand, session: VhostUserSession, driver: DeviceDriver, log: bigint): boolean {
  hand.tell('num', 'base');
  session.messages.send(setAddresses(hand.index, { ...addressesOf(hand.ring), flags: loggedRing, log }));
  hand.tell('call', 'error', 'kick', 'enable');
  hand.makeAvailable(driver.request().segments);
  hand.kick();
  return hand.waitForUsed(check, 1, 'a chain on a ring that is logged') !== undefined;
}

export const usedRingMarked = defineCase({
  id: 'vhost-user/log/writes-to-a-logged-used-ring-are-marked',
  title: 'the page of the used ring is marked when its ring is logged',
  proves: { 'vu-log/used-ring-writes-marked-with-ring-flag': 'log-leaves-used-ring-out' },
  applies: { ...applies, ring: 'split' },
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-log/used-ring-writes-marked-with-ring-flag');
    const log = loggedBy(session, new DirtyPages(port, { size: wholeLog }), check);
    driver.companions();
    // A page of its own, so that no buffer marks it.
    const vring = ring({ size: 16, placement: { device: { at: 'region-end' } } });
    const hand = new RingByHand(port, session, vring, { index: driver.queueIndex });
    if (!logged(check, hand, session, driver, vring.used.guestAddress)) return;
    check.reply(session.messages.fence(), 'GET_FEATURES');
    const pages = pagesOf(vring.used);
    check.equal(hex(missing(pages, log.marked())), '', 'pages of the used ring that are not marked');
  },
});

export const logAddress = defineCase({
  id: 'vhost-user/log/marks-of-a-used-ring-begin-at-its-log-address',
  title: 'the used ring is marked at log_guest_addr, which may be any address that the log covers',
  proves: { 'vu-log/used-ring-marks-start-at-log-address': 'log-marks-used-ring-at-its-own-address' },
  applies: { ...applies, ring: 'split' },
  variants: { page: [5, 0x123, 0x40200] },
  run({ port, session, driver, ring, variant, requirement }) {
    const check = requirement('vu-log/used-ring-marks-start-at-log-address');
    const log = loggedBy(session, new DirtyPages(port, { size: wholeLog }), check);
    driver.companions();
    const hand = new RingByHand(port, session, ring({ size: 16 }), { index: driver.queueIndex });
    if (!logged(check, hand, session, driver, BigInt(variant.page) * 4096n)) return;
    check.reply(session.messages.fence(), 'GET_FEATURES');
    check.equal(hex(missing([variant.page], log.marked())), '', 'pages at the log address that are not marked');
  },
});

export const ownMarks = defineCase({
  id: 'vhost-user/log/each-used-ring-is-marked-at-its-own-log-address',
  title: 'of two rings that run, each has its used ring marked at the log_guest_addr that it was told',
  proves: { 'vu-log/used-ring-marks-start-at-log-address': 'log-marks-used-rings-at-one-address' },
  applies: {
    ...applies,
    ring: 'split',
    devices: ['block'],
    needs: ['device.queues'],
    negotiate: [...applies.negotiate, 'VIRTIO_BLK_F_MQ'],
  },
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-log/used-ring-marks-start-at-log-address');
    const log = loggedBy(session, new DirtyPages(port, { size: wholeLog }), check);
    const pages = [5, 0x123];
    const hands = pages.map((page, index) => {
      const hand = new RingByHand(port, session, ring({ size: 16 }), { index });
      hand.tell('num', 'base');
      const fields = { ...addressesOf(hand.ring), flags: 1, log: BigInt(page) * 4096n };
      session.messages.send(setAddresses(index, fields));
      hand.tell('call', 'error', 'kick', 'enable');
      return hand;
    });
    for (const [n, hand] of hands.entries()) {
      log.clear();
      hand.makeAvailable(driver.request({ seed: n }).segments);
      hand.kick();
      if (hand.waitForUsed(check, 1, `a request on ring ${hand.index}`) === undefined) return;
      check.reply(session.messages.fence(), 'GET_FEATURES');
      const marked = log.marked();
      check.equal(marked.includes(pages[n] ?? 0), true, `whether the page of ring ${hand.index} is marked`);
    }
  },
});

export const switched = defineCase({
  id: 'vhost-user/log/logging-is-switched-while-rings-run',
  title: 'SET_FEATURES without VHOST_F_LOG_ALL ends marking while rings run, and with it marking goes on',
  proves: { 'vu-log/logging-switched-while-running': 'log-ignores-log-all' },
  applies,
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-log/logging-switched-while-running');
    const log = loggedBy(session, new DirtyPages(port, { size: wholeLog }), check);
    const queue = driver.attach(ring({ size: 16 }));
    const features = session.negotiated.accepted.device;
    for (const isOn of [true, false, true]) {
      const u64 = isOn ? features | logAll : features & ~logAll;
      session.messages.send({ request: 'VHOST_USER_SET_FEATURES', payload: { u64 } });
      check.reply(session.messages.fence(), 'GET_FEATURES');
      log.clear();
      const written = writeOverBoundary(driver, queue);
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
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-log/no-marks-after-rings-stopped');
    const log = loggedBy(session, new DirtyPages(port, { size: wholeLog }), check);
    const queue = driver.attach(ring({ size: 16 }));
    writeOverBoundary(driver, queue);
    const others = driver.companions();
    for (const each of [queue, ...others]) {
      const { kind } = each.stop();
      if (!check.equal(kind, 'stopped', `the answer to GET_VRING_BASE of ring ${each.index}`)) return;
    }
    log.clear();
    queue.makeAvailable([driver.request().segments]);
    queue.kick();
    for (let n = 0; n < 3; n++) check.reply(session.messages.fence(), 'GET_FEATURES');
    check.equal(hex(log.marked()), '', 'pages that were marked with every ring stopped');
  },
});
