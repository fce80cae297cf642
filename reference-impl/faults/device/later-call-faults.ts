import { type DeviceFault, hidden } from '../fault.ts';
import { deviceFault, inQueue } from './device-fault.ts';

const anew = 'each stop of the device lets its queues begin as they were made';
const onVhostUser = { 'vhost-mdev-l2': anew, 'vhost-mdev-l1': anew };

/** Calls of queues that were started more than once. A change of memory starts those that run anew. */
export const laterCallFaults = {
  'first-call-lost-behind-memory-table': hidden(
    onVhostUser,
    deviceFault(
      'notify/used-buffers-notified-with-flag-clear',
      'without EVENT_IDX the first call after each start but the first is lost',
      inQueue({ calls: (due, uses, starts, eventIdx) => (due && (eventIdx || starts === 1 || uses > 1) ? 1 : 0) }),
    ),
  ),
  'first-event-call-lost-behind-memory-table': hidden(
    onVhostUser,
    deviceFault(
      'notify/passing-used-event-notifies',
      'with EVENT_IDX the first call after each start but the first is lost',
      inQueue({ calls: (due, uses, starts, eventIdx) => (due && (!eventIdx || starts === 1 || uses > 1) ? 1 : 0) }),
    ),
  ),
  'restarted-ring-calls-nobody': hidden(
    onVhostUser,
    deviceFault(
      'notify/used-buffers-notified-with-flag-clear',
      'without EVENT_IDX no call is given from the third start on',
      inQueue({ calls: (due, _uses, starts, eventIdx) => (due && (eventIdx || starts < 3) ? 1 : 0) }),
    ),
  ),
  'restarted-ring-calls-other-queue': hidden(
    onVhostUser,
    deviceFault(
      'notify/passing-used-event-notifies',
      'the call of the first queue is given to the second once it started again',
      inQueue({ callQueue: (queue, starts) => (queue === 0 && starts > 1 ? 1 : queue) }),
    ),
  ),
} as const satisfies Record<string, DeviceFault>;
