import type { DeviceDriver } from '../../drivers/devices/device-driver.ts';
import type { GuestPackedRing, GuestRing, GuestSplitRing, VhostUserSession } from '../../drivers/port/port.ts';
import { usedBits } from '../../reference-impl/virtqueue/packed/layout.ts';
import type { Segment } from '../../reference-impl/virtqueue/segment.ts';
import { type CaseContext, defineCase, type VariantAxes } from '../case.ts';
import type { Check } from '../check.ts';
import { usedPlace } from '../virtio/packed-ring/place.ts';
import { InflightQueue, setInflight } from './inflight-buffer.ts';
import { fetched, type InflightMemory, queueSize } from './inflight-ring.ts';
import { PackedInflightQueue } from './packed-inflight-queue.ts';
import { startRing, writtenAt } from './packed-inflight-ring.ts';
import { RingByHand } from './ring-by-hand.ts';

/** Records of receive rings, whose buffers are fetched when a frame comes (vhost-user, "Inflight I/O tracking"). */

const applies = {
  start: 'negotiated',
  transports: ['vhost-user'],
  devices: ['net'],
  negotiate: ['VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD'],
} as const;

const frames = 3;

/** A buffer with a record for every ring of the driver, which the back-end is told of again. */
function recordsFor(session: VhostUserSession, driver: DeviceDriver, check: Check): InflightMemory | undefined {
  const rings = Math.max(driver.queueIndex, ...driver.companionIndices) + 1;
  const buffer = fetched(session, check, rings);
  if (buffer === undefined) return undefined;
  check.accepted(session.messages.acknowledged(setInflight(buffer.description, [buffer.fd])), 'SET_INFLIGHT_FD');
  return buffer;
}

/** The buffer ids of frames that come in one by one; `came` looks at the record behind each. Both rings are stopped then. */
function receives<R extends GuestRing>(
  driver: DeviceDriver<R>,
  ring: (options: { size: number }) => R,
  came: (id: number, frame: number) => void,
): void {
  const [receiveIndex = 0] = driver.companionIndices;
  const receive = driver.attach(ring({ size: queueSize }), { index: receiveIndex });
  const writes = driver.writes(driver.attach(ring({ size: queueSize })));
  for (let seed = 1; seed <= frames; seed++) {
    writes.ask({ seed });
    const [used] = receive.waitForUsed(1);
    came(used?.id ?? -1, seed);
  }
  writes.stopAll();
}

const rises = (check: Check, counter: bigint, before: bigint, frame: number): void => {
  check.holds(counter > before, `the counter of the buffer of frame ${frame}`, {
    expected: `more than ${before}`,
    actual: String(counter),
  });
};

export const split = defineCase({
  id: 'vhost-user/inflight/receive-buffers-are-recorded',
  title: 'receive buffers have rising counters in the order in which they are used, and no mark once they are',
  proves: {
    'vu-inflight/fetched-head-marked-with-rising-counter': 'inflight-counter-stands-still',
    'vu-inflight/used-head-unmarked-after-used-index': 'inflight-mark-left-behind',
    'vu-inflight/used-idx-field-follows-used-ring': 'inflight-used-idx-stands-still',
  },
  applies: { ...applies, ring: 'split' },
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-inflight/fetched-head-marked-with-rising-counter');
    const memory = recordsFor(session, driver, check);
    if (memory === undefined) return;
    const [receiveIndex = 0] = driver.companionIndices;
    const region = new InflightQueue(port, memory.fd, memory.description, receiveIndex);
    const heads = new Set<number>();
    let before = 0n;
    receives(driver, ring, (head, frame) => {
      const counter = region.counter(head);
      rises(check, counter, before, frame);
      before = counter;
      heads.add(head);
    });
    const marked = [...heads].filter((head) => region.isInflight(head));
    requirement('vu-inflight/used-head-unmarked-after-used-index').equal(marked.join(), '', 'used heads still marked');
    const usedIdx = driver.companion(receiveIndex).usedCount();
    requirement('vu-inflight/used-idx-field-follows-used-ring').equal(region.usedIdx, usedIdx, 'used_idx');
  },
});

export const packed = defineCase({
  id: 'vhost-user/packed-inflight/receive-buffers-are-recorded',
  title: 'lists of a receive ring have rising counters in the order of their use, and no mark once they are used',
  proves: {
    'vu-inflight/packed-descriptor-list-copied': 'packed-inflight-counter-stands-still',
    'vu-inflight/packed-used-list-unmarked-after-flags': 'packed-inflight-mark-left-behind',
  },
  applies: { ...applies, ring: 'packed' },
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-inflight/packed-descriptor-list-copied');
    const memory = recordsFor(session, driver, check);
    if (memory === undefined) return;
    const [receiveIndex = 0] = driver.companionIndices;
    const region = new PackedInflightQueue(port, memory, receiveIndex, queueSize);
    let before = 0n;
    const usedLists = new Set<number>();
    receives(driver, ring, (id, frame) => {
      // A back-end may fetch buffers ahead of their frames, and a list that was freed keeps what it had: of those that end
      // with the id of the buffer, the last one counts.
      const entries = region.entries();
      const lists = [...entries.entries()].filter(([, { num, last }]) => num > 0 && entries[last]?.id === id);
      const [list, counter] = lists.reduce(
        ([most, highest], [at, entry]) => (entry.counter > highest ? [at, entry.counter] : [most, highest]),
        [-1, 0n],
      );
      rises(check, counter, before, frame);
      before = counter;
      usedLists.add(list);
    });
    const marked = [...usedLists].filter((at) => region.entries()[at]?.isInflight === true);
    requirement('vu-inflight/packed-used-list-unmarked-after-flags').sameSequence(marked, [], 'entries still marked');
  },
});

const again = 'vu-inflight/requests-resubmitted-in-counter-order';
const merged = { ...applies, negotiate: [...applies.negotiate, 'VIRTIO_NET_F_MRG_RXBUF'] } as const;
const frameBytes = 200;
/** Two of them have room for the header and the frame, and one has not. */
const halfBytes = 112;
const triesOfFrames = 3;

/**
 * A buffer that was in flight, as `leave` records it, and a frame that needs another one beside it: the device gives it
 * back until there is one.
 */
function waitsForTheRest<R extends GuestRing>(
  context: CaseContext<typeof again, VariantAxes, VhostUserSession, R>,
  leave: (memory: InflightMemory, hand: RingByHand<R>, segments: readonly Segment[]) => number,
): void {
  const { port, session, driver, ring, requirement } = context;
  const check = requirement(again);
  const memory = recordsFor(session, driver, check);
  if (memory === undefined) return;
  const { net } = driver;
  const [first, second] = [net.receiveBuffer(halfBytes), net.receiveBuffer(halfBytes)];
  const [index = 0] = driver.companionIndices;
  const hand = new RingByHand(port, session, ring({ size: queueSize }), { index });
  const ids = [leave(memory, hand, first.request.segments)];
  const receive = new RingByHand(port, session, hand.ring, { index, position: hand.driver.position });
  const transmit = new RingByHand(port, session, ring({ size: queueSize }), { index: driver.queueIndex });
  for (const each of [receive, transmit]) startRing(each);
  receive.kick();
  const frame = net.frame(frameBytes, 1);
  const sends = (): boolean => {
    transmit.makeAvailable(net.transmitFrame(frame).segments);
    transmit.kick();
    return transmit.waitForUsed(check, 1, 'the transmitted frame') !== undefined;
  };
  // Once the second is sent the back-end has come to what the first one finds.
  if (!sends() || !sends()) return;
  check.equal(hand.usedCount(), 0, 'buffers that were used for a frame that needs one more');
  ids.push(...hand.makeAvailable(second.request.segments));
  receive.kick();
  // The frame that found too little room may be lost.
  for (let tries = 1; tries < triesOfFrames; tries++) {
    if (port.until(() => hand.usedCount() >= 2, port.deadlineMs / triesOfFrames) === 'true') break;
    if (!sends()) return;
  }
  const elements = hand.waitForUsed(check, 2, 'the buffer that was in flight, and the one behind it');
  if (elements === undefined) return;
  check.sameSequence(
    elements.map(({ id }) => id),
    ids,
    'the buffers of the frame',
  );
  const came = new Uint8Array(2 * halfBytes);
  for (const [n, buffer] of [first, second].entries()) came.set(buffer.load(), n * halfBytes);
  const start = net.headerSize;
  check.bytesEqual(came.subarray(start, start + frameBytes), net.returned(frame), 'the frame in both');
}

export const splitWaits = defineCase({
  id: 'vhost-user/inflight/a-receive-buffer-waits-for-more-room',
  title:
    'a receive buffer that was in flight, and is too small for a frame, holds its first part once there is another',
  proves: { [again]: 'inflight-not-resubmitted' },
  applies: { ...merged, needs: ['initial-base'], ring: 'split' },
  run(context) {
    waitsForTheRest<GuestSplitRing>(context, ({ fd, description }, hand, segments) => {
      const region = new InflightQueue(context.port, fd, description, hand.index);
      const [head = 0] = hand.makeAvailable(segments);
      region.set({ version: 1, descNum: queueSize, lastBatchHead: 0, usedIdx: 0 });
      region.setEntry(head, { inflight: 1, counter: 1n });
      return head;
    });
  },
});

export const packedWaits = defineCase({
  id: 'vhost-user/packed-inflight/a-receive-buffer-waits-for-more-room',
  title: 'a list in flight that is too small for a frame holds its first part once there is another, on a packed ring',
  proves: { [again]: 'inflight-not-resubmitted' },
  applies: { ...merged, needs: ['initial-base'], ring: 'packed' },
  run(context) {
    waitsForTheRest<GuestPackedRing>(context, (memory, hand, segments) => {
      const region = new PackedInflightQueue(context.port, memory, hand.index, queueSize);
      const start = usedPlace(hand.driver);
      const other = context.driver.net.receiveBuffer(halfBytes);
      const [id = 0, otherId = 0] = hand.makeAvailable(segments, other.request.segments);
      const descriptors = writtenAt(hand.ring, start, segments);
      // The list behind it was used first: its used descriptor overwrites that of the list in flight.
      hand.ring.writeDescriptor(start.slot, { addr: 0n, len: 0, id: otherId, flags: usedBits(start.wrap) });
      hand.driver.reapUsed(1);
      const freeHead = region.setLists([{ entries: [0], descriptors, counter: 1n }]);
      const { slot: usedIdx, wrap: usedWrap } = usedPlace(hand.driver);
      region.setHeader({ position: { freeHead, usedIdx, usedWrap } });
      return id;
    });
  },
});
