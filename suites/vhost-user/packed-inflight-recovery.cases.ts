import type { DeviceDriver } from '../../drivers/devices/device-driver.ts';
import { pattern } from '../../drivers/devices/request.ts';
import type { GuestPackedRing } from '../../drivers/port/port.ts';
import { usedBits } from '../../reference-impl/virtqueue/packed/layout.ts';
import type { PackedDescriptor } from '../../reference-impl/virtqueue/packed/ring-memory.ts';
import { packedPosition } from '../../reference-impl/virtqueue/ring.ts';
import { encodeVringBase } from '../../reference-impl/wire/vring-base.ts';
import { defineCase } from '../case.ts';
import { type Place, placeAfter, usedPlace } from '../virtio/packed-ring/place.ts';
import { usedInOrder } from './completion-order.ts';
import { setInflight } from './inflight-buffer.ts';
import { fetched, queueSize } from './inflight-ring.ts';
import type { PackedInflightQueue, RecordedPosition, WrittenList } from './packed-inflight-queue.ts';
import { type PackedTracked, packedTracked, startRing, takenOver, writtenAt } from './packed-inflight-ring.ts';
import { stillServes } from './refusal.ts';
import { baseFrom, RingByHand } from './ring-by-hand.ts';
import { getBase } from './ring-messages.ts';

/** What a back-end makes of the record of a packed ring that another one left, and of one that cannot be. */

const applies = {
  start: 'negotiated',
  transports: ['vhost-user'],
  ring: 'packed',
  negotiate: ['VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD'],
} as const;

/**
 * Entries of three lists in a region, out of order as in one that was used for long, and their counters, which rise in
 * another order when they are read in the other byte order.
 */
const recorded = [
  { entries: [6, 1, 11], counter: 0x107n },
  { entries: [0, 14, 12], counter: 0x203n },
  { entries: [9, 4, 2], counter: 0x105n },
] as const;

/** Only the last descriptor of a list has a buffer id that counts (virtio 2.8.6). */
const withIdInLast = (descriptors: readonly PackedDescriptor[]): PackedDescriptor[] =>
  descriptors.map((one, at) => (at === descriptors.length - 1 ? one : { ...one, id: 0xfffe }));

const recordedAt = ({ slot, wrap }: Place, freeHead: number): RecordedPosition => ({
  freeHead,
  usedIdx: slot,
  usedWrap: wrap,
});

interface LeftBehind {
  readonly start: Place;
  readonly lists: readonly WrittenList[];
  /** Buffer ids, in the order of the lists. */
  readonly ids: readonly number[];
}

/** Enters and shows lists to a ring that does not run; each of them with entries of the region. */
function entersLists({ hand }: PackedTracked, driver: DeviceDriver<GuestPackedRing>, count: number): LeftBehind {
  const start = usedPlace(hand.driver);
  let place = start;
  const left = recorded.slice(0, count).map(({ entries, counter }, seed) => {
    const segments = driver.request({ seed, descriptors: 4 }).segments.slice();
    const id = Number(hand.driver.add(segments));
    const descriptors = withIdInLast(writtenAt(hand.ring, place, segments));
    place = placeAfter(place, descriptors.length, queueSize);
    // A device with more descriptors in a request needs more entries than the three.
    const spare = [5, 7, 8, 10, 13, 15].slice(2 * seed);
    return { id, list: { entries: [...entries, ...spare].slice(0, descriptors.length), counter, descriptors } };
  });
  hand.driver.publish();
  return { start, lists: left.map(({ list }) => list), ids: left.map(({ id }) => id) };
}

/** Writes the region of a back-end that fetched the lists and used none. */
function leaves(region: PackedInflightQueue, { start, lists }: LeftBehind): void {
  region.setHeader({ position: recordedAt(start, region.setLists(lists)) });
}

export const resubmitted = defineCase({
  id: 'vhost-user/packed-inflight/requests-in-flight-are-submitted-again',
  title: 'lists that are marked as in flight when a packed ring starts are carried out, by rising counter',
  proves: {
    'vu-inflight/requests-resubmitted-in-counter-order': ['inflight-not-resubmitted', 'inflight-resubmitted-by-head'],
  },
  applies: { ...applies, needs: ['initial-base'] },
  variants: { slot: [0, 12], wrap: [1, 0] },
  run({ port, session, driver, ring, variant, requirement }) {
    const check = requirement('vu-inflight/requests-resubmitted-in-counter-order');
    const position = packedPosition(variant.slot, variant.wrap);
    const set = packedTracked({ port, driver, ring }, session, check, position);
    if (set === undefined) return;
    const left = entersLists(set, driver, 3);
    leaves(set.region, left);
    takenOver(port, session, set);
    const elements = set.hand.waitForUsed(check, 3, 'lists that were in flight');
    if (elements === undefined) return;
    const used = elements.map(({ id }) => id);
    const byCounter = [left.ids[2] ?? 0, left.ids[0] ?? 0, left.ids[1] ?? 0];
    usedInOrder(check, driver, used, byCounter, 'buffer ids of used descriptors');
  },
});

export const resubmittedAbove4Gib = defineCase({
  id: 'vhost-user/packed-inflight/requests-above-4-gib-are-submitted-again',
  title: 'lists in flight whose buffers lie above 4 GiB are carried out where they lie',
  proves: { 'vu-inflight/requests-resubmitted-in-counter-order': 'inflight-not-resubmitted' },
  applies: { ...applies, needs: ['initial-base'], devices: ['block'], memory: 'below-and-above-4gib' },
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-inflight/requests-resubmitted-in-counter-order');
    const set = packedTracked({ port, driver, ring }, session, check);
    if (set === undefined) return;
    const { hand, region } = set;
    const above = { readableWhere: { region: 1 }, writableWhere: { region: 1 } } as const;
    const data = pattern(512, 3);
    const requests = [driver.block.write(data, above), driver.block.read({ ...above, expected: data })];
    const start = usedPlace(hand.driver);
    const other = driver.block.read({ descriptors: 6 });
    const [first = 0, second = 0, otherId = 0] = hand.makeAvailable(
      ...[...requests, other].map(({ segments }) => segments),
    );
    let place = start;
    const lists = requests.map(({ segments }, n) => {
      const descriptors = writtenAt(hand.ring, place, segments);
      place = placeAfter(place, segments.length, queueSize);
      const entries = [6, 1, 11, 9, 4, 2].slice(3 * n, 3 * n + segments.length);
      return { entries, counter: BigInt(n + 1), descriptors };
    });
    // The list behind them was used first: its used descriptor stands where the first of them began.
    hand.ring.writeDescriptor(start.slot, { addr: 0n, len: 513, id: otherId, flags: usedBits(start.wrap) });
    hand.driver.reapUsed(1);
    leaves(region, { start: usedPlace(hand.driver), lists, ids: [first, second] });
    takenOver(port, session, set);
    if (hand.waitForUsed(check, requests.length, 'lists that were in flight') === undefined) return;
    for (const [n, request] of requests.entries())
      check.equal(request.problem(), undefined, `what is wrong with list ${n}`);
  },
});

export const recordGoesOn = defineCase({
  id: 'vhost-user/packed-inflight/record-goes-on-behind-a-takeover',
  title: 'a back-end that took over lists in flight frees their entries and follows the ring over later lists',
  proves: { 'vu-inflight/packed-free-list-and-wrap-counter-kept': 'packed-inflight-used-idx-stands-still' },
  applies: { ...applies, needs: ['initial-base'] },
  variants: { slot: [0, 12] },
  run({ port, session, driver, ring, variant, requirement }) {
    const check = requirement('vu-inflight/packed-free-list-and-wrap-counter-kept');
    const set = packedTracked({ port, driver, ring }, session, check, packedPosition(variant.slot));
    if (set === undefined) return;
    const { hand, region } = set;
    leaves(region, entersLists(set, driver, 2));
    const next = takenOver(port, session, set);
    if (hand.waitForUsed(check, 2, 'lists that were in flight') === undefined) return;
    for (const seed of [8, 9]) {
      hand.makeAvailable(driver.request({ seed }).segments);
      next.kick();
      if (hand.waitForUsed(check, 1, `list ${seed}`) === undefined) return;
    }
    if (baseFrom(check, getBase(session, hand.index), 'GET_VRING_BASE') === undefined) return;
    const { slot, wrap } = usedPlace(hand.driver);
    const { position, oldPosition } = region;
    check.equal(position.usedIdx, slot, 'used_idx');
    check.equal(position.usedWrap, wrap, 'used_wrap_counter');
    check.equal(oldPosition.usedIdx, slot, 'old_used_idx');
    check.equal(oldPosition.usedWrap, wrap, 'old_used_wrap_counter');
    check.equal(region.freeEntries().length, queueSize, 'entries of the free list, with no list in flight');
  },
});

export const counterGoesOn = defineCase({
  id: 'vhost-user/packed-inflight/counter-goes-on-behind-a-takeover',
  title: 'a list that is fetched behind lists taken over has a higher counter than each of them',
  proves: { 'vu-inflight/packed-descriptor-list-copied': 'packed-inflight-counter-begins-anew' },
  applies: { ...applies, needs: ['initial-base'] },
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-inflight/packed-descriptor-list-copied');
    const set = packedTracked({ port, driver, ring }, session, check);
    if (set === undefined) return;
    const { hand, region } = set;
    const left = entersLists(set, driver, 3);
    // One more changes two of its bytes, so that the order of bytes shows.
    const highest = 0x8000_0000_0000_00ffn;
    leaves(region, { ...left, lists: left.lists.map((list, n) => ({ ...list, counter: highest - BigInt(n) })) });
    const next = takenOver(port, session, set);
    if (hand.waitForUsed(check, 3, 'lists that were in flight') === undefined) return;
    const { segments } = driver.request({ seed: 9 });
    const start = { slot: hand.driver.position.avail, wrap: 1 } as const;
    hand.makeAvailable(segments);
    const [first] = writtenAt(hand.ring, start, segments);
    next.kick();
    if (hand.waitForUsed(check, 1, 'a list behind them') === undefined) return;
    const entry = region.entries().find(({ addr, num }) => num === segments.length && addr === first?.addr);
    const counter = entry?.counter ?? 0n;
    check.holds(counter > highest, 'its counter', { expected: `more than ${highest}`, actual: String(counter) });
  },
});

/** The len of a used descriptor that the back-end before has written: no device writes this of our requests. */
const leftLength = 0x5a5a5a;

export const settled = defineCase({
  id: 'vhost-user/packed-inflight/half-recorded-update-is-settled',
  title:
    'a list whose update broke off is done where the ring shows it as used, and carried out once where it does not',
  proves: {
    'vu-inflight/half-done-batch-settled-on-reconnect': [
      'inflight-last-batch-carried-out-again',
      'packed-inflight-update-taken-as-done',
    ],
  },
  applies: { ...applies, needs: ['initial-base'] },
  variants: { brokeOff: ['using-shown', 'using-not-shown', 'fetching'], slot: [0, 14], wrap: [1, 0] },
  run({ port, session, driver, ring, variant, requirement }) {
    const check = requirement('vu-inflight/half-done-batch-settled-on-reconnect');
    const position = packedPosition(variant.slot, variant.wrap);
    const set = packedTracked({ port, driver, ring }, session, check, position);
    if (set === undefined) return;
    const { hand, region } = set;
    const left = entersLists(set, driver, 1);
    const { start, ids } = left;
    const [list] = left.lists;
    if (list === undefined) return;
    const end = placeAfter(start, list.descriptors.length, queueSize);
    const [first = 0] = list.entries;
    switch (variant.brokeOff) {
      case 'using-shown':
      case 'using-not-shown': {
        const free = region.setLists([list]);
        region.setHeader({ position: recordedAt(end, first), old: recordedAt(start, free) });
        if (variant.brokeOff === 'using-not-shown') break;
        hand.ring.writeDescriptor(start.slot, { id: ids[0] ?? 0, len: leftLength, flags: usedBits(start.wrap) });
        break;
      }
      // One descriptor of the list was copied and marked; the free list had not moved on.
      case 'fetching': {
        region.setLists([]);
        const [descriptor] = list.descriptors;
        region.setEntry(0, { ...descriptor, isInflight: true, num: 1, counter: 1n, next: 1 });
        region.setHeader({ position: recordedAt(start, 1), old: recordedAt(start, 0) });
        break;
      }
    }
    takenOver(port, session, set);
    if (hand.waitForUsed(check, 1, 'the list') === undefined) return;
    const base = baseFrom(check, getBase(session, hand.index), 'GET_VRING_BASE');
    if (base === undefined) return;
    check.equal(base, encodeVringBase(packedPosition(end.slot, end.wrap)), 'base behind the one list');
    check.equal(region.freeEntries().length, queueSize, 'entries of the free list');
    if (variant.brokeOff !== 'using-shown') return;
    check.equal(hand.ring.readDescriptor(start.slot).len, leftLength, 'len of the used descriptor, not written again');
  },
});

export const settledBatch = defineCase({
  id: 'vhost-user/packed-inflight/half-recorded-batch-is-settled',
  title: 'lists that were used together, and whose marks were not taken back, are not carried out again',
  proves: { 'vu-inflight/half-done-batch-settled-on-reconnect': 'inflight-last-batch-carried-out-again' },
  applies: { ...applies, needs: ['initial-base'] },
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-inflight/half-done-batch-settled-on-reconnect');
    const set = packedTracked({ port, driver, ring }, session, check);
    if (set === undefined) return;
    const { hand, region } = set;
    const { start, lists, ids } = entersLists(set, driver, 2);
    const free = region.setLists(lists);
    let end = start;
    let head = free;
    for (const [n, { entries, descriptors }] of lists.entries()) {
      hand.ring.writeDescriptor(end.slot, { id: ids[n] ?? 0, len: leftLength, flags: usedBits(end.wrap) });
      // A used list goes to the front of the free list.
      region.setEntry(entries.at(-1) ?? 0, { ...descriptors.at(-1), next: head });
      [head = 0] = entries;
      end = placeAfter(end, descriptors.length, queueSize);
    }
    region.setHeader({ position: recordedAt(end, head), old: recordedAt(start, free) });
    takenOver(port, session, set);
    if (hand.waitForUsed(check, 2, 'the lists') === undefined) return;
    const base = baseFrom(check, getBase(session, hand.index), 'GET_VRING_BASE');
    if (base === undefined) return;
    check.equal(base, encodeVringBase(packedPosition(end.slot, end.wrap)), 'base behind both lists');
    check.equal(region.freeEntries().length, queueSize, 'entries of the free list');
    check.equal(hand.ring.readDescriptor(start.slot).len, leftLength, 'len of a used descriptor, not written again');
  },
});

export const fullRing = defineCase({
  id: 'vhost-user/packed-inflight/full-ring-in-flight-is-submitted-again',
  title: 'lists in flight that fill a packed ring and every entry of its record are carried out, by rising counter',
  proves: {
    'vu-inflight/requests-resubmitted-in-counter-order': ['inflight-not-resubmitted', 'inflight-resubmitted-by-head'],
  },
  applies: { ...applies, needs: ['initial-base'] },
  variants: { slot: [0, 1] },
  run({ port, session, driver, ring, variant, requirement }) {
    const check = requirement('vu-inflight/requests-resubmitted-in-counter-order');
    const requests = [1, 2].map((seed) => driver.request({ seed, descriptors: 4 }).segments.slice());
    const size = requests.reduce((sum, { length }) => sum + length, 0);
    const set = packedTracked({ port, driver, ring }, session, check, packedPosition(variant.slot), size);
    if (set === undefined) return;
    const { hand, region } = set;
    const start = usedPlace(hand.driver);
    let place = start;
    let entry = 0;
    const left = requests.map((segments, n) => {
      const id = Number(hand.driver.add(segments));
      const descriptors = withIdInLast(writtenAt(hand.ring, place, segments));
      const first = entry;
      entry += segments.length;
      place = placeAfter(place, segments.length, size);
      return { id, list: { entries: segments.map((_, at) => first + at), counter: BigInt(9 - n), descriptors } };
    });
    hand.driver.publish();
    region.setHeader({ position: recordedAt(start, region.setLists(left.map(({ list }) => list))) });
    takenOver(port, session, set);
    const elements = hand.waitForUsed(check, 2, 'lists that were in flight');
    if (elements === undefined) return;
    const used = elements.map(({ id }) => id);
    const byCounter = [left[1]?.id ?? 0, left[0]?.id ?? 0];
    usedInOrder(check, driver, used, byCounter, 'buffer ids of used descriptors');
    check.equal(region.freeEntries().length, size, 'entries of the free list, with no list in flight');
  },
});

export const uninitialised = defineCase({
  id: 'vhost-user/packed-inflight/uninitialised-region-is-not-carried-out',
  title: 'lists that are marked in a region of version 0 are not carried out: its ring begins as with no record',
  proves: { 'vu-inflight/region-version-tells-initialisation': 'inflight-version-2' },
  applies: { ...applies, needs: ['initial-base'] },
  variants: { wrap: [1, 0] },
  run({ port, session, driver, ring, variant, requirement }) {
    const check = requirement('vu-inflight/region-version-tells-initialisation');
    const position = packedPosition(3, variant.wrap);
    const set = packedTracked({ port, driver, ring }, session, check, position);
    if (set === undefined) return;
    const { hand, region } = set;
    const left = entersLists(set, driver, 2);
    leaves(region, left);
    region.setHeader({ version: 0, position: { freeHead: 0, usedIdx: 0, usedWrap: 0 } });
    startRing(hand);
    hand.kick();
    const elements = hand.waitForUsed(check, 2, 'lists that wait');
    if (elements === undefined) return;
    const used = elements.map(({ id }) => id);
    usedInOrder(check, driver, used, left.ids, 'buffer ids of used descriptors, in the order of the ring');
    if (baseFrom(check, getBase(session, hand.index), 'GET_VRING_BASE') === undefined) return;
    check.equal(region.version, 1, 'version of the region in use');
  },
});

export const smallRecord = defineCase({
  id: 'vhost-user/packed-inflight/record-smaller-than-ring-is-survived',
  title: 'a packed ring whose record does not fit into the buffer starts without one, or is refused',
  proves: { 'vu-inflight/bad-parameters-refused': 'record-beyond-inflight-buffer-crashes' },
  applies,
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-inflight/bad-parameters-refused');
    const index = driver.queueIndex;
    // Records of five entries fill whole cache lines: the sixth lies behind the buffer.
    const buffer = fetched(session, check, index + 1, 5);
    if (buffer === undefined) return;
    session.messages.send(setInflight(buffer.description, [buffer.fd]));
    driver.companions();
    const hand = new RingByHand(port, session, ring({ size: 6 }), { index });
    startRing(hand);
    hand.makeAvailable(driver.request().segments);
    hand.kick();
    if (session.isOpen) session.messages.fence();
    if (session.isOpen) getBase(session, index);
    stillServes(port, session, check, 'service after a record that is too small');
  },
});

export const corrupted = defineCase({
  id: 'vhost-user/packed-inflight/corrupted-buffer-is-survived',
  title: 'a packed ring starts, or is refused, over a region in which anything stands',
  proves: { 'vu-inflight/corrupted-buffer-survived': 'corrupted-inflight-buffer-crashes' },
  applies: { ...applies, start: 'closed' },
  run({ port, connect, driverOf, ring, points, requirement }) {
    const check = requirement('vu-inflight/corrupted-buffer-survived');
    const right = { freeHead: 0, usedIdx: 0, usedWrap: 1 };
    type Header = Parameters<PackedInflightQueue['setHeader']>[0];
    type Entry = Parameters<PackedInflightQueue['setEntry']>[1];
    const garbage = (entry: number): Entry => ({
      ...{ isInflight: true, next: 0xffff - entry, last: 0xffff, num: 0xffff, counter: 0xffff_ffff_ffff_ffffn },
      ...{ id: 0xffff, flags: 0xffff, len: 0xffff_ffff },
    });
    const regions: Readonly<Record<string, { readonly header: Header; readonly entry?: (index: number) => Entry }>> = {
      'version=2': { header: { version: 2 } },
      'version=0xffff': { header: { version: 0xffff } },
      'desc-num=0': { header: { descNum: 0 } },
      'desc-num=0xffff': { header: { descNum: 0xffff } },
      'free-head=0xffff': { header: { position: { ...right, freeHead: 0xffff } } },
      'used-idx=0xffff': { header: { position: { ...right, usedIdx: 0xffff } } },
      'old-used-idx=0xffff': { header: { position: right, old: { ...right, usedIdx: 0xffff } } },
      'used-wrap-counter=255': { header: { position: { ...right, usedWrap: 255 } } },
      'all-in-flight': { header: {} },
      'lists-longer-than-ring': {
        header: {},
        entry: (index) => ({ isInflight: true, num: queueSize, next: (index + 1) % queueSize, id: index }),
      },
      'free-head=0xffff,idle': { header: { position: { ...right, freeHead: 0xffff } }, entry: () => ({}) },
      'used-idx=0xffff,idle': { header: { position: { ...right, usedIdx: 0xffff } }, entry: () => ({}) },
      'next=0xffff,idle': { header: {}, entry: () => ({ next: 0xffff, last: 0xffff }) },
      'next-of-itself,idle': { header: {}, entry: (index) => ({ next: index, last: index }) },
    };
    points(
      Object.entries(regions).map(([key, region]) => ({ key, ...region })),
      ({ key, header, entry: entryAt = garbage }) => {
        const session = connect('negotiated');
        const driver = driverOf(session);
        const set = packedTracked({ port, driver, ring }, session, check);
        if (set === undefined) return;
        for (let entry = 0; entry < queueSize; entry++) set.region.setEntry(entry, entryAt(entry));
        set.region.setHeader(header);
        startRing(set.hand);
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
