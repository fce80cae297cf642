import type { QueueRules } from '../../devices/queue-rules.ts';
import { type DeviceFault, hidden } from '../fault.ts';
import { deviceFault, inQueue } from './device-fault.ts';

const byFlags = 'notify/kicks-asked-for-by-flags-suffice';
const byEvents = 'notify/kicks-asked-for-by-events-suffice';
const anew = 'each stop of the device lets its queues begin as they were made';
const onVhostUser = { 'vhost-mdev-l2': anew, 'vhost-mdev-l1': anew };

/** A queue that found its ring empty twice asks for kicks and sleeps, and does not look once more. */
const sleepsAWhileAfterLooks = (
  isConcerned: (eventIdx: boolean) => boolean,
): Pick<QueueRules, 'sleepsBeforeLook' | 'staysAwake'> => ({
  sleepsBeforeLook: (emptyLooks, eventIdx) => isConcerned(eventIdx) && emptyLooks === 2,
  staysAwake: isConcerned,
});

/** What a queue tells of kicks before it sleeps. */
export const kickFaults = {
  'kicks-stay-suppressed': deviceFault(
    byFlags,
    'without EVENT_IDX a queue that sleeps leaves its flags as they were while it was awake',
    inQueue({ asksForKicks: (_queue, _starts, eventIdx) => eventIdx }),
  ),
  'kick-event-left-behind': deviceFault(
    byEvents,
    'with EVENT_IDX a queue that sleeps leaves its event where it was when the ring started',
    inQueue({ asksForKicks: (_queue, _starts, eventIdx) => !eventIdx }),
  ),
  'sleeps-without-a-second-look': deviceFault(
    byFlags,
    'without EVENT_IDX a queue asks for kicks and sleeps a while after its last look at the ring',
    inQueue(sleepsAWhileAfterLooks((eventIdx) => !eventIdx)),
  ),
  'event-sleeps-without-a-second-look': deviceFault(
    byEvents,
    'with EVENT_IDX a queue asks for kicks and sleeps a while after its last look at the ring',
    inQueue(sleepsAWhileAfterLooks((eventIdx) => eventIdx)),
  ),
  'restarted-ring-keeps-kicks-suppressed': hidden(
    onVhostUser,
    deviceFault(
      byFlags,
      'without EVENT_IDX a queue that started again asks for no kick any more once it was awake',
      inQueue({ asksForKicks: (_, starts, eventIdx) => eventIdx || starts === 1 }),
    ),
  ),
  'restarted-ring-leaves-kick-event-behind': hidden(
    onVhostUser,
    deviceFault(
      byEvents,
      'with EVENT_IDX a queue that started again leaves its event where it was at the start',
      inQueue({ asksForKicks: (_, starts, eventIdx) => !eventIdx || starts === 1 }),
    ),
  ),
  'only-first-queue-asks-for-kicks': deviceFault(
    byFlags,
    'without EVENT_IDX queues other than the first leave their flags as they were while they were awake',
    inQueue({ asksForKicks: (queue, _, eventIdx) => eventIdx || queue === 0 }),
  ),
  'only-first-queue-moves-kick-event': deviceFault(
    byEvents,
    'with EVENT_IDX queues other than the first leave their event where it was at the start',
    inQueue({ asksForKicks: (queue, _, eventIdx) => !eventIdx || queue === 0 }),
  ),
} as const satisfies Record<string, DeviceFault>;
