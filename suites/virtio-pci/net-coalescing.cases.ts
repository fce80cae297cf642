import type { VirtioPciSession } from '../../drivers/port/port.ts';
import { type CaseContext, defineCase, type VariantAxes } from '../case.ts';
import type { Check } from '../check.ts';
import { coalescingApplies, shownOf } from '../virtio/net/coalescing-parameters.ts';
import { CommandedPairs } from '../virtio/net/commanded-pairs.ts';
import { setCoalescing, setQueueCoalescing } from '../virtio/net/control-queue.ts';

/** Parameters of coalescing of a queue that is disabled by its reset, and enabled again (virtio 5.1.9.5.10.6). */

const applies = {
  ...coalescingApplies,
  transports: ['virtio-pci'],
  negotiate: [...coalescingApplies.negotiate, 'VIRTIO_F_RING_RESET'],
} as const;
const variants = { direction: ['was-set', 'was-not-set'] } as const;

const ofDirection = { maxPackets: 5, maxUsecs: 40 };
const ofQueue = { maxPackets: 9, maxUsecs: 70 };

function enabledAgain(
  context: CaseContext<string, VariantAxes, VirtioPciSession>,
  check: Check,
  direction: 'receive' | 'transmit',
): void {
  const { session, guest, driver, ring, variant } = context;
  const pairs = new CommandedPairs(context, check, 1);
  const queue = direction === 'receive' ? 0 : 1;
  const isSet = variant['direction'] === 'was-set';
  if (isSet) pairs.commanded(setCoalescing(guest, direction, ofDirection), `the command for all ${direction} queues`);
  const before = shownOf(context, pairs, queue);
  pairs.commanded(setQueueCoalescing(guest, queue, ofQueue), 'the command for the queue');
  check.presumes(shownOf(context, pairs, queue) !== before, 'the command for the queue changes its parameters');
  check.granted(session.resetQueue(queue), `the reset of queue ${queue}`);
  driver.attach(ring({ size: 64 }), { index: queue });
  check.equal(shownOf(context, pairs, queue), before, 'the parameters of the queue once it is enabled again');
}

export const transmit = defineCase({
  id: 'virtio-pci/net/coalescing-of-transmit-queue-that-is-enabled-again',
  title: 'a transmit queue that is enabled again has the parameters of all transmit queues, or 0 where none were set',
  proves: { 'net/re-enabled-transmit-queue-coalescing': 'net-coalescing-of-transmit-queue-outlives-it' },
  applies,
  variants,
  run(context) {
    enabledAgain(context, context.requirement('net/re-enabled-transmit-queue-coalescing'), 'transmit');
  },
});

export const receive = defineCase({
  id: 'virtio-pci/net/coalescing-of-receive-queue-that-is-enabled-again',
  title: 'a receive queue that is enabled again has the parameters of all receive queues, or 0 where none were set',
  proves: { 'net/re-enabled-receive-queue-coalescing': 'net-coalescing-of-receive-queue-outlives-it' },
  applies,
  variants,
  run(context) {
    enabledAgain(context, context.requirement('net/re-enabled-receive-queue-coalescing'), 'receive');
  },
});
