import { splitDeviceRules as right } from '../../virtqueue/split/device-rules.ts';
import { VIRTQ_AVAIL_F_NO_INTERRUPT } from '../../virtqueue/split/layout.ts';
import type { RingFault } from '../fault.ts';
import { inSplitRing, ringFault } from './ring-fault.ts';

/** Calls, kicks and their suppression. */
export const notificationFaults = {
  'call-never': ringFault(
    'notify/used-buffers-notified-with-flag-clear',
    'no call is ever given without EVENT_IDX',
    inSplitRing({ needsCall: (situation) => situation.features.eventIdx && right.needsCall(situation) }),
  ),
  'call-ignores-no-interrupt-flag': ringFault(
    'notify/no-interrupt-flag-withholds-notifications',
    'calls are given although the driver asked for none',
    inSplitRing({ needsCall: (situation) => right.needsCall({ ...situation, availFlags: 0 }) }),
  ),
  'used-event-honoured-without-event-idx': ringFault(
    'notify/used-event-ignored-without-event-idx',
    'used_event is read although EVENT_IDX was not negotiated',
    inSplitRing({
      needsCall: (situation) =>
        right.needsCall(situation) &&
        right.needsCall({ ...situation, features: { ...situation.features, eventIdx: true } }),
    }),
  ),
  'used-flags-undefined-bits': ringFault(
    'notify/used-flags-zero-or-one',
    'used flags carry a bit without a meaning',
    inSplitRing({
      usedFlags: (features, wantsKicks) => right.usedFlags(features, wantsKicks) | (features.eventIdx ? 0 : 2),
    }),
  ),
  'used-flags-set-with-event-idx': ringFault(
    'notify/used-flags-zero-with-event-idx',
    'NO_NOTIFY is set with EVENT_IDX, too',
    inSplitRing({
      usedFlags: (features, wantsKicks) => (features.eventIdx ? 1 : right.usedFlags(features, wantsKicks)),
    }),
  ),
  'event-idx-obeys-no-interrupt-flag': ringFault(
    'notify/no-interrupt-flag-ignored-with-event-idx',
    'NO_INTERRUPT withholds calls with EVENT_IDX, too',
    inSplitRing({
      needsCall: (situation) => right.needsCall(situation) && (situation.availFlags & VIRTQ_AVAIL_F_NO_INTERRUPT) === 0,
    }),
  ),
  'event-idx-compared-without-wrap': ringFault(
    'notify/passing-used-event-notifies',
    'used_event is compared as though indices never wrapped',
    inSplitRing({
      needsCall: (situation) =>
        situation.features.eventIdx
          ? situation.before <= situation.usedEvent && situation.usedEvent < situation.now
          : right.needsCall(situation),
    }),
  ),
  'event-idx-off-by-one': ringFault(
    'notify/passing-used-event-notifies',
    'the call comes one used element after used_event',
    inSplitRing({
      needsCall: (situation) =>
        right.needsCall(
          situation.features.eventIdx ? { ...situation, usedEvent: (situation.usedEvent + 1) & 0xffff } : situation,
        ),
    }),
  ),
  'event-idx-always-calls': ringFault(
    'notify/no-notification-before-used-event',
    'each use is called with EVENT_IDX, whatever used_event says',
    inSplitRing({ needsCall: (situation) => situation.features.eventIdx || right.needsCall(situation) }),
  ),
} as const satisfies Record<string, RingFault>;
