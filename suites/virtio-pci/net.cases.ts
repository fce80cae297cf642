import type { VirtioPciSession } from '../../drivers/port/port.ts';
import { seenWithinMs } from '../../judging/deadline.ts';
import { tooSlowToTell } from '../../judging/silence.ts';
import { type CaseContext, defineCase, type VariantAxes } from '../case.ts';
import type { Check } from '../check.ts';
import { presupposed } from '../premise.ts';
import { CommandedPairs, applies as steered } from '../virtio/net/commanded-pairs.ts';
import { setRss } from '../virtio/net/control-queue.ts';
import { enabledTypes, rssApplies, supportedOf } from '../virtio/net/hashed-flows.ts';
import { internetFrame } from '../virtio/net/internet-frame.ts';
import { framesComeBack, netPort } from '../virtio/net/net-port.ts';
import { knownKey } from '../virtio/net/toeplitz.ts';
import { field } from './function.ts';

/**
 * What a network device makes of queues that are reset alone (virtio 5.1.9.5.6.2). The text speaks of frames that come while
 * the reset goes on: behind it, until the queue is enabled again, a device may keep them.
 */

/**
 * Resets a receive queue, and sends frames meanwhile. Whether they are sure to have come while the reset went on, where one
 * takes so many milliseconds to come back; else the check says why not.
 */
function resetsBeside(
  { session, port }: Pick<CaseContext<string, VariantAxes, VirtioPciSession>, 'session' | 'port'>,
  check: Check,
  receiveQueue: number,
  send: () => void,
  frameMs = 0,
): boolean {
  let goesOn = false;
  const reset = session.resetQueue(receiveQueue, () => {
    send();
    // In which what was sent is back.
    port.until(() => false, seenWithinMs(port));
    session.fence();
    goesOn = field(session, check, 'queueReset') === 1;
  });
  check.granted(reset, 'the reset of the receive queue');
  if (!goesOn) check.inconclusive('the reset is over before a frame is sure to have come');
  else if (frameMs > seenWithinMs(port)) {
    check.inconclusive(`${tooSlowToTell}a frame takes ${frameMs.toFixed(1)} ms to come back`);
  } else return true;
  return false;
}

export const dropped = defineCase({
  id: 'virtio-pci/net/frames-are-dropped-while-receiving-is-reset',
  title:
    'of frames that come while the reset of the only receive queue goes on, none is delivered once it is enabled again',
  proves: { 'net/packets-dropped-with-all-queues-reset': 'pci-reset-receive-queue-keeps-frames' },
  applies: {
    start: 'negotiated',
    transports: ['virtio-pci'],
    devices: ['net'],
    // The rule stands among those of receive steering. Without a command for pairs one receive queue is all of them.
    negotiate: ['VIRTIO_F_RING_RESET', 'VIRTIO_NET_F_CTRL_VQ', 'VIRTIO_NET_F_MQ'],
    when: [framesComeBack],
  },
  run(context) {
    const { port, driver, ring, requirement } = context;
    const check = requirement('net/packets-dropped-with-all-queues-reset');
    const { transmit, receive } = netPort(context);
    const { net } = driver;
    const first = net.frame(100, 1);
    const began = port.nowMs();
    presupposed(port, check, 'a frame comes back', () => {
      const { frame } = net.roundTrip(transmit, receive, first);
      return frame.join() === net.returned(first).join() ? undefined : 'it is another';
    });
    const tookMs = port.nowMs() - began;
    const lost = [2, 3, 4].map((seed) => net.frame(100, seed));
    const send = (): void => {
      transmit.makeAvailable(lost.map((frame) => net.transmitFrame(frame).segments));
      transmit.kickAndWaitForUsed(lost.length);
    };
    if (!resetsBeside(context, check, receive.index, send, tookMs)) return;
    const again = driver.attach(ring({ size: 64 }), { index: receive.index });
    const last = net.frame(100, 5);
    const came = net.roundTrip(transmit, again, last);
    const which = [last, ...lost].findIndex((frame) => net.returned(frame).join() === came.frame.join());
    const text = which > 0 ? `frame ${which} of those before` : 'another frame';
    check.equal(
      which === 0 ? 'the frame sent then' : text,
      'the frame sent then',
      'what is received first behind the reset',
    );
  },
});

export const elsewhere = defineCase({
  id: 'virtio-pci/net/frames-go-elsewhere-while-a-receive-queue-is-reset',
  title: 'frames of a flow whose receive queue is being reset come on another one of those in use',
  proves: { 'net/reset-queue-packets-steered-elsewhere': 'net-frames-for-queue-in-reset-lost' },
  applies: { ...steered, transports: ['virtio-pci'], negotiate: [...steered.negotiate, 'VIRTIO_F_RING_RESET'] },
  run(context) {
    const check = context.requirement('net/reset-queue-packets-steered-elsewhere');
    const pairs = new CommandedPairs(context, check);
    pairs.use(pairs.count);
    const last = pairs.count - 1;
    const frameOf = (n: number): Uint8Array => internetFrame('tcp4', 100 + n);
    const before = [0, 1].map((n) => pairs.pairFor(frameOf(n), last));
    check.presumes(before[1] === last, 'a flow comes on the receive queue of the pair on which it is sent');
    const sent = [2, 3, 4].map(frameOf);
    const send = (): void => {
      for (const frame of sent) pairs.send(frame, last);
    };
    if (!resetsBeside(context, check, 2 * last, send)) return;
    const isElsewhere = sent.some((frame) => (pairs.arrival(frame) ?? last) !== last);
    check.equal(isElsewhere, true, 'one of 3 frames came on another receive queue');
  },
});

export const droppedByRss = defineCase({
  id: 'virtio-pci/net/rss-drops-frames-for-a-receive-queue-in-reset',
  title: 'frames that RSS directs to a receive queue while its reset goes on are delivered neither elsewhere nor later',
  proves: { 'net/rss-drops-for-queue-in-reset': 'net-rss-frames-for-queue-in-reset-elsewhere' },
  applies: { ...rssApplies, transports: ['virtio-pci'], negotiate: [...rssApplies.negotiate, 'VIRTIO_F_RING_RESET'] },
  run(context) {
    const { port, guest, requirement } = context;
    const check = requirement('net/rss-drops-for-queue-in-reset');
    const pairs = new CommandedPairs(context, check);
    const last = pairs.count - 1;
    const types = supportedOf(context, check, enabledTypes.all);
    const rss = { types, table: [last], unclassified: last, transmitQueues: 1, key: knownKey };
    pairs.commanded(setRss(guest, rss), 'the command for receive-side scaling');
    const frameOf = (n: number): Uint8Array => internetFrame('tcp4', 100 + n);
    const began = port.nowMs();
    check.presumes(pairs.pairFor(frameOf(0), 0) === last, 'a frame comes on the queue that the table names');
    const tookMs = port.nowMs() - began;
    const lost = [1, 2, 3].map(frameOf);
    const send = (): void => {
      for (const frame of lost) pairs.send(frame, 0);
    };
    if (!resetsBeside(context, check, 2 * last, send, tookMs)) return;
    pairs.renew(last);
    check.presumes(pairs.pairFor(frameOf(4), 0) === last, 'a frame comes once the queue is enabled again');
    for (const [n, frame] of lost.entries()) {
      const came = pairs.cameBefore(frame)?.pair;
      const where = came === undefined ? 'nowhere' : `on receiveq${came + 1}`;
      check.equal(where, 'nowhere', `where frame ${n + 1} comes that was sent while the reset went on`);
    }
  },
});
