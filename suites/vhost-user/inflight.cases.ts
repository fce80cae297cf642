import { readable } from '../../reference-impl/virtqueue/segment.ts';
import { defineCase } from '../case.ts';
import { severalRings } from '../several-rings.ts';
import { smallestRegion } from './inflight-buffer.ts';
import { fetched, queueSize, tracked, used } from './inflight-ring.ts';
import { baseFrom } from './ring-by-hand.ts';
import { getBase } from './ring-messages.ts';
import { wordOf } from './words.ts';

/** Requests in flight, recorded in memory that outlives a back-end (vhost-user, "Inflight I/O tracking"). */

const transports = ['vhost-user'] as const;
const applies = { start: 'negotiated', transports, negotiate: ['VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD'] } as const;

export const bufferReturned = defineCase({
  id: 'vhost-user/inflight/get-inflight-fd-returns-a-buffer',
  title: 'GET_INFLIGHT_FD returns a descriptor, and the size and offset of a buffer that its file holds',
  proves: {
    'vu-inflight/get-inflight-fd-returns-buffer': [
      'inflight-size-zero',
      'inflight-size-beyond-file',
      'inflight-without-descriptor',
    ],
  },
  applies: { ...applies, ring: 'none' },
  variants: { queueSize: [1, 16, 256, 1024] },
  run({ port, session, variant, requirement }) {
    const check = requirement('vu-inflight/get-inflight-fd-returns-buffer');
    const buffer = fetched(session, check, 1, variant.queueSize);
    if (buffer === undefined) return;
    const { mmapSize, mmapOffset } = buffer.description;
    if (!check.atLeast(Number(mmapSize), 1, 'bytes of the buffer')) return;
    const end = Number(mmapOffset) + Number(mmapSize);
    check.atLeast(port.descriptors.sizeOf(buffer.fd), end, 'bytes that the file holds, for all of the buffer');
    check.equal(port.descriptors.load(buffer.fd, end - 1, 1).length, 1, 'bytes that can be read at its end');
  },
});

export const regionPerQueue = defineCase({
  id: 'vhost-user/inflight/buffer-has-a-region-for-each-queue',
  title: 'the buffer of GET_INFLIGHT_FD has room for the record of each queue that was asked for',
  proves: { 'vu-inflight/one-region-per-queue': 'inflight-buffer-of-one-queue' },
  applies: { ...applies, ring: 'none', when: [severalRings] },
  variants: { queueSize: [16, 64, 1024] },
  run({ session, variant, requirement }) {
    const check = requirement('vu-inflight/one-region-per-queue');
    for (const queues of [1, 2]) {
      const buffer = fetched(session, check, queues, variant.queueSize);
      if (buffer === undefined) return;
      const least = queues * smallestRegion(variant.queueSize);
      check.atLeast(Number(buffer.description.mmapSize), least, `bytes for ${queues} queues of ${variant.queueSize}`);
    }
  },
});

export const versionTells = defineCase({
  id: 'vhost-user/inflight/version-is-1-in-use',
  title: 'the version of a region is 0 before its first use, and 1 once its ring runs',
  proves: { 'vu-inflight/region-version-tells-initialisation': 'inflight-version-2' },
  applies: { ...applies, ring: 'split' },
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-inflight/region-version-tells-initialisation');
    const set = tracked({ port, driver, ring }, session, check);
    if (set === undefined) return;
    check.oneOf(set.region.version, [0, 1], 'version of a region that is as it was made');
    if (used(set.hand, driver, check, 1) === undefined) return;
    check.equal(set.region.version, 1, 'version of a region in use');
  },
});

export const descNum = defineCase({
  id: 'vhost-user/inflight/desc-num-is-the-queue-size',
  title: 'desc_num of a region in use is the size of its queue',
  proves: { 'vu-inflight/desc-num-equals-queue-size': 'inflight-desc-num-one-less' },
  applies: { ...applies, ring: 'split' },
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-inflight/desc-num-equals-queue-size');
    const set = tracked({ port, driver, ring }, session, check);
    if (set === undefined || used(set.hand, driver, check, 1) === undefined) return;
    check.equal(set.region.descNum, queueSize, 'desc_num');
  },
});

export const counterRises = defineCase({
  id: 'vhost-user/inflight/counter-rises-with-each-fetched-head',
  title: 'the counter of a head is higher than those of all heads that were fetched before it',
  proves: { 'vu-inflight/fetched-head-marked-with-rising-counter': 'inflight-counter-stands-still' },
  applies: { ...applies, ring: 'split' },
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-inflight/fetched-head-marked-with-rising-counter');
    const set = tracked({ port, driver, ring }, session, check);
    if (set === undefined) return;
    const heads = used(set.hand, driver, check, 4);
    if (heads === undefined) return;
    const counters = heads.map((head) => set.region.counter(head));
    for (const [n, counter] of counters.entries()) {
      const before = counters[n - 1];
      check.holds(before === undefined || counter > before, `counter of head ${heads[n]}`, {
        expected: `more than ${before}`,
        actual: String(counter),
      });
    }
  },
});

export const marked = defineCase({
  id: 'vhost-user/inflight/head-that-is-not-used-is-in-flight',
  title: 'a head that GET_VRING_BASE counts as fetched, and that is not used, is marked as in flight',
  proves: { 'vu-inflight/fetched-head-marked-with-rising-counter': 'inflight-mark-left-out' },
  applies: { ...applies, devices: ['block'], ring: 'split' },
  run({ port, session, driver, ring, guest, requirement }) {
    const check = requirement('vu-inflight/fetched-head-marked-with-rising-counter');
    const set = tracked({ port, driver, ring }, session, check);
    if (set === undefined || used(set.hand, driver, check, 2) === undefined) return;
    const { hand, region } = set;
    // No device can answer a request without a byte for its status: one that fetches it has it in flight from then on.
    // No driver may make one either.
    check.isBesideText = true;
    const [head = 0] = hand.makeAvailable([readable(guest.allocate({ size: 16 }))]);
    hand.kick();
    session.messages.fence();
    const base = session.isOpen ? baseFrom(check, getBase(session, hand.index), 'GET_VRING_BASE') : undefined;
    check.presumes(base === 3 && hand.usedCount() === 2, 'a request without a status byte is fetched and not used');
    check.isBesideText = false;
    check.equal(region.isInflight(head), true, 'whether the head that was fetched is marked');
  },
});

export const unmarked = defineCase({
  id: 'vhost-user/inflight/used-head-is-not-in-flight',
  title: 'a head is not marked as in flight once its chain is used and its ring has come to rest',
  proves: { 'vu-inflight/used-head-unmarked-after-used-index': 'inflight-mark-left-behind' },
  applies: { ...applies, ring: 'split' },
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-inflight/used-head-unmarked-after-used-index');
    const set = tracked({ port, driver, ring }, session, check);
    if (set === undefined) return;
    const heads = used(set.hand, driver, check, 4);
    if (heads === undefined || baseFrom(check, getBase(session, set.hand.index), 'GET_VRING_BASE') === undefined)
      return;
    check.equal(heads.filter((head) => set.region.isInflight(head)).join(), '', 'used heads that are still marked');
  },
});

export const usedIdxFollows = defineCase({
  id: 'vhost-user/inflight/used-idx-follows-the-used-ring',
  title: 'used_idx of a region is the idx of the used ring once that has come to rest, also behind its wrap',
  proves: { 'vu-inflight/used-idx-field-follows-used-ring': 'inflight-used-idx-stands-still' },
  applies: { ...applies, needs: ['initial-base'], ring: 'split' },
  variants: { base: [0, 65534] },
  run({ port, session, driver, ring, variant, requirement }) {
    const check = requirement('vu-inflight/used-idx-field-follows-used-ring');
    const set = tracked({ port, driver, ring }, session, check, variant.base);
    if (set === undefined || used(set.hand, driver, check, 4) === undefined) return;
    if (baseFrom(check, getBase(session, set.hand.index), 'GET_VRING_BASE') === undefined) return;
    check.equal(set.region.usedIdx, set.hand.ring.usedIdx(), 'used_idx of the region');
  },
});

export const usedHeadsLinked = defineCase({
  id: 'vhost-user/inflight/used-heads-are-linked-from-the-last-batch-head',
  title: 'last_batch_head is the head that was used last',
  proves: { 'vu-inflight/used-heads-linked-from-last-batch-head': 'inflight-last-batch-head-stands-still' },
  applies: { ...applies, ring: 'split' },
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-inflight/used-heads-linked-from-last-batch-head');
    const set = tracked({ port, driver, ring }, session, check);
    if (set === undefined) return;
    const { hand, region } = set;
    hand.tell('num', 'base', 'addresses', 'call', 'error', 'kick', 'enable');
    // Waiting together, the chains have different heads.
    const heads = hand.makeAvailable(...[1, 2, 3].map((seed) => driver.request({ seed }).segments));
    hand.kick();
    const elements = hand.waitForUsed(check, heads.length, 'the chains');
    if (elements === undefined || baseFrom(check, getBase(session, hand.index), 'GET_VRING_BASE') === undefined) return;
    // Another version may have another layout: a case of its own says so.
    check.presumes(
      region.version === 1 && region.descNum === queueSize,
      'a region of version 1 for a ring of its size',
    );
    // The next of an entry is there where used heads are put into the ring in batches, which does not show.
    check.equal(region.lastBatchHead, elements.at(-1)?.id, 'last_batch_head');
  },
});

export const skipDrainPrerequisites = defineCase({
  id: 'vhost-user/inflight/skip-drain-comes-with-what-it-needs',
  title: 'GET_VRING_BASE_SKIP_DRAIN is offered only together with INFLIGHT_SHMFD and GET_VRING_BASE_INFLIGHT',
  proves: { 'vu-inflight/skip-drain-offered-with-prerequisites': 'skip-drain-offered-alone' },
  applies: { start: 'connected', transports, offers: ['VHOST_USER_F_PROTOCOL_FEATURES'], ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vu-inflight/skip-drain-offered-with-prerequisites');
    const answer = session.messages.exchange({ request: 'VHOST_USER_GET_PROTOCOL_FEATURES' });
    const offered = wordOf(check.reply(answer, 'GET_PROTOCOL_FEATURES'));
    const has = (bit: bigint): boolean => ((offered >> bit) & 1n) === 1n;
    check.holds(!has(23n) || (has(12n) && has(20n)), 'protocol features', {
      expected: 'bits 12 and 20 with bit 23',
      actual: `0x${offered.toString(16)}`,
    });
  },
});
