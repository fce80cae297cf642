import { VIRTIO_NET_ERR, VIRTIO_NET_OK } from '../../../reference-impl/devices/net-layout.ts';
import { type CaseContext, defineCase, type VariantAxes } from '../../case.ts';
import type { Check } from '../../check.ts';
import {
  coalescingApplies,
  controlQueue,
  extremes,
  others,
  receiveQueue,
  shownOf,
  some,
  text,
  transmitQueue,
} from './coalescing-parameters.ts';
import { CommandedPairs } from './commanded-pairs.ts';
import { type Coalescing, coalescingOf, setCoalescing, setQueueCoalescing } from './control-queue.ts';

/** Parameters of notification coalescing (virtio 5.1.9.5.10), which a driver can read of one queue. */

type Context = CaseContext<string, VariantAxes>;

/** A command whose parameters must be there once it is acknowledged with VIRTIO_NET_OK. */
function keepsItsWord(
  context: Context,
  check: Check,
  pairs: CommandedPairs,
  queue: number,
  command: (asked: Coalescing) => ReturnType<typeof setCoalescing>,
): void {
  for (const asked of extremes) {
    const before = shownOf(context, pairs, queue);
    const answer = pairs.command(command(asked));
    const shown = shownOf(context, pairs, queue);
    if (answer === VIRTIO_NET_OK) check.equal(shown, text(asked), `parameters of queue ${queue} behind VIRTIO_NET_OK`);
    else {
      check.equal(answer, VIRTIO_NET_ERR, 'another acknowledgement than VIRTIO_NET_OK');
      check.equal(shown, before, `parameters of queue ${queue} behind VIRTIO_NET_ERR`);
    }
  }
}

export const allQueues = defineCase({
  id: 'virtio/net/coalescing-of-a-direction-is-set-or-not-acknowledged',
  title:
    'parameters of coalescing for all queues of a direction are there behind VIRTIO_NET_OK, and VIRTIO_NET_ERR else',
  proves: { 'net/failed-coalescing-set-yields-err': 'net-coalescing-limits-all' },
  applies: coalescingApplies,
  variants: { direction: ['receive', 'transmit'] },
  run(context) {
    const { guest, variant, requirement } = context;
    const check = requirement('net/failed-coalescing-set-yields-err');
    const pairs = new CommandedPairs(context, check, 1);
    const queue = variant.direction === 'receive' ? receiveQueue : transmitQueue;
    keepsItsWord(context, check, pairs, queue, (asked) => setCoalescing(guest, variant.direction, asked));
  },
});

export const oneQueue = defineCase({
  id: 'virtio/net/coalescing-of-a-queue-is-set-or-not-acknowledged',
  title: 'parameters of coalescing for one queue are there behind VIRTIO_NET_OK, and VIRTIO_NET_ERR else',
  proves: { 'net/failed-queue-coalescing-set-yields-err': 'net-coalescing-limits-one' },
  applies: coalescingApplies,
  variants: { queue: ['receive', 'transmit'] },
  run(context) {
    const { guest, variant, requirement } = context;
    const check = requirement('net/failed-queue-coalescing-set-yields-err');
    const pairs = new CommandedPairs(context, check, 1);
    const queue = variant.queue === 'receive' ? receiveQueue : transmitQueue;
    keepsItsWord(context, check, pairs, queue, (asked) => setQueueCoalescing(guest, queue, asked));
  },
});

export const reserved = defineCase({
  id: 'virtio/net/coalescing-reserved-field-is-ignored',
  title: 'a command for the parameters of one queue is carried out whatever its reserved field holds',
  proves: { 'net/coalescing-reserved-field-ignored': 'net-coalescing-reserved-refused' },
  applies: coalescingApplies,
  run(context) {
    const { guest, requirement } = context;
    const check = requirement('net/coalescing-reserved-field-ignored');
    const pairs = new CommandedPairs(context, check, 1);
    pairs.commanded(setQueueCoalescing(guest, receiveQueue, some), 'the command for parameters of a queue');
    for (const field of [1, 0xffff]) {
      const asked = { ...others, maxPackets: field };
      const answer = pairs.command(setQueueCoalescing(guest, receiveQueue, asked, field));
      check.equal(answer, VIRTIO_NET_OK, `acknowledgement with 0x${field.toString(16)} in the reserved field`);
      check.equal(shownOf(context, pairs, receiveQueue), text(asked), 'the parameters behind it');
    }
  },
});

export const wrongQueue = defineCase({
  id: 'virtio/net/coalescing-of-a-wrong-queue-yields-err',
  title: 'commands for the parameters of a queue that neither receives nor transmits are answered with VIRTIO_NET_ERR',
  proves: { 'net/coalescing-wrong-queue-yields-err': 'net-coalescing-of-any-queue' },
  applies: coalescingApplies,
  variants: { queue: ['control', 'none'] },
  run(context) {
    const { guest, variant, requirement } = context;
    const check = requirement('net/coalescing-wrong-queue-yields-err');
    const pairs = new CommandedPairs(context, check, 1);
    pairs.commanded(setQueueCoalescing(guest, transmitQueue, some), 'the command for a transmit queue');
    pairs.commanded(coalescingOf(guest, transmitQueue), 'the command that reads parameters of a transmit queue');
    const queue = variant.queue === 'control' ? controlQueue : 0xfffe;
    check.equal(pairs.command(setQueueCoalescing(guest, queue, some)), VIRTIO_NET_ERR, `VQ_SET of queue ${queue}`);
    check.equal(pairs.command(coalescingOf(guest, queue)), VIRTIO_NET_ERR, `VQ_GET of queue ${queue}`);
  },
});

export const afterReset = defineCase({
  id: 'virtio/net/reset-clears-coalescing',
  title: 'behind a reset of the device the parameters of coalescing of all its queues are 0',
  proves: { 'net/reset-clears-coalescing': 'net-coalescing-outlives-reset' },
  applies: coalescingApplies,
  run(context) {
    const { port, guest, ring, requirement } = context;
    const check = requirement('net/reset-clears-coalescing');
    const pairs = new CommandedPairs(context, check, 1);
    pairs.commanded(setCoalescing(guest, 'receive', some), 'the command for all receive queues');
    pairs.commanded(setQueueCoalescing(guest, transmitQueue, others), 'the command for a transmit queue');
    const before = [receiveQueue, transmitQueue].map((queue) => shownOf(context, pairs, queue));
    check.presumes(before.join() === [some, others].map(text).join(), 'the parameters are those of the commands');
    context.session.close();
    const session = context.connect('negotiated');
    const again = new CommandedPairs({ port, guest, ring, session, driver: context.driverOf(session) }, check, 1);
    for (const queue of [receiveQueue, transmitQueue]) {
      check.equal(shownOf(context, again, queue), text({ maxPackets: 0, maxUsecs: 0 }), `parameters of queue ${queue}`);
    }
  },
});

export const suppressed = defineCase({
  id: 'virtio/net/coalescing-leaves-notifications-suppressed',
  title: 'while the driver suppresses notifications none is sent, as many packets as are coalesced or more',
  proves: { 'net/coalescing-respects-suppression': 'net-coalesced-calls-despite-suppression' },
  applies: { ...coalescingApplies, without: [...coalescingApplies.without, 'VIRTIO_F_EVENT_IDX'] },
  run(context) {
    const { session, guest, driver, requirement } = context;
    const check = requirement('net/coalescing-respects-suppression');
    const pairs = new CommandedPairs(context, check, 1);
    pairs.commanded(setCoalescing(guest, 'transmit', { maxPackets: 2, maxUsecs: 1000 }), 'the command for coalescing');
    const { transmit } = pairs.pairs[0] as (typeof pairs.pairs)[number];
    pairs.send(driver.net.frame(90, 1), 0);
    transmit.driver.disableCalls();
    // Behind one that is sent the device has seen that.
    pairs.send(driver.net.frame(90, 2), 0);
    transmit.drainCalls();
    for (let n = 0; n < 6; n++) pairs.send(driver.net.frame(90, n), 0);
    check.presumes(session.fence().kind === 'passed', 'the device answers');
    check.equal(transmit.calls(), 0, 'notifications of 6 sent packets while they are suppressed');
  },
});
