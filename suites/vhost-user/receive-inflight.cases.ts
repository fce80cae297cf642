import type { DeviceDriver } from '../../drivers/devices/device-driver.ts';
import type { GuestRing, VhostUserSession } from '../../drivers/port/port.ts';
import { defineCase } from '../case.ts';
import type { Check } from '../check.ts';
import { InflightQueue, setInflight } from './inflight-buffer.ts';
import { fetched, type InflightMemory, queueSize } from './inflight-ring.ts';
import { PackedInflightQueue } from './packed-inflight-queue.ts';

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
