import { type CoalescingParameters, coalescingRules as right } from '../../devices/net-coalescing.ts';
import type { DeviceFault } from '../fault.ts';
import { deviceFault, inNet } from './device-fault.ts';

const most = 1000;
const limited = ({ maxPackets, maxUsecs }: CoalescingParameters): CoalescingParameters => ({
  maxPackets: Math.min(most, maxPackets),
  maxUsecs: Math.min(most, maxUsecs),
});

/** Parameters of notification coalescing. */
export const coalescingFaults = {
  'net-coalescing-limits-all': deviceFault(
    'net/failed-coalescing-set-yields-err',
    'parameters for all queues of a direction are cut to 1000, and acknowledged',
    inNet({ kept: (asked, by) => (by === 'direction' ? limited(asked) : right.kept(asked, by)) }),
  ),
  'net-coalescing-limits-one': deviceFault(
    'net/failed-queue-coalescing-set-yields-err',
    'parameters for one queue are cut to 1000, and acknowledged',
    inNet({ kept: (asked, by) => (by === 'queue' ? limited(asked) : right.kept(asked, by)) }),
  ),
  'net-coalescing-reserved-refused': deviceFault(
    'net/coalescing-reserved-field-ignored',
    'a command for one queue is refused where its reserved field is not 0',
    inNet({ acceptsReserved: (reserved) => reserved === 0 }),
  ),
  'net-coalescing-of-any-queue': deviceFault(
    'net/coalescing-wrong-queue-yields-err',
    'a command for one queue is carried out whatever the queue is',
    inNet({ isCoalesced: () => true }),
  ),
  'net-coalescing-of-transmit-queue-outlives-it': deviceFault(
    'net/re-enabled-transmit-queue-coalescing',
    'the parameters of a transmit queue stay when it is disabled',
    inNet({
      whenDisabled: (direction, own, all) => (direction === 'transmit' ? own : right.whenDisabled(direction, own, all)),
    }),
  ),
  'net-coalescing-of-receive-queue-outlives-it': deviceFault(
    'net/re-enabled-receive-queue-coalescing',
    'the parameters of a receive queue stay when it is disabled',
    inNet({
      whenDisabled: (direction, own, all) => (direction === 'receive' ? own : right.whenDisabled(direction, own, all)),
    }),
  ),
  'net-coalescing-outlives-reset': deviceFault(
    'net/reset-clears-coalescing',
    'the parameters outlive a reset of the device',
    inNet({ clearsAtReset: () => false }),
  ),
  'net-coalesced-calls-despite-suppression': deviceFault(
    'net/coalescing-respects-suppression',
    'a queue with parameters signals a call for each packet, suppressed or not',
    inNet({ callsAnyway: ({ maxPackets }) => maxPackets > 0 }),
  ),
} as const satisfies Record<string, DeviceFault>;
