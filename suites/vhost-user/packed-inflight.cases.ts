import type { RequestShape } from '../../drivers/devices/request.ts';
import type { GuestPackedRing, VhostUserSession } from '../../drivers/port/port.ts';
import { packedPosition } from '../../reference-impl/virtqueue/ring.ts';
import { readable } from '../../reference-impl/virtqueue/segment.ts';
import { type CaseContext, defineCase, type VariantAxes } from '../case.ts';
import type { Check } from '../check.ts';
import { placeAfter, usedPlace } from '../virtio/packed-ring/place.ts';
import { queueSize } from './inflight-ring.ts';
import { packedTracked, startRing, usesLists, writtenAt } from './packed-inflight-ring.ts';
import { baseFrom } from './ring-by-hand.ts';
import { getBase } from './ring-messages.ts';

/** Requests in flight on packed rings (vhost-user, "Inflight I/O tracking"). */

const applies = {
  start: 'negotiated',
  transports: ['vhost-user'],
  ring: 'packed',
  negotiate: ['VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD'],
} as const;

const listCopied = 'vu-inflight/packed-descriptor-list-copied';

/** Stops the ring: what stands in its region is then settled. */
const stops = (session: VhostUserSession, index: number, check: Check): boolean =>
  baseFrom(check, getBase(session, index), 'GET_VRING_BASE') !== undefined;

export const versionAndSize = defineCase({
  id: 'vhost-user/packed-inflight/version-and-desc-num-of-a-region-in-use',
  title: 'the version of the region of a packed ring that runs is 1, and its desc_num the queue size',
  proves: {
    'vu-inflight/region-version-tells-initialisation': 'inflight-version-2',
    'vu-inflight/desc-num-equals-queue-size': 'inflight-desc-num-one-less',
  },
  applies,
  // A record of three entries fills whole cache lines, so that nothing lies between it and the end of the buffer.
  variants: { entries: [16, 3] },
  run({ port, session, driver, ring, variant, requirement }) {
    const check = requirement('vu-inflight/region-version-tells-initialisation');
    const set = packedTracked({ port, driver, ring }, session, check, packedPosition(0), variant.entries);
    if (set === undefined) return;
    startRing(set.hand);
    set.hand.makeAvailable(driver.request().segments);
    set.hand.kick();
    if (set.hand.waitForUsed(check, 1, 'a list') === undefined) return;
    check.equal(set.region.version, 1, 'version of a region in use');
    requirement('vu-inflight/desc-num-equals-queue-size').equal(set.region.descNum, variant.entries, 'desc_num');
  },
});

/** Of two lists that wait together the second is found in the record, whose requests have this shape. */
function isCopied(
  {
    port,
    session,
    driver,
    ring,
    requirement,
  }: CaseContext<typeof listCopied, VariantAxes, VhostUserSession, GuestPackedRing>,
  shape: RequestShape,
): void {
  const check = requirement(listCopied);
  const set = packedTracked({ port, driver, ring }, session, check);
  if (set === undefined) return;
  const { hand, region } = set;
  startRing(hand);
  // The second of two lists that wait together has a buffer id other than 0.
  const before = driver.request({ seed: 1 }).segments;
  const start = placeAfter(usedPlace(hand.driver), before.length, queueSize);
  hand.driver.add(before);
  const { segments } = driver.request({ seed: 2, descriptors: 5, ...shape });
  hand.driver.add(segments);
  const written = writtenAt(hand.ring, start, segments);
  hand.driver.publish();
  hand.kick();
  if (hand.waitForUsed(check, 2, 'both lists') === undefined) return;
  const entries = region.entries();
  const first = entries.findIndex(({ num, addr }) => num === written.length && addr === written[0]?.addr);
  check.holds(first >= 0, 'the entry of the list', {
    expected: `one with num ${written.length} and the address of its first descriptor`,
    actual: 'none',
  });
  let entry = first;
  for (const [at, { addr, len, id, flags }] of written.entries()) {
    const copy = entries[entry];
    const isThere = copy?.addr === addr && copy.len === len && copy.id === id && copy.flags === flags;
    check.holds(isThere, `the copy of descriptor ${at}`, {
      expected: `address 0x${addr.toString(16)}, length ${len}, id ${id}, flags 0x${flags.toString(16)}`,
      actual:
        copy === undefined
          ? 'no entry'
          : `address 0x${copy.addr.toString(16)}, length ${copy.len}, id ${copy.id}, flags 0x${copy.flags.toString(16)}`,
    });
    if (at === written.length - 1) check.equal(entries[first]?.last, entry, 'last of the list');
    entry = copy?.next ?? queueSize;
  }
}

export const copied = defineCase({
  id: 'vhost-user/packed-inflight/descriptor-list-is-copied',
  title: 'the record has address, length, flags and buffer id of each descriptor of a list that was fetched, in order',
  proves: { 'vu-inflight/packed-descriptor-list-copied': 'packed-inflight-copy-without-length' },
  applies,
  run(context) {
    isCopied(context, {});
  },
});

export const copiedAbove4Gib = defineCase({
  id: 'vhost-user/packed-inflight/list-above-4-gib-is-copied-as-it-is',
  title: 'a list whose buffers lie above 4 GiB is in the record with the whole of its addresses',
  proves: { [listCopied]: 'packed-inflight-copy-with-half-an-address' },
  applies: { ...applies, memory: 'below-and-above-4gib' },
  run(context) {
    isCopied(context, { readableWhere: { region: 1 }, writableWhere: { region: 1 } });
  },
});

export const counterRises = defineCase({
  id: 'vhost-user/packed-inflight/counter-rises-with-each-fetched-list',
  title: 'the counter of a list is higher than those of all lists that were fetched before it',
  proves: { 'vu-inflight/packed-descriptor-list-copied': 'packed-inflight-counter-stands-still' },
  applies,
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-inflight/packed-descriptor-list-copied');
    const set = packedTracked({ port, driver, ring }, session, check);
    if (set === undefined) return;
    startRing(set.hand);
    let before = 0n;
    for (let list = 1; list <= 3; list++) {
      if (!usesLists(set, driver, check, 1)) return;
      const highest = set.region.entries().reduce((most, { counter }) => (counter > most ? counter : most), 0n);
      check.holds(highest > before, `the highest counter behind list ${list}`, {
        expected: `more than ${before}`,
        actual: String(highest),
      });
      before = highest;
    }
  },
});

export const marked = defineCase({
  id: 'vhost-user/packed-inflight/list-that-is-not-used-is-in-flight',
  title: 'a list that GET_VRING_BASE counts as fetched, and that is not used, is marked as in flight',
  proves: { 'vu-inflight/packed-descriptor-list-copied': 'packed-inflight-mark-left-out' },
  applies: { ...applies, devices: ['block'] },
  run({ port, session, driver, ring, guest, requirement }) {
    const check = requirement('vu-inflight/packed-descriptor-list-copied');
    const set = packedTracked({ port, driver, ring }, session, check);
    if (set === undefined) return;
    startRing(set.hand);
    if (!usesLists(set, driver, check, 1)) return;
    const { hand, region } = set;
    const { avail } = hand.driver.position;
    // No device can answer a request without a byte for its status: one that fetches it has it in flight from then on.
    const span = guest.allocate({ size: 16 });
    hand.makeAvailable([readable(span)]);
    hand.kick();
    session.messages.fence();
    const base = session.isOpen ? baseFrom(check, getBase(session, hand.index), 'GET_VRING_BASE') : undefined;
    const isFetched = base !== undefined && (base & 0x7fff) === avail + 1 && hand.usedCount() === 1;
    check.presumes(isFetched, 'a request without a status byte is fetched and not used');
    const lists = region.entries().filter(({ isInflight, num }) => isInflight && num === 1);
    check.equal(lists.length, 1, 'lists of one descriptor that are marked');
    check.equal(lists[0]?.len, 16, 'length of the descriptor in the record');
  },
});

export const follows = defineCase({
  id: 'vhost-user/packed-inflight/used-index-and-wrap-counter-follow-the-ring',
  title: 'used_idx and used_wrap_counter of a region are those of the ring at rest, in both copies, over its end too',
  proves: { 'vu-inflight/packed-free-list-and-wrap-counter-kept': 'packed-inflight-used-idx-stands-still' },
  applies: { ...applies, needs: ['initial-base'] },
  variants: { slot: [0, 13], wrap: [1, 0] },
  run({ port, session, driver, ring, variant, requirement }) {
    const check = requirement('vu-inflight/packed-free-list-and-wrap-counter-kept');
    const set = packedTracked({ port, driver, ring }, session, check, packedPosition(variant.slot, variant.wrap));
    if (set === undefined) return;
    startRing(set.hand);
    if (!usesLists(set, driver, check, 4) || !stops(session, set.hand.index, check)) return;
    const { slot, wrap } = usedPlace(set.hand.driver);
    const { position, oldPosition } = set.region;
    check.equal(position.usedIdx, slot, 'used_idx');
    check.equal(position.usedWrap, wrap, 'used_wrap_counter');
    check.equal(oldPosition.usedIdx, slot, 'old_used_idx');
    check.equal(oldPosition.usedWrap, wrap, 'old_used_wrap_counter');
    check.equal(oldPosition.freeHead, position.freeHead, 'old_free_head, against free_head');
    check.equal(set.region.freeEntries().length, queueSize, 'entries of the free list, with no list in flight');
  },
});

export const unmarked = defineCase({
  id: 'vhost-user/packed-inflight/used-list-is-not-in-flight',
  title: 'no list is marked as in flight once all are used and the ring has come to rest',
  proves: { 'vu-inflight/packed-used-list-unmarked-after-flags': 'packed-inflight-mark-left-behind' },
  applies,
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-inflight/packed-used-list-unmarked-after-flags');
    const set = packedTracked({ port, driver, ring }, session, check);
    if (set === undefined) return;
    startRing(set.hand);
    if (!usesLists(set, driver, check, 4) || !stops(session, set.hand.index, check)) return;
    const marked = set.region.entries().flatMap(({ isInflight, num }, at) => (isInflight && num > 0 ? [at] : []));
    check.sameSequence(marked, [], 'entries of used lists that are still marked');
  },
});
