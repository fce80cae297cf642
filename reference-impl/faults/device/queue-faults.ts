import { queueRules } from '../../devices/queue-rules.ts';
import { BrokenDown } from '../../vhost-user/back-end-edge.ts';
import type { DeviceChange, DeviceFault } from '../fault.ts';
import { hidden, ofBlockAlone } from '../fault.ts';
import { deviceFault, inNet, inQueue } from './device-fault.ts';

/** When queues are worked on, and whose call is signalled. */
export const queueFaults = {
  'disabled-receive-ring-delivers': deviceFault(
    'vu-ring-state/disabled-receive-ring-delivers-nothing',
    'frames are delivered into a disabled receive ring',
    inNet({ receivesWhileDisabled: () => true }),
    inQueue({ mayProcess: (queue) => queueRules.mayProcess({ ...queue, canDiscard: true }) }),
  ),
  'disabled-transmit-ring-sends': deviceFault(
    'vu-ring-state/disabled-transmit-ring-discards-packets',
    'frames of a disabled transmit ring are sent',
    inNet({ sendsWhileDisabled: () => true }),
  ),
  'disabled-transmit-ring-left-alone': deviceFault(
    'vu-ring-state/disabled-transmit-ring-discards-packets',
    'buffers of a disabled transmit ring are not used',
    inQueue({ mayProcess: (queue) => queueRules.mayProcess({ ...queue, canDiscard: false }) }),
  ),
  'kick-while-disabled-forgotten': deviceFault(
    'vu-ring-state/enabled-ring-handles-every-request',
    'a kick for a disabled queue has no effect once that is enabled',
    inQueue({ hearsKick: (isEnabled) => isEnabled }),
  ),
  'call-on-other-queue': ofBlockAlone(
    deviceFault(
      'notify/used-buffers-notified-with-flag-clear',
      'the call of the first queue is given to the second',
      inQueue({ callQueue: (queue) => (queue === 0 ? 1 : queue) }),
    ),
  ),
  'full-queue-goes-first': hidden(
    {
      'vhost-user': 'in process a queue never stays full: its requests are used between two messages',
      'vhost-net': 'a block device alone shows it, and vhost-net has none',
    },
    deviceFault(
      'blk/each-queue-serves-requests',
      'as long as the first queue has requests, no other is served',
      inQueue({ firstTurn: () => 0 }),
    ),
  ),
  'spurious-kick-advances': deviceFault(
    'notify/spurious-kicks-harmless',
    'the second kick in a row without a new chain breaks the ring',
    atSpuriousKicks((inARow) => inARow < 2),
  ),
  'spurious-kick-crashes': deviceFault(
    'notify/spurious-kicks-harmless',
    'it aborts at the second kick in a row without a new chain',
    atSpuriousKicks((inARow) => {
      if (inARow < 2) return true;
      throw new BrokenDown('abort');
    }),
  ),
} as const satisfies Record<string, DeviceFault>;

/** Counts kicks in a row that no chain waited for. */
function atSpuriousKicks(survives: (inARow: number) => boolean): DeviceChange {
  return (rules) => {
    let inARow = 0;
    const survivesKick = (pending: () => number | undefined): boolean => {
      const waiting = pending();
      if (waiting === undefined) return true;
      inARow = waiting > 0 ? 0 : inARow + 1;
      return survives(inARow);
    };
    return inQueue({ survivesKick })(rules);
  };
}
