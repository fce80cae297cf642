import { netRules as right } from '../../devices/net-rules.ts';
import { queueRules } from '../../devices/queue-rules.ts';
import type { DeviceFault } from '../fault.ts';
import { deviceFault, inNet, inQueue } from './device-fault.ts';

/** Queues behind the first, and pairs of queues behind the first. */
export const pairFaults = {
  'net-second-pair-returns-on-first': deviceFault(
    'net/frames-return-on-their-pair',
    'frames of each pair come back on the first receive ring',
    inNet({ receiveQueue: () => 0 }),
  ),
  'net-second-pair-loses-frames': deviceFault(
    'net/each-pair-carries-frames',
    'frames of the second pair are lost',
    inNet({ receiveQueue: (queue) => (queue > 1 ? 255 : right.receiveQueue(queue)) }),
  ),
  'net-second-pair-not-taken': deviceFault(
    'net/each-pair-carries-frames',
    'chains of the second transmit ring are left alone',
    inQueue({ mayProcess: (queue) => queue.index !== 3 && queueRules.mayProcess(queue) }),
  ),
  'net-second-pair-counts-one-buffer': deviceFault(
    'net/num-buffers-counts-buffers',
    'num_buffers is 1 on receive queues behind the first',
    inNet({ receiveHeader: (buffers, size, queue) => right.receiveHeader(queue > 0 ? 1 : buffers, size, queue) }),
  ),
  'second-queue-waits-for-first': deviceFault(
    'blk/each-queue-serves-requests',
    'the second queue of a block device is left alone while the first one runs',
    (rules) => {
      let firstRuns = false;
      return inQueue({
        mayProcess: (queue) => {
          if (queue.index === 0) firstRuns = queue.isStarted;
          // Chains of a transmit queue can be discarded, those of a block device cannot.
          const waits = queue.index === 1 && firstRuns && !queue.canDiscard;
          return !waits && queueRules.mayProcess(queue);
        },
      })(rules);
    },
  ),
  'net-disabled-second-receive-ring-delivers': deviceFault(
    'vu-ring-state/disabled-receive-ring-delivers-nothing',
    'frames are delivered into a receive ring of the second pair that is disabled',
    inNet({ receivesWhileDisabled: () => true }),
    inQueue({
      mayProcess: (queue) => queueRules.mayProcess({ ...queue, isEnabled: queue.isEnabled || queue.index === 2 }),
    }),
  ),
} as const satisfies Record<string, DeviceFault>;
