import type { DriverPort, Guest, Session } from '../../drivers/driver-port.ts';
import { defineCase } from '../case.ts';
import type { Check } from '../check.ts';
import type { Workload } from '../workload/workload.ts';
import {
  describedBy,
  getInflight,
  type InflightDescription,
  InflightQueue,
  setInflight,
  smallestRegion,
} from './inflight-buffer.ts';
import { stillServes } from './refusal.ts';
import { baseFrom, RingByHand } from './ring-by-hand.ts';
import { getBase } from './ring-messages.ts';

/** Requests in flight, recorded in memory that outlives a back-end (vhost-user, "Inflight I/O tracking"). */

const transports = ['vhost-user'] as const;
const applies = { start: 'negotiated', transports, negotiate: ['VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD'] } as const;
const queueSize = 16;

interface Buffer {
  readonly description: InflightDescription;
  readonly fd: number;
}

/** GET_INFLIGHT_FD, or a recorded failure and undefined. */
function fetched(session: Session, check: Check, numQueues: number, size = queueSize): Buffer | undefined {
  const reply = check.reply(session.messages.exchange(getInflight(numQueues, size)), 'GET_INFLIGHT_FD');
  const description = describedBy(reply);
  const [fd] = reply.descriptors;
  const isWhole = description !== undefined && fd !== undefined && reply.descriptors.length === 1;
  check.holds(isWhole, 'the reply to GET_INFLIGHT_FD', {
    expected: '20 or 24 bytes and one descriptor',
    actual: `${reply.payload.length} bytes and ${reply.descriptors.length} descriptors`,
  });
  return isWhole ? { description, fd } : undefined;
}

/** A buffer that the back-end made and was told of again, with a ring ready to be started. */
interface Tracked extends Buffer {
  readonly region: InflightQueue;
  readonly hand: RingByHand;
}

interface Context {
  readonly port: DriverPort;
  readonly guest: Guest;
  readonly workload: Workload;
}

function tracked({ port, guest, workload }: Context, session: Session, check: Check, base = 0): Tracked | undefined {
  const index = workload.queueIndex;
  const buffer = fetched(session, check, index + 1);
  if (buffer === undefined) return undefined;
  check.accepted(session.messages.acknowledged(setInflight(buffer.description, [buffer.fd])), 'SET_INFLIGHT_FD');
  for (const other of workload.facts.companions) workload.companion(session, other);
  const ring = guest.splitRing({ size: queueSize, base });
  const hand = new RingByHand(port, session, ring, { index, base });
  return { ...buffer, hand, region: new InflightQueue(port, buffer.fd, buffer.description, index) };
}

/** Starts the ring and has `count` chains used, one after the other: their heads. */
function used(hand: RingByHand, workload: Workload, check: Check, count: number): number[] | undefined {
  hand.tell('num', 'base', 'addresses', 'call', 'error', 'kick', 'enable');
  const heads: number[] = [];
  for (let seed = 1; seed <= count; seed++) {
    heads.push(...hand.makeAvailable(workload.request({ seed }).segments));
    hand.kick();
    if (hand.waitForUsed(check, 1, `chain ${seed}`) === undefined) return undefined;
  }
  return heads;
}

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
  applies,
  variants: { queueSize: [1, 16, 256, 1024] },
  run({ port, session, variant, requirement }) {
    const check = requirement('vu-inflight/get-inflight-fd-returns-buffer');
    const buffer = fetched(session, check, 1, variant.queueSize);
    if (buffer === undefined) return;
    const { mmapSize, mmapOffset } = buffer.description;
    check.atLeast(Number(mmapSize), 1, 'bytes of the buffer');
    const held = port.descriptors.load(buffer.fd, Number(mmapOffset), Number(mmapSize)).length;
    check.equal(held, Number(mmapSize), 'bytes that the file holds of the buffer');
  },
});

export const regionPerQueue = defineCase({
  id: 'vhost-user/inflight/buffer-has-a-region-for-each-queue',
  title: 'the buffer of GET_INFLIGHT_FD has room for the record of each queue that was asked for',
  proves: { 'vu-inflight/one-region-per-queue': 'inflight-buffer-of-one-queue' },
  applies,
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
  applies,
  run({ port, session, guest, workload, requirement }) {
    const check = requirement('vu-inflight/region-version-tells-initialisation');
    const set = tracked({ port, guest, workload }, session, check);
    if (set === undefined) return;
    check.oneOf(set.region.version, [0, 1], 'version of a region that is as it was made');
    if (used(set.hand, workload, check, 1) === undefined) return;
    check.equal(set.region.version, 1, 'version of a region in use');
  },
});

export const descNum = defineCase({
  id: 'vhost-user/inflight/desc-num-is-the-queue-size',
  title: 'desc_num of a region in use is the size of its queue',
  proves: { 'vu-inflight/desc-num-equals-queue-size': 'inflight-desc-num-one-less' },
  applies,
  run({ port, session, guest, workload, requirement }) {
    const check = requirement('vu-inflight/desc-num-equals-queue-size');
    const set = tracked({ port, guest, workload }, session, check);
    if (set === undefined || used(set.hand, workload, check, 1) === undefined) return;
    check.equal(set.region.descNum, queueSize, 'desc_num');
  },
});

export const counterRises = defineCase({
  id: 'vhost-user/inflight/counter-rises-with-each-fetched-head',
  title: 'the counter of a head is higher than those of all heads that were fetched before it',
  proves: { 'vu-inflight/fetched-head-marked-with-rising-counter': 'inflight-counter-stands-still' },
  applies,
  run({ port, session, guest, workload, requirement }) {
    const check = requirement('vu-inflight/fetched-head-marked-with-rising-counter');
    const set = tracked({ port, guest, workload }, session, check);
    if (set === undefined) return;
    const heads = used(set.hand, workload, check, 4);
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

export const unmarked = defineCase({
  id: 'vhost-user/inflight/used-head-is-not-in-flight',
  title: 'a head is not marked as in flight once its chain is used and its ring has come to rest',
  proves: { 'vu-inflight/used-head-unmarked-after-used-index': 'inflight-mark-left-behind' },
  applies,
  run({ port, session, guest, workload, requirement }) {
    const check = requirement('vu-inflight/used-head-unmarked-after-used-index');
    const set = tracked({ port, guest, workload }, session, check);
    if (set === undefined) return;
    const heads = used(set.hand, workload, check, 4);
    if (heads === undefined || baseFrom(check, getBase(session, set.hand.index), 'GET_VRING_BASE') === undefined)
      return;
    check.equal(heads.filter((head) => set.region.isInflight(head)).join(), '', 'used heads that are still marked');
  },
});

export const usedIdxFollows = defineCase({
  id: 'vhost-user/inflight/used-idx-follows-the-used-ring',
  title: 'used_idx of a region is the idx of the used ring once that has come to rest, also behind its wrap',
  proves: { 'vu-inflight/used-idx-field-follows-used-ring': 'inflight-used-idx-stands-still' },
  applies: { ...applies, needs: ['initial-base'] },
  variants: { base: [0, 65534] },
  run({ port, session, guest, workload, variant, requirement }) {
    const check = requirement('vu-inflight/used-idx-field-follows-used-ring');
    const set = tracked({ port, guest, workload }, session, check, variant.base);
    if (set === undefined || used(set.hand, workload, check, 4) === undefined) return;
    if (baseFrom(check, getBase(session, set.hand.index), 'GET_VRING_BASE') === undefined) return;
    check.equal(set.region.usedIdx, set.hand.ring.usedIdx(), 'used_idx of the region');
  },
});

export const lastBatch = defineCase({
  id: 'vhost-user/inflight/half-recorded-batch-is-settled',
  title: 'a chain that was used, and whose mark was not taken back when the back-end died, is not carried out again',
  proves: { 'vu-inflight/half-done-batch-settled-on-reconnect': 'inflight-last-batch-carried-out-again' },
  applies: { ...applies, needs: ['initial-base'] },
  run({ port, session, guest, workload, requirement }) {
    const check = requirement('vu-inflight/half-done-batch-settled-on-reconnect');
    const set = tracked({ port, guest, workload }, session, check);
    if (set === undefined) return;
    const { hand, region } = set;
    const [head = 0] = hand.makeAvailable(workload.request().segments);
    hand.ring.setUsedElement(0, head, 0);
    hand.ring.setUsedIdx(1);
    region.set({ version: 1, descNum: queueSize, lastBatchHead: head, usedIdx: 0 });
    region.setEntry(head, { inflight: 1, next: head, counter: 1n });
    const next = new RingByHand(port, session, hand.ring, { index: hand.index, base: 1 });
    next.tell('num', 'base', 'addresses', 'call', 'error', 'kick', 'enable');
    next.kick();
    check.reply(session.messages.fence(), 'GET_FEATURES');
    const base = baseFrom(check, getBase(session, hand.index), 'GET_VRING_BASE');
    if (base !== undefined) check.equal(base, 1, 'base');
    check.equal(hand.ring.usedIdx(), 1, 'used idx: the chain was used before');
  },
});

export const resubmitted = defineCase({
  id: 'vhost-user/inflight/requests-in-flight-are-submitted-again',
  title: 'chains that are marked as in flight when a ring starts are carried out, by rising counter',
  proves: {
    'vu-inflight/requests-resubmitted-in-counter-order': ['inflight-not-resubmitted', 'inflight-resubmitted-by-head'],
  },
  applies: { ...applies, needs: ['initial-base'] },
  run({ port, session, guest, workload, requirement }) {
    const check = requirement('vu-inflight/requests-resubmitted-in-counter-order');
    const set = tracked({ port, guest, workload }, session, check);
    if (set === undefined) return;
    const { hand, region } = set;
    const requests = [1, 2, 3].map((seed) => workload.request({ seed }).segments);
    const heads = hand.makeAvailable(...requests);
    region.set({ version: 1, descNum: queueSize, lastBatchHead: 0, usedIdx: 0 });
    const counters = [7n, 3n, 5n];
    for (const [n, head] of heads.entries()) region.setEntry(head, { inflight: 1, counter: counters[n] ?? 0n });
    const { ring, index } = hand;
    // All three were fetched: the base is behind them.
    const next = new RingByHand(port, session, ring, { index, base: 3 });
    next.tell('num', 'base', 'addresses', 'call', 'error', 'kick', 'enable');
    next.kick();
    const elements = hand.waitForUsed(check, 3, 'chains that were in flight');
    if (elements === undefined) return;
    const ids = elements.map(({ id }) => id);
    const byCounter = [heads[1] ?? 0, heads[2] ?? 0, heads[0] ?? 0];
    // A disk may complete in any order what it was given in the right one; a wire does not.
    if (workload.facts.kind === 'net') check.sameSequence(ids, byCounter, 'heads in the used ring');
    else check.sameMembers(ids, byCounter, 'heads in the used ring');
  },
});

export const corrupted = defineCase({
  id: 'vhost-user/inflight/corrupted-buffer-is-survived',
  title: 'a ring starts, or is refused, over a region in which anything stands',
  proves: { 'vu-inflight/corrupted-buffer-survived': 'corrupted-inflight-buffer-crashes' },
  applies: { ...applies, start: 'closed' },
  run({ port, connect, guest, workload, points, requirement }) {
    const check = requirement('vu-inflight/corrupted-buffer-survived');
    const right = { version: 1, descNum: queueSize, lastBatchHead: 0, usedIdx: 0 };
    const headers: Readonly<Record<string, Partial<typeof right>>> = {
      'version=2': { version: 2 },
      'version=0xffff': { version: 0xffff },
      'desc-num=0': { descNum: 0 },
      'desc-num=0xffff': { descNum: 0xffff },
      'last-batch-head=0xffff': { lastBatchHead: 0xffff, usedIdx: 0xfff0 },
      'used-idx=0x8000': { usedIdx: 0x8000 },
      'all-in-flight': {},
    };
    points(
      Object.keys(headers).map((key) => ({ key })),
      ({ key }) => {
        const session = connect('negotiated');
        const set = tracked({ port, guest, workload }, session, check);
        if (set === undefined) return;
        set.region.set({ ...right, ...headers[key] });
        for (let head = 0; head < queueSize; head++) {
          set.region.setEntry(head, { inflight: 0xff, next: 0xffff - head, counter: 0xffff_ffff_ffff_ffffn });
        }
        set.hand.tell('num', 'base', 'addresses', 'call', 'error', 'kick', 'enable');
        set.hand.makeAvailable(workload.request().segments);
        set.hand.kick();
        if (session.isOpen) session.messages.fence();
        if (session.isOpen) getBase(session, set.hand.index);
        stillServes(port, session, check, `service after a region with ${key}`);
        session.close();
      },
    );
  },
});

export const badParameters = defineCase({
  id: 'vhost-user/inflight/bad-descriptions-are-survived',
  title: 'GET_INFLIGHT_FD and SET_INFLIGHT_FD with no queues, no entries, or more than fit, are refused or survived',
  proves: { 'vu-inflight/bad-parameters-refused': 'bad-inflight-description-crashes' },
  applies: { ...applies, start: 'closed' },
  run({ port, connect, points, requirement }) {
    const check = requirement('vu-inflight/bad-parameters-refused');
    const right = { mmapSize: 4096n, mmapOffset: 0n, numQueues: 1, queueSize };
    const wrong: Readonly<Record<string, Partial<InflightDescription>>> = {
      'no-queues': { numQueues: 0 },
      'no-entries': { queueSize: 0 },
      neither: { numQueues: 0, queueSize: 0 },
      'queues=0xffff': { numQueues: 0xffff },
      'entries=0xffff': { queueSize: 0xffff },
      'size=0': { mmapSize: 0n },
      'size=1': { mmapSize: 1n },
      'size=2^63': { mmapSize: 1n << 63n },
      'offset-past-file': { mmapOffset: 0x10_0000n },
      'offset-wraps': { mmapOffset: 0xffff_ffff_ffff_f000n },
    };
    const all = Object.keys(wrong).flatMap((key) =>
      ['get', 'set'].map((what) => ({ key: `${what},${key}`, what, wrong: { ...right, ...wrong[key] } })),
    );
    points(all, ({ key, what, wrong: description }) => {
      const session = connect('negotiated');
      const file = port.descriptors.memoryFile(4096);
      if (what === 'set') session.messages.send(setInflight(description, [file]));
      else session.messages.send(getInflight(description.numQueues, description.queueSize));
      const next = session.messages.receive(patienceMs);
      if (next.kind === 'died') check.failsBy(next, key, 'a refusal, or a buffer');
      stillServes(port, session, check, `service after ${key}`);
      session.close();
      port.descriptors.close(file);
    });
  },
});

const patienceMs = 5;

export const skipDrainPrerequisites = defineCase({
  id: 'vhost-user/inflight/skip-drain-comes-with-what-it-needs',
  title: 'GET_VRING_BASE_SKIP_DRAIN is offered only together with INFLIGHT_SHMFD and GET_VRING_BASE_INFLIGHT',
  proves: { 'vu-inflight/skip-drain-offered-with-prerequisites': 'skip-drain-offered-alone' },
  applies: { start: 'connected', transports, offers: ['VHOST_USER_F_PROTOCOL_FEATURES'] },
  run({ session, requirement }) {
    const check = requirement('vu-inflight/skip-drain-offered-with-prerequisites');
    const answer = session.messages.exchange({ request: 'VHOST_USER_GET_PROTOCOL_FEATURES' });
    const { payload } = check.reply(answer, 'GET_PROTOCOL_FEATURES');
    const offered = new DataView(payload.buffer, payload.byteOffset, payload.byteLength).getBigUint64(0, true);
    const has = (bit: bigint): boolean => ((offered >> bit) & 1n) === 1n;
    check.holds(!has(23n) || (has(12n) && has(20n)), 'protocol features', {
      expected: 'bits 12 and 20 with bit 23',
      actual: `0x${offered.toString(16)}`,
    });
  },
});
