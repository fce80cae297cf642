import type { DeviceDriver } from '../../../drivers/devices/device-driver.ts';
import type { ReceiveBuffer } from '../../../drivers/devices/net-frames.ts';
import type { DriverPort, Queue, Session } from '../../../drivers/port/port.ts';
import { type CaseContext, defineCase, type VariantAxes } from '../../case.ts';
import type { Check } from '../../check.ts';
import { stoppedAt } from '../../ring-positions.ts';
import { decodeNetHeader } from './net-port.ts';

/**
 * More than one pair of queues (virtio 5.1.2). A transport of vhost has rings by number alone: MQ and the commands by
 * which a driver asks for pairs are dealt with in front of it. Where the device itself has them: steering.cases.ts.
 */

type Context = Pick<CaseContext<string, VariantAxes, Session>, 'port' | 'driver' | 'ring'>;

const pairsOf = ({ workload }: DriverPort['facts']): number => ('pairs' in workload ? Number(workload.pairs) : 1);
const severalPairs = {
  holds: (facts: DriverPort['facts']) => pairsOf(facts) > 1,
  missing: 'a target with two pairs of queues (pairs)',
} as const;
const applies = {
  start: 'negotiated',
  transports: ['vhost-user', 'vhost-kernel', 'vhost-mdev'],
  devices: ['net'],
  when: [severalPairs],
} as const;
const bufferCount = 16;
const mergedBuffer = 200;

interface Pair {
  readonly transmit: Queue;
  readonly receive: Queue;
  readonly buffers: readonly ReceiveBuffer[];
}

/** Up to four pairs, with receive buffers in each. */
function pairs({ port, driver, ring }: Context, bufferBytes = 512): Pair[] {
  return Array.from({ length: Math.min(4, pairsOf(port.facts)) }, (_, n) => {
    const receive = driver.attach(ring({ size: 64 }), { index: 2 * n });
    const transmit = driver.attach(ring({ size: 64 }), { index: 2 * n + 1 });
    const buffers = Array.from({ length: bufferCount }, () => driver.net.receiveBuffer(bufferBytes));
    receive.makeAvailable(buffers.map(({ request }) => request.segments));
    receive.kick();
    return { transmit, receive, buffers };
  });
}

function send(driver: DeviceDriver, { transmit }: Pair, frames: readonly Uint8Array[]): void {
  transmit.makeAvailable(frames.map((frame) => driver.net.transmitFrame(frame).segments));
  transmit.kickAndWaitForUsed(frames.length);
}

/** Frames in the receive buffers that became used since this was last asked, as text. */
function received(driver: DeviceDriver, pair: Pair, taken: Map<Pair, number>): string[] {
  const { receive, buffers } = pair;
  const first = taken.get(pair) ?? 0;
  const count = receive.usedCount() - first;
  if (count <= 0) return [];
  taken.set(pair, first + count);
  return receive
    .waitForUsed(count)
    .map(({ len }, n) => (buffers[first + n]?.load() ?? new Uint8Array(0)).subarray(driver.net.headerSize, len).join());
}

/** Frames on all pairs, each of which must arrive once. */
function allCarry(context: Context, check: Check): void {
  const { port, driver } = context;
  const all = pairs(context);
  const taken = new Map<Pair, number>();
  const arrived: string[] = [];
  const wanted: string[] = [];
  for (let round = 0; round < 2; round++) {
    for (const [n, pair] of all.entries()) {
      const frames = [0, 1].map((at) => driver.net.frame(100 + 8 * n + at, 16 * round + 4 * n + at));
      send(driver, pair, frames);
      wanted.push(...frames.map((frame) => driver.net.returned(frame).join()));
    }
    const isThere = (): boolean => {
      for (const pair of all) arrived.push(...received(driver, pair, taken));
      return arrived.length >= wanted.length;
    };
    port.until(isThere, port.deadlineMs);
  }
  const missing = wanted.filter((frame) => arrived.filter((other) => other === frame).length !== 1).length;
  check.equal(missing, 0, `of ${wanted.length} frames on ${all.length} pairs those that did not arrive once`);
}

const carrying = {
  'net/each-pair-carries-frames': ['net-second-pair-loses-frames', 'net-second-pair-not-taken'],
} as const;

export const carries = defineCase({
  id: 'virtio/net/each-pair-carries-frames',
  title: 'frames that are sent on the transmit ring of each pair are used, and arrive each once on some receive ring',
  proves: carrying,
  applies,
  run(context) {
    allCarry(context, context.requirement('net/each-pair-carries-frames'));
  },
});

export const carriesWithMq = defineCase({
  id: 'virtio/net/each-pair-carries-frames-with-mq',
  title:
    'where NET_F_MQ is acknowledged frames on the transmit ring of each pair arrive each once on some receive ring',
  proves: carrying,
  applies: { ...applies, negotiate: ['VIRTIO_NET_F_MQ'] },
  run(context) {
    allCarry(context, context.requirement('net/each-pair-carries-frames'));
  },
});

export const ownPair = defineCase({
  id: 'virtio/net/frames-return-on-their-pair',
  title: 'a frame that is sent on the transmit ring of a pair comes back on the receive ring of that pair',
  proves: { 'net/frames-return-on-their-pair': 'net-second-pair-returns-on-first' },
  applies,
  run(context) {
    const { port, driver, requirement } = context;
    const check = requirement('net/frames-return-on-their-pair');
    const all = pairs(context);
    for (const [n, pair] of all.entries()) {
      const before = all.map(({ receive }) => receive.usedCount());
      send(driver, pair, [driver.net.frame(120, n)]);
      const moved = (): number[] => all.map(({ receive }, at) => receive.usedCount() - (before[at] ?? 0));
      port.until(() => moved().some((count) => count > 0), port.deadlineMs);
      const expected = all.map((_, at) => (at === n ? 1 : 0));
      check.sameSequence(moved(), expected, `frames on each receive ring for one sent on pair ${n}`);
    }
  },
});

export const merged = defineCase({
  id: 'virtio/net/packets-of-each-pair-are-merged',
  title: 'with MRG_RXBUF num_buffers counts the buffers of a packet on the receive ring of each pair',
  proves: { 'net/num-buffers-counts-buffers': 'net-second-pair-counts-one-buffer' },
  applies: { ...applies, negotiate: ['VIRTIO_NET_F_MRG_RXBUF'] },
  run(context) {
    const { driver, requirement } = context;
    const { net } = driver;
    const check = requirement('net/num-buffers-counts-buffers');
    const bytes = 2 * mergedBuffer + 100;
    for (const [n, { receive, transmit, buffers }] of pairs(context, mergedBuffer).entries()) {
      const sent = net.frame(bytes, n);
      transmit.makeAvailable([net.transmitFrame(sent).segments]);
      transmit.kickAndWaitForUsed(1);
      const lengths = receive.waitForUsed(3).map(({ len }) => len);
      const { numBuffers } = decodeNetHeader(buffers[0]?.load() ?? new Uint8Array(net.headerSize));
      check.equal(numBuffers, 3, `num_buffers of ${bytes} bytes in buffers of ${mergedBuffer} on pair ${n}`);
      const parts = lengths.flatMap((length, at) => [...(buffers[at]?.load().subarray(0, length) ?? [])]);
      const packet = Uint8Array.from(parts).subarray(net.headerSize);
      check.bytesEqual(packet, net.returned(sent), `what the buffers of pair ${n} hold`);
    }
  },
});

export const disabled = defineCase({
  id: 'vhost-user/ring-disabled/second-receive-ring-delivers-nothing',
  title: 'nothing is delivered into the disabled receive ring of a second pair, whichever pair a frame is sent on',
  proves: { 'vu-ring-state/disabled-receive-ring-delivers-nothing': 'net-disabled-second-receive-ring-delivers' },
  applies: { ...applies, transports: ['vhost-user'], offers: ['VHOST_USER_F_PROTOCOL_FEATURES'] },
  run(context) {
    const { session, driver, requirement } = context;
    const check = requirement('vu-ring-state/disabled-receive-ring-delivers-nothing');
    const all = pairs(context);
    const second = all[1] as Pair;
    if (!check.accepted(second.receive.setEnabled(false), 'SET_VRING_ENABLE 0 of ring 2')) return;
    const before = second.receive.usedCount();
    for (const seed of [1, 2, 3]) for (const pair of all) send(driver, pair, [driver.net.frame(90, seed)]);
    check.reply(session.messages.fence(), 'GET_FEATURES');
    check.equal(second.receive.usedCount(), before, 'used count of the disabled receive ring');
  },
});

export const receiveHead = defineCase({
  id: 'virtio/net/used-id-of-receive-chain-is-its-head',
  title: 'the used element of a receive chain of several descriptors has the id of its head',
  proves: { 'split/used-id-is-chain-head': 'receive-used-id-of-last-descriptor' },
  applies: { start: 'negotiated', devices: ['net'] },
  variants: { descriptors: [2, 5] },
  run({ driver, ring, variant, requirement }) {
    const check = requirement('split/used-id-is-chain-head');
    const receive = driver.attach(ring({ size: 64 }), { index: driver.net.facts.receiveIndex });
    const transmit = driver.attach(ring({ size: 64 }));
    for (let round = 0; round < 3; round++) {
      const cuts = new Array<number>(variant.descriptors - 1).fill(64);
      const buffers = [0, 1].map(() => driver.net.receiveBuffer(512, { writableCuts: cuts }));
      const heads = receive.makeAvailable(buffers.map(({ request }) => request.segments));
      receive.kick();
      transmit.makeAvailable(
        [0, 1].map((seed) => driver.net.transmit({ bytes: 200, seed: 2 * round + seed }).segments),
      );
      transmit.kickAndWaitForUsed(2);
      const ids = receive.waitForUsed(2).map(({ id }) => id);
      if (!check.sameSequence(ids, heads, `ids of used receive chains in round ${round}`)) return;
    }
  },
});

/** Frames on each pair that is left come back. */
function othersCarry(context: Context, check: Check, all: readonly Pair[], gone: readonly Pair[], how: string): void {
  const { port, driver } = context;
  for (const [n, pair] of all.entries()) {
    if (gone.includes(pair)) continue;
    for (const seed of [1, 2]) {
      const before = all.map(({ receive }) => receive.usedCount());
      send(driver, pair, [driver.net.frame(120, 8 * n + seed)]);
      const arrived = (): number =>
        all.reduce((sum, { receive }, at) => sum + receive.usedCount() - (before[at] ?? 0), 0);
      port.until(() => arrived() > 0, port.deadlineMs);
      check.equal(arrived(), 1, `frames that arrive for frame ${seed} sent on pair ${n} while another is ${how}`);
    }
  }
}

const pairThatEnds = { pair: ['first', 'last'] } as const;

export const stoppedPair = defineCase({
  id: 'vhost-user/ring-changes/stopping-one-pair-leaves-others-running',
  title: 'frames on the other pairs come back while the first pair, or the last, is stopped',
  proves: { 'vu-ring-state/stopping-one-ring-leaves-others-running': 'stopping-a-ring-stops-that-of-another-pair' },
  applies: { ...applies, transports: ['vhost-user'] },
  variants: pairThatEnds,
  run(context) {
    const check = context.requirement('vu-ring-state/stopping-one-ring-leaves-others-running');
    const all = pairs(context);
    const gone = (context.variant.pair === 'first' ? all[0] : all.at(-1)) as Pair;
    for (const queue of [gone.receive, gone.transmit]) {
      if (stoppedAt(check, queue.stop(), `GET_VRING_BASE of ring ${queue.index}`) === undefined) return;
    }
    othersCarry(context, check, all, [gone], 'stopped');
  },
});

export const disabledPair = defineCase({
  id: 'vhost-user/ring-disabled/disabling-one-pair-leaves-others-running',
  title: 'frames on the other pairs come back while the first pair, or the last, is disabled',
  proves: { 'vu-ring-state/enabled-ring-handles-every-request': 'disabling-a-ring-disables-that-of-another-pair' },
  applies: { ...applies, transports: ['vhost-user'], offers: ['VHOST_USER_F_PROTOCOL_FEATURES'] },
  variants: pairThatEnds,
  run(context) {
    const check = context.requirement('vu-ring-state/enabled-ring-handles-every-request');
    const all = pairs(context);
    const gone = (context.variant.pair === 'first' ? all[0] : all.at(-1)) as Pair;
    for (const queue of [gone.receive, gone.transmit]) {
      if (!check.accepted(queue.setEnabled(false), `SET_VRING_ENABLE 0 of ring ${queue.index}`)) return;
    }
    othersCarry(context, check, all, [gone], 'disabled');
  },
});
