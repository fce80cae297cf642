import type { DeviceDriver } from '../../drivers/devices/device-driver.ts';
import type { GuestPackedRing } from '../../drivers/port/port.ts';
import { usedBits } from '../../reference-impl/virtqueue/packed/layout.ts';
import { packedPosition } from '../../reference-impl/virtqueue/ring.ts';
import { encodeVringBase } from '../../reference-impl/wire/vring-base.ts';
import { defineCase } from '../case.ts';
import { type Place, placeAfter, usedPlace } from '../virtio/packed-ring/place.ts';
import { usedInOrder } from './completion-order.ts';
import { queueSize } from './inflight-ring.ts';
import type { PackedInflightQueue, RecordedPosition, WrittenList } from './packed-inflight-queue.ts';
import { type PackedTracked, packedTracked, startRing, takenOver, writtenAt } from './packed-inflight-ring.ts';
import { stillServes } from './refusal.ts';
import { baseFrom } from './ring-by-hand.ts';
import { getBase } from './ring-messages.ts';

/** What a back-end makes of the record of a packed ring that another one left, and of one that cannot be. */

const applies = {
  start: 'negotiated',
  transports: ['vhost-user'],
  ring: 'packed',
  negotiate: ['VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD'],
} as const;

/** Entries of three lists in a region, out of order as in one that was used for long, and their counters. */
const recorded = [
  { entries: [6, 1, 11], counter: 7n },
  { entries: [12, 14, 0], counter: 3n },
  { entries: [9, 4, 2], counter: 5n },
] as const;

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
    const descriptors = writtenAt(hand.ring, place, segments);
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
    const byCounter = [left.ids[1] ?? 0, left.ids[2] ?? 0, left.ids[0] ?? 0];
    usedInOrder(check, driver, used, byCounter, 'buffer ids of used descriptors');
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
    leaves(region, entersLists(set, driver, 2));
    const next = takenOver(port, session, set);
    if (hand.waitForUsed(check, 2, 'lists that were in flight') === undefined) return;
    const { segments } = driver.request({ seed: 9 });
    const start = { slot: hand.driver.position.avail, wrap: 1 } as const;
    hand.makeAvailable(segments);
    const [first] = writtenAt(hand.ring, start, segments);
    next.kick();
    if (hand.waitForUsed(check, 1, 'a list behind them') === undefined) return;
    const entry = region.entries().find(({ addr, num }) => num === segments.length && addr === first?.addr);
    const counter = entry?.counter ?? 0n;
    check.holds(counter > 7n, 'its counter', { expected: 'more than 7', actual: String(counter) });
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

export const corrupted = defineCase({
  id: 'vhost-user/packed-inflight/corrupted-buffer-is-survived',
  title: 'a packed ring starts, or is refused, over a region in which anything stands',
  proves: { 'vu-inflight/corrupted-buffer-survived': 'corrupted-inflight-buffer-crashes' },
  applies: { ...applies, start: 'closed' },
  run({ port, connect, driverOf, ring, points, requirement }) {
    const check = requirement('vu-inflight/corrupted-buffer-survived');
    const right = { freeHead: 0, usedIdx: 0, usedWrap: 1 };
    type Header = Parameters<PackedInflightQueue['setHeader']>[0];
    const headers: Readonly<Record<string, Header>> = {
      'version=2': { version: 2 },
      'version=0xffff': { version: 0xffff },
      'desc-num=0': { descNum: 0 },
      'desc-num=0xffff': { descNum: 0xffff },
      'free-head=0xffff': { position: { ...right, freeHead: 0xffff } },
      'used-idx=0xffff': { position: { ...right, usedIdx: 0xffff } },
      'old-used-idx=0xffff': { position: right, old: { ...right, usedIdx: 0xffff } },
      'used-wrap-counter=255': { position: { ...right, usedWrap: 255 } },
      'all-in-flight': {},
    };
    points(
      Object.keys(headers).map((key) => ({ key })),
      ({ key }) => {
        const session = connect('negotiated');
        const driver = driverOf(session);
        const set = packedTracked({ port, driver, ring }, session, check);
        if (set === undefined) return;
        for (let entry = 0; entry < queueSize; entry++) {
          const everywhere = { next: 0xffff - entry, last: 0xffff, num: 0xffff, counter: 0xffff_ffff_ffff_ffffn };
          set.region.setEntry(entry, { ...everywhere, isInflight: true, id: 0xffff, flags: 0xffff, len: 0xffff_ffff });
        }
        set.region.setHeader(headers[key] ?? {});
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
