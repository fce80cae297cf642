import type { DeviceDriver } from '../../drivers/devices/device-driver.ts';
import { pattern } from '../../drivers/devices/request.ts';
import type { Queue, VhostUserSession } from '../../drivers/port/port.ts';
import { type Segment, writable as writableSegment } from '../../reference-impl/virtqueue/segment.ts';
import { defineCase } from '../case.ts';
import type { Check } from '../check.ts';
import { DirtyPages, hex, loggedBy, missing, pagesOf, wholeLog } from './dirty-pages.ts';

/** Every way by which a device writes buffers marks their pages (vhost-user, "Migration"). */

const applies = {
  start: 'negotiated',
  transports: ['vhost-user'],
  negotiate: ['VHOST_F_LOG_ALL', 'VHOST_USER_PROTOCOL_F_LOG_SHMFD'],
  memory: 'single-region',
} as const;
const blockApplies = { ...applies, devices: ['block'] } as const;
const page = 4096;

/** Pages of the first `length` bytes of the writable descriptors. */
function pagesWritten(segments: readonly Segment[], length: number): number[] {
  const pages = new Set<number>();
  let left = length;
  for (const { writable, guestAddress, length: room } of segments) {
    const part = Math.min(room, left);
    if (!writable || part === 0) continue;
    left -= part;
    for (const one of pagesOf({ guestAddress, length: part })) pages.add(one);
  }
  return [...pages];
}

/** Shows these chains by one kick; all pages of all of them must be marked. */
function marksAll(
  check: Check,
  session: VhostUserSession,
  log: DirtyPages,
  queue: Queue,
  chains: readonly (readonly Segment[])[],
  what: string,
  indirect: boolean,
): boolean {
  log.clear();
  const ids = queue.makeAvailable(chains, indirect ? { indirect: 'all' } : {});
  const used = queue.kickAndWaitForUsed(chains.length);
  check.reply(session.messages.fence(), 'GET_FEATURES');
  const marked = log.marked();
  const expected = used.flatMap(({ id, len }) => pagesWritten(chains[ids.indexOf(id)] ?? [], len));
  return check.equal(hex(missing(expected, marked)), '', `pages of ${what} that were written and are not marked`);
}

const read = (driver: DeviceDriver, bytes: number, cuts: readonly number[] = []): readonly Segment[] =>
  driver.block.read({ bytes, dataCuts: cuts, writableWhere: { crossing: 'page' } }).segments;

export const indirectTables = defineCase({
  id: 'vhost-user/log/buffers-in-indirect-tables-are-marked',
  title: 'each page of buffers that an indirect table refers to is marked',
  proves: { 'vu-log/buffer-writes-marked': 'log-leaves-indirect-tables-out' },
  applies: {
    ...blockApplies,
    negotiate: ['VHOST_F_LOG_ALL', 'VHOST_USER_PROTOCOL_F_LOG_SHMFD', 'VIRTIO_F_INDIRECT_DESC'],
  },
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-log/buffer-writes-marked');
    const log = loggedBy(session, new DirtyPages(port, { size: wholeLog }), check);
    const queue = driver.attach(ring({ size: 16 }), { indirect: true });
    marksAll(check, session, log, queue, [read(driver, 8192)], 'a read in an indirect table', true);
    const cut = read(driver, 16_384, [512, page, 7168]);
    marksAll(check, session, log, queue, [cut], 'a read over several entries', true);
  },
});

export const longBuffers = defineCase({
  id: 'vhost-user/log/each-page-of-a-long-buffer-is-marked',
  title: 'of one buffer of 256 KiB, 260 KiB or 512 KiB each page is marked, the first, the last and those between',
  proves: { 'vu-log/buffer-writes-marked': ['log-marks-first-64-pages', 'log-marks-both-ends-only'] },
  applies: blockApplies,
  variants: { kib: [256, 260, 512] },
  run({ port, session, driver, ring, variant, requirement }) {
    const check = requirement('vu-log/buffer-writes-marked');
    const log = loggedBy(session, new DirtyPages(port, { size: wholeLog }), check);
    const queue = driver.attach(ring({ size: 16 }));
    const bytes = variant.kib * 1024;
    marksAll(check, session, log, queue, [read(driver, bytes)], `a read of ${variant.kib} KiB`, false);
  },
});

export const manyDescriptors = defineCase({
  id: 'vhost-user/log/each-descriptor-of-a-chain-is-marked',
  title: 'each page of each writable descriptor of a chain is marked, that of the status byte too',
  proves: { 'vu-log/buffer-writes-marked': ['log-marks-first-descriptor-only', 'log-leaves-last-byte-out'] },
  applies: blockApplies,
  run({ port, guest, session, driver, ring, requirement }) {
    const check = requirement('vu-log/buffer-writes-marked');
    const log = loggedBy(session, new DirtyPages(port, { size: wholeLog }), check);
    const queue = driver.attach(ring({ size: 32 }));
    const cut = read(driver, 32_768, [page, page, 2 * page, 512]);
    marksAll(check, session, log, queue, [cut], 'a read over several descriptors', false);
    // The status byte in a page of its own.
    const header = driver.block.write(pattern(512, 4), { sector: 3 }).segments.filter(({ writable }) => !writable);
    const status = writableSegment(guest.allocate({ size: 2 * page }).slice(page, 1));
    marksAll(check, session, log, queue, [[...header, status]], 'the status of a write', false);
  },
});

export const manyChains = defineCase({
  id: 'vhost-user/log/each-chain-of-a-batch-is-marked',
  title: 'each page of 24 reads that are shown by one kick is marked',
  proves: { 'vu-log/buffer-writes-marked': 'log-leaves-second-chain-out' },
  applies: blockApplies,
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-log/buffer-writes-marked');
    const log = loggedBy(session, new DirtyPages(port, { size: wholeLog }), check);
    const queue = driver.attach(ring({ size: 128 }));
    for (let round = 0; round < 2; round++) {
      const chains = Array.from({ length: 24 }, () => read(driver, page));
      if (!marksAll(check, session, log, queue, chains, `24 reads in round ${round}`, false)) return;
    }
  },
});

export const mergedBuffers = defineCase({
  id: 'vhost-user/log/each-receive-buffer-of-a-packet-is-marked',
  title: 'each page of the receive buffers that one packet lies in is marked',
  proves: { 'vu-log/buffer-writes-marked': ['log-leaves-second-chain-out', 'log-marks-first-chain-of-packet'] },
  applies: {
    ...applies,
    devices: ['net'],
    negotiate: ['VHOST_F_LOG_ALL', 'VHOST_USER_PROTOCOL_F_LOG_SHMFD', 'VIRTIO_NET_F_MRG_RXBUF'],
  },
  run({ port, guest, session, driver, ring, requirement }) {
    const check = requirement('vu-log/buffer-writes-marked');
    const log = loggedBy(session, new DirtyPages(port, { size: wholeLog }), check);
    const transmit = driver.attach(ring({ size: 16 }));
    const receive = driver.companion(driver.net.facts.receiveIndex);
    for (let round = 0; round < 3; round++) {
      log.clear();
      // Buffers of 256 bytes in a page each, across its end.
      const spans = Array.from({ length: 8 }, () => guest.allocate({ size: 256, crossing: 'page' }));
      const ids = receive.makeAvailable(spans.map((span) => [writableSegment(span)]));
      receive.kick();
      const { frame } = driver.net.exchange({ bytes: 1500, seed: round });
      transmit.makeAvailable([driver.net.transmitFrame(frame).segments]);
      transmit.kickAndWaitForUsed(1);
      const count = Math.ceil((1500 + driver.net.headerSize) / 256);
      const used = receive.waitForUsed(count);
      check.reply(session.messages.fence(), 'GET_FEATURES');
      const expected = used.flatMap(({ id, len }) => {
        const span = spans[ids.indexOf(id)];
        return span === undefined ? [] : pagesOf({ guestAddress: span.guestAddress, length: len });
      });
      const unmarked = missing(expected, log.marked());
      if (!check.equal(hex(unmarked), '', `pages of the ${count} buffers in round ${round} that are not marked`))
        return;
      // What is left over is used up, so that each round begins with buffers of its own.
      for (let left = spans.length - count; left > 0; left--) driver.warmUp(transmit, { seed: 50 + left });
      receive.waitForUsed(spans.length - count);
    }
  },
});

export const givenLater = defineCase({
  id: 'vhost-user/log/log-given-to-running-rings-is-kept',
  title:
    'a log that is given, and switched on, once rings run marks each page from then on, and so does another in its place',
  proves: { 'vu-log/logging-switched-while-running': 'log-of-running-rings-ignored' },
  applies: { ...blockApplies, negotiate: ['VHOST_USER_PROTOCOL_F_LOG_SHMFD'], offers: ['VHOST_F_LOG_ALL'] },
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-log/logging-switched-while-running');
    const queue = driver.attach(ring({ size: 16 }));
    queue.makeAvailable([read(driver, page)]);
    queue.kickAndWaitForUsed(1);
    const logs = [1, 2].map(() => new DirtyPages(port, { size: wholeLog }));
    for (const [n, log] of logs.entries()) {
      loggedBy(session, log, check);
      const u64 = session.negotiated.accepted.device | (1n << 26n);
      session.messages.send({ request: 'VHOST_USER_SET_FEATURES', payload: { u64 } });
      check.reply(session.messages.fence(), 'GET_FEATURES');
      if (!marksAll(check, session, log, queue, [read(driver, 8192)], `a read with log ${n + 1}`, false)) return;
    }
    const [first] = logs;
    first?.clear();
    queue.makeAvailable([read(driver, 8192)]);
    queue.kickAndWaitForUsed(1);
    check.reply(session.messages.fence(), 'GET_FEATURES');
    check.equal(hex(first?.marked() ?? []), '', 'pages that are marked in the log that was replaced');
  },
});
