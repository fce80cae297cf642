import type { DeviceDriver } from '../../drivers/devices/device-driver.ts';
import type { DriverPort, GuestPackedRing, VhostUserSession } from '../../drivers/port/port.ts';
import { packedPosition } from '../../reference-impl/virtqueue/ring.ts';
import { type CaseContext, defineCase, type VariantAxes } from '../case.ts';
import type { Check } from '../check.ts';
import { listFlags } from '../virtio/packed-ring/list-flags.ts';
import { placeAfter, usedPlace } from '../virtio/packed-ring/place.ts';
import { setInflight } from './inflight-buffer.ts';
import { fetched, queueSize } from './inflight-ring.ts';
import { PackedInflightQueue } from './packed-inflight-queue.ts';
import { baseFrom, RingByHand } from './ring-by-hand.ts';
import { getBase } from './ring-messages.ts';

/** Requests in flight on packed rings (vhost-user, "Inflight I/O tracking"). */

const applies = {
  start: 'negotiated',
  transports: ['vhost-user'],
  ring: 'packed',
  negotiate: ['VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD'],
} as const;

interface Tracked {
  readonly region: PackedInflightQueue;
  readonly hand: RingByHand<GuestPackedRing>;
}

/** A ring that runs with a record of the back-end's own making, or a recorded failure and undefined. */
function tracked(
  {
    port,
    driver,
    ring,
  }: Pick<CaseContext<string, VariantAxes, VhostUserSession, GuestPackedRing>, 'driver' | 'ring'> & {
    readonly port: DriverPort<VhostUserSession>;
  },
  session: VhostUserSession,
  check: Check,
  position = packedPosition(0),
): Tracked | undefined {
  const index = driver.queueIndex;
  const buffer = fetched(session, check, index + 1);
  if (buffer === undefined) return undefined;
  check.accepted(session.messages.acknowledged(setInflight(buffer.description, [buffer.fd])), 'SET_INFLIGHT_FD');
  driver.companions();
  const hand = new RingByHand(port, session, ring({ size: queueSize, position }), { index });
  hand.tell('num', 'base', 'addresses', 'call', 'error', 'kick', 'enable');
  return { hand, region: new PackedInflightQueue(port, buffer, index, queueSize) };
}

/** Has lists used, one after the other, and stops the ring. Whether that worked. */
function usedAndStopped(
  { hand }: Tracked,
  session: VhostUserSession,
  driver: DeviceDriver<GuestPackedRing>,
  check: Check,
  count: number,
): boolean {
  for (let seed = 1; seed <= count; seed++) {
    hand.makeAvailable(driver.request({ seed }).segments);
    hand.kick();
    if (hand.waitForUsed(check, 1, `list ${seed}`) === undefined) return false;
  }
  return baseFrom(check, getBase(session, hand.index), 'GET_VRING_BASE') !== undefined;
}

export const copied = defineCase({
  id: 'vhost-user/packed-inflight/descriptor-list-is-copied',
  title: 'the record has address, length, flags and buffer id of each descriptor of a list that was fetched',
  proves: { 'vu-inflight/packed-descriptor-list-copied': 'packed-inflight-copy-without-length' },
  applies,
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-inflight/packed-descriptor-list-copied');
    const set = tracked({ port, driver, ring }, session, check);
    if (set === undefined) return;
    const { hand, region } = set;
    const start = usedPlace(hand.driver);
    const { segments } = driver.request({ readableCuts: [4, 6], writableCuts: [5] });
    hand.driver.add(segments);
    const written = segments.map((_, at) => {
      const { slot, wrap } = placeAfter(start, at, queueSize);
      return { ...hand.ring.readDescriptor(slot), flags: listFlags(segments, at, wrap) };
    });
    hand.driver.publish();
    hand.kick();
    if (hand.waitForUsed(check, 1, 'the list') === undefined) return;
    const entries = region.entries();
    for (const [at, { addr, len, id, flags }] of written.entries()) {
      const isThere = entries.some(
        (entry) => entry.addr === addr && entry.len === len && entry.id === id && entry.flags === flags,
      );
      check.holds(isThere, `the copy of descriptor ${at}`, {
        expected: `an entry with address 0x${addr.toString(16)}, length ${len}, id ${id} and flags 0x${flags.toString(16)}`,
        actual: 'none',
      });
    }
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
    const set = tracked({ port, driver, ring }, session, check, packedPosition(variant.slot, variant.wrap));
    if (set === undefined || !usedAndStopped(set, session, driver, check, 4)) return;
    const { slot, wrap } = usedPlace(set.hand.driver);
    const { position, oldPosition } = set.region;
    check.equal(position.usedIdx, slot, 'used_idx');
    check.equal(position.usedWrap, wrap, 'used_wrap_counter');
    check.equal(oldPosition.usedIdx, slot, 'old_used_idx');
    check.equal(oldPosition.usedWrap, wrap, 'old_used_wrap_counter');
    check.equal(oldPosition.freeHead, position.freeHead, 'old_free_head, against free_head');
  },
});

export const unmarked = defineCase({
  id: 'vhost-user/packed-inflight/used-list-is-not-in-flight',
  title: 'no list is marked as in flight once all are used and the ring has come to rest',
  proves: { 'vu-inflight/packed-used-list-unmarked-after-flags': 'packed-inflight-mark-left-behind' },
  applies,
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-inflight/packed-used-list-unmarked-after-flags');
    const set = tracked({ port, driver, ring }, session, check);
    if (set === undefined || !usedAndStopped(set, session, driver, check, 4)) return;
    const marked = set.region.entries().flatMap(({ isInflight, num }, at) => (isInflight && num > 0 ? [at] : []));
    check.sameSequence(marked, [], 'entries of used lists that are still marked');
  },
});
