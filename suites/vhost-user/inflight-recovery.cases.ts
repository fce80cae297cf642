import { splitPosition } from '../../reference-impl/virtqueue/ring.ts';
import { defineCase } from '../case.ts';
import { usedInOrder } from './completion-order.ts';
import { getInflight, type InflightDescription, setInflight } from './inflight-buffer.ts';
import { fetched, queueSize, tracked } from './inflight-ring.ts';
import { stillServes } from './refusal.ts';
import { baseFrom, RingByHand } from './ring-by-hand.ts';
import { getBase } from './ring-messages.ts';

/** What a back-end makes of a record that another one left, and of one that cannot be. */

const transports = ['vhost-user'] as const;
const applies = { start: 'negotiated', transports, negotiate: ['VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD'] } as const;
const patienceMs = 5;

export const lastBatch = defineCase({
  id: 'vhost-user/inflight/half-recorded-batch-is-settled',
  title: 'a chain that was used, and whose mark was not taken back when the back-end died, is not carried out again',
  proves: { 'vu-inflight/half-done-batch-settled-on-reconnect': 'inflight-last-batch-carried-out-again' },
  applies: { ...applies, needs: ['initial-base'], ring: 'split' },
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-inflight/half-done-batch-settled-on-reconnect');
    const set = tracked({ port, driver, ring }, session, check);
    if (set === undefined) return;
    const { hand, region } = set;
    const [head = 0] = hand.makeAvailable(driver.request().segments);
    hand.ring.setUsedElement(0, head, 0);
    hand.ring.setUsedIdx(1);
    region.set({ version: 1, descNum: queueSize, lastBatchHead: head, usedIdx: 0 });
    region.setEntry(head, { inflight: 1, next: head, counter: 1n });
    const next = new RingByHand(port, session, hand.ring, { index: hand.index, position: splitPosition(1) });
    next.tell('num', 'base', 'addresses', 'call', 'error', 'kick', 'enable');
    next.kick();
    check.reply(session.messages.fence(), 'GET_FEATURES');
    const base = baseFrom(check, getBase(session, hand.index), 'GET_VRING_BASE');
    if (base !== undefined) check.equal(base, 1, 'base');
    check.equal(hand.usedCount(), 1, 'used idx: the chain was used before');
    check.equal(region.usedIdx, 1, 'used_idx of the region');
  },
});

export const resubmitted = defineCase({
  id: 'vhost-user/inflight/requests-in-flight-are-submitted-again',
  title: 'chains that are marked as in flight when a ring starts are carried out, by rising counter',
  proves: {
    'vu-inflight/requests-resubmitted-in-counter-order': ['inflight-not-resubmitted', 'inflight-resubmitted-by-head'],
  },
  applies: { ...applies, needs: ['initial-base'], ring: 'split' },
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-inflight/requests-resubmitted-in-counter-order');
    const set = tracked({ port, driver, ring }, session, check);
    if (set === undefined) return;
    const { hand, region } = set;
    const requests = [1, 2, 3].map((seed) => driver.request({ seed }).segments);
    const heads = hand.makeAvailable(...requests);
    region.set({ version: 1, descNum: queueSize, lastBatchHead: 0, usedIdx: 0 });
    // Read in the other byte order, they rise in another order.
    const counters = [0x107n, 0x203n, 0x105n];
    for (const [n, head] of heads.entries()) region.setEntry(head, { inflight: 1, counter: counters[n] ?? 0n });
    // All three were fetched: the base is behind them.
    const next = new RingByHand(port, session, hand.ring, { index: hand.index, position: splitPosition(3) });
    next.tell('num', 'base', 'addresses', 'call', 'error', 'kick', 'enable');
    next.kick();
    const elements = hand.waitForUsed(check, 3, 'chains that were in flight');
    if (elements === undefined) return;
    const ids = elements.map(({ id }) => id);
    const byCounter = [heads[2] ?? 0, heads[0] ?? 0, heads[1] ?? 0];
    usedInOrder(check, driver, ids, byCounter, 'heads in the used ring');
  },
});

export const lastBatchOfSeveral = defineCase({
  id: 'vhost-user/inflight/half-recorded-batch-of-several-is-settled',
  title: 'of a last batch that was used and not recorded so, no chain is carried out again; one behind it is',
  proves: { 'vu-inflight/half-done-batch-settled-on-reconnect': 'inflight-last-batch-carried-out-again' },
  applies: { ...applies, needs: ['initial-base'], ring: 'split' },
  variants: { base: [0, 65534] },
  run({ port, session, driver, ring, variant, requirement }) {
    const check = requirement('vu-inflight/half-done-batch-settled-on-reconnect');
    const set = tracked({ port, driver, ring }, session, check, variant.base);
    if (set === undefined) return;
    const { hand, region } = set;
    const heads = hand.makeAvailable(...[1, 2, 3].map((seed) => driver.request({ seed }).segments));
    const [first = 0, second = 0, third = 0] = heads;
    const behind = (count: number): number => (variant.base + count) & 0xffff;
    hand.ring.setUsedElement(variant.base % queueSize, second, 0);
    hand.ring.setUsedElement(behind(1) % queueSize, third, 0);
    hand.ring.setUsedIdx(behind(2));
    region.set({ version: 1, descNum: queueSize, lastBatchHead: third, usedIdx: variant.base });
    // The next of the second is left over from a batch before: it was not in this one.
    region.setEntry(second, { inflight: 1, next: first, counter: 1n });
    region.setEntry(third, { inflight: 1, next: second, counter: 2n });
    region.setEntry(first, { inflight: 1, next: first, counter: 3n });
    const options = { index: hand.index, position: splitPosition(behind(3)) };
    const next = new RingByHand(port, session, hand.ring, options);
    next.tell('num', 'base', 'addresses', 'call', 'error', 'kick', 'enable');
    next.kick();
    const elements = hand.waitForUsed(check, 3, 'two chains that were used, and the one behind them');
    if (elements === undefined) return;
    check.equal(elements[2]?.id, first, 'the head that was used last');
    const base = baseFrom(check, getBase(session, hand.index), 'GET_VRING_BASE');
    if (base !== undefined) check.equal(base, behind(3), 'base');
    check.equal(hand.ring.usedIdx(), behind(3), 'used idx: no chain was used twice');
  },
});

export const firstOfALaterRing = defineCase({
  id: 'vhost-user/inflight/first-request-of-a-ring-that-goes-on-is-kept',
  title: 'a request in flight is submitted again where the record began behind used chains and recorded no other',
  proves: { 'vu-inflight/requests-resubmitted-in-counter-order': 'inflight-not-resubmitted' },
  applies: { ...applies, needs: ['initial-base'], ring: 'split' },
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-inflight/requests-resubmitted-in-counter-order');
    const set = tracked({ port, driver, ring }, session, check, 65534);
    if (set === undefined) return;
    const { hand, region } = set;
    // The ring runs once, so that the record begins, and stops before its first request.
    hand.tell('num', 'base', 'addresses', 'call', 'error', 'kick', 'enable');
    if (baseFrom(check, getBase(session, hand.index), 'GET_VRING_BASE') === undefined) return;
    const [head = 0] = hand.makeAvailable(driver.request().segments);
    region.setEntry(head, { inflight: 1, counter: 1n });
    const next = new RingByHand(port, session, hand.ring, { index: hand.index, position: splitPosition(65535) });
    next.tell('num', 'base', 'addresses', 'call', 'error', 'kick', 'enable');
    next.kick();
    hand.waitForUsed(check, 1, 'the chain that was in flight');
  },
});

export const counterGoesOn = defineCase({
  id: 'vhost-user/inflight/counter-goes-on-behind-a-takeover',
  title: 'a head that is fetched behind requests taken over has a higher counter than each of them',
  proves: { 'vu-inflight/fetched-head-marked-with-rising-counter': 'inflight-counter-begins-anew' },
  applies: { ...applies, needs: ['initial-base'], ring: 'split' },
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-inflight/fetched-head-marked-with-rising-counter');
    const set = tracked({ port, driver, ring }, session, check);
    if (set === undefined) return;
    const { hand, region } = set;
    const heads = hand.makeAvailable(...[1, 2, 3].map((seed) => driver.request({ seed }).segments));
    region.set({ version: 1, descNum: queueSize, lastBatchHead: 0, usedIdx: 0 });
    // One more changes two of its bytes, so that the order of bytes shows.
    const highest = 0x8000_0000_0000_00ffn;
    for (const [n, head] of heads.entries()) region.setEntry(head, { inflight: 1, counter: highest - BigInt(n) });
    const next = new RingByHand(port, session, hand.ring, { index: hand.index, position: splitPosition(3) });
    next.tell('num', 'base', 'addresses', 'call', 'error', 'kick', 'enable');
    next.kick();
    if (hand.waitForUsed(check, 3, 'chains that were in flight') === undefined) return;
    const [head = 0] = hand.makeAvailable(driver.request({ seed: 4 }).segments);
    next.kick();
    if (hand.waitForUsed(check, 1, 'a chain behind them') === undefined) return;
    const counter = region.counter(head);
    check.holds(counter > highest, 'its counter', { expected: `more than ${highest}`, actual: String(counter) });
  },
});

export const uninitialised = defineCase({
  id: 'vhost-user/inflight/uninitialised-region-is-not-carried-out',
  title: 'heads that are marked in a region of version 0 are not carried out: its ring begins as with no record',
  proves: { 'vu-inflight/region-version-tells-initialisation': 'inflight-version-2' },
  applies: { ...applies, needs: ['initial-base'], ring: 'split' },
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-inflight/region-version-tells-initialisation');
    const set = tracked({ port, driver, ring }, session, check);
    if (set === undefined) return;
    const { hand, region } = set;
    region.set({ version: 0, descNum: queueSize, lastBatchHead: 0, usedIdx: 0 });
    const heads = hand.makeAvailable(...[1, 2].map((seed) => driver.request({ seed }).segments));
    for (const [n, head] of heads.entries()) region.setEntry(head, { inflight: 1, counter: BigInt(9 - n) });
    hand.tell('num', 'base', 'addresses', 'call', 'error', 'kick', 'enable');
    hand.kick();
    const elements = hand.waitForUsed(check, 2, 'chains that wait');
    if (elements === undefined) return;
    const base = baseFrom(check, getBase(session, hand.index), 'GET_VRING_BASE');
    if (base !== undefined) check.equal(base, 2, 'base');
    check.equal(hand.usedCount(), 2, 'used idx: each chain was used once');
    check.equal(region.version, 1, 'version of the region in use');
  },
});

export const smallRecord = defineCase({
  id: 'vhost-user/inflight/record-smaller-than-ring-is-survived',
  title: 'a split ring whose record does not fit into the buffer starts without one, or is refused',
  proves: { 'vu-inflight/bad-parameters-refused': 'record-beyond-inflight-buffer-crashes' },
  applies: { ...applies, ring: 'split' },
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-inflight/bad-parameters-refused');
    const index = driver.queueIndex;
    // Of the last queue's record the last entries lie behind the buffer.
    const buffer = fetched(session, check, index + 1, queueSize / 2);
    if (buffer === undefined) return;
    session.messages.send(setInflight(buffer.description, [buffer.fd]));
    driver.companions();
    const hand = new RingByHand(port, session, ring({ size: queueSize }), { index });
    hand.tell('num', 'base', 'addresses', 'call', 'error', 'kick', 'enable');
    hand.makeAvailable(driver.request().segments);
    hand.kick();
    if (session.isOpen) session.messages.fence();
    if (session.isOpen) getBase(session, index);
    stillServes(port, session, check, 'service after a record that is too small');
  },
});

export const corrupted = defineCase({
  id: 'vhost-user/inflight/corrupted-buffer-is-survived',
  title: 'a ring starts, or is refused, over a region in which anything stands',
  proves: { 'vu-inflight/corrupted-buffer-survived': 'corrupted-inflight-buffer-crashes' },
  applies: { ...applies, start: 'closed', ring: 'split' },
  run({ port, connect, driverOf, ring, points, requirement }) {
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
        const driver = driverOf(session);
        const set = tracked({ port, driver, ring }, session, check);
        if (set === undefined) return;
        set.region.set({ ...right, ...headers[key] });
        for (let head = 0; head < queueSize; head++) {
          set.region.setEntry(head, { inflight: 0xff, next: 0xffff - head, counter: 0xffff_ffff_ffff_ffffn });
        }
        set.hand.tell('num', 'base', 'addresses', 'call', 'error', 'kick', 'enable');
        set.hand.makeAvailable(driver.request().segments);
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
  applies: { ...applies, start: 'closed', ring: 'none' },
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
