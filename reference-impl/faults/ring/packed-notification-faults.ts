import { BrokenDown } from '../../vhost-user/back-end-edge.ts';
import { type PackedCallSituation, packedDeviceRules as right } from '../../virtqueue/packed/device-rules.ts';
import {
  eventFlags,
  eventSlot,
  eventWord,
  eventWrap,
  RING_EVENT_FLAGS_DESC,
  RING_EVENT_FLAGS_DISABLE,
  RING_EVENT_FLAGS_ENABLE,
} from '../../virtqueue/packed/layout.ts';
import type { RingFault } from '../fault.ts';
import { ofBlockAlone } from '../fault.ts';
import { inPackedRing, ringFault } from './ring-fault.ts';

const isDesc = ({ driverEvent, features }: PackedCallSituation): boolean =>
  features.eventIdx && eventFlags(driverEvent) === RING_EVENT_FLAGS_DESC;

/** The decision as though the driver's structure held other flags beside its offset. */
const calledUnder = (situation: PackedCallSituation, flags: number): boolean => {
  const { driverEvent } = situation;
  return right.needsCall({
    ...situation,
    driverEvent: eventWord(flags, eventSlot(driverEvent), eventWrap(driverEvent)),
  });
};

/** Event suppression structures of packed rings. */
export const packedNotificationFaults = {
  'packed-call-ignores-disable': ringFault(
    'notify/packed-driver-event-disable-withholds',
    'without EVENT_IDX calls are given although the driver event flags are DISABLE',
    inPackedRing({
      needsCall: (situation) =>
        situation.features.eventIdx ? right.needsCall(situation) : calledUnder(situation, RING_EVENT_FLAGS_ENABLE),
    }),
  ),
  'packed-event-idx-ignores-disable': ringFault(
    'notify/packed-driver-event-disable-withholds',
    'with EVENT_IDX the offset counts although the driver event flags are DISABLE',
    inPackedRing({
      needsCall: (situation) =>
        situation.features.eventIdx && eventFlags(situation.driverEvent) === RING_EVENT_FLAGS_DISABLE
          ? calledUnder(situation, RING_EVENT_FLAGS_DESC)
          : right.needsCall(situation),
    }),
  ),
  'packed-event-offset-honoured-without-desc': ringFault(
    'notify/packed-event-offset-ignored-unless-desc',
    'an offset that is not 0 withholds calls although the driver event flags are ENABLE',
    inPackedRing({
      needsCall: (situation) =>
        eventFlags(situation.driverEvent) === RING_EVENT_FLAGS_ENABLE && eventSlot(situation.driverEvent) !== 0
          ? calledUnder({ ...situation, features: { ...situation.features, eventIdx: true } }, RING_EVENT_FLAGS_DESC)
          : right.needsCall(situation),
    }),
  ),
  'packed-event-wrap-counter-ignored': ringFault(
    'notify/packed-driver-event-descriptor-notifies',
    'an event descriptor is taken as one of the lap that the device is in',
    inPackedRing({
      needsCall: (situation) =>
        isDesc(situation)
          ? right.needsCall({
              ...situation,
              driverEvent: eventWord(RING_EVENT_FLAGS_DESC, eventSlot(situation.driverEvent), situation.wrap),
            })
          : right.needsCall(situation),
    }),
  ),
  'packed-event-of-first-descriptor-only': ofBlockAlone(
    ringFault(
      'notify/packed-driver-event-descriptor-notifies',
      'of lists that become used together only the event at the last slot is seen',
      inPackedRing({
        needsCall: (situation) =>
          isDesc(situation) && situation.moved > 0
            ? right.needsCall({ ...situation, moved: 1 })
            : right.needsCall(situation),
      }),
    ),
  ),
  'packed-event-always-calls': ringFault(
    'notify/packed-no-notification-before-descriptor',
    'with driver event flags DESC every used descriptor is followed by a call',
    inPackedRing({
      needsCall: (situation) => (isDesc(situation) ? situation.moved > 0 : right.needsCall(situation)),
    }),
  ),
  'packed-device-event-desc-without-event-idx': ringFault(
    'notify/packed-device-event-flags-without-event-idx',
    'without EVENT_IDX the device event flags are DESC',
    inPackedRing({
      deviceEvent: (features, slot, wrap, wantsKicks) =>
        features.eventIdx
          ? right.deviceEvent(features, slot, wrap, wantsKicks)
          : eventWord(RING_EVENT_FLAGS_DESC, slot, wrap),
    }),
  ),
  'packed-device-event-reserved-value': ringFault(
    'notify/packed-device-event-flags-with-event-idx',
    'with EVENT_IDX the device event flags have the reserved value 3',
    inPackedRing({
      deviceEvent: (features, slot, wrap, wantsKicks) =>
        features.eventIdx ? eventWord(3, slot, wrap) : right.deviceEvent(features, slot, wrap, wantsKicks),
    }),
  ),
  'packed-device-event-reserved-bits': ringFault(
    'notify/packed-device-event-reserved-bits-zero',
    'a reserved bit beside the device event flags is set',
    inPackedRing({
      deviceEvent: (features, slot, wrap, wantsKicks) =>
        right.deviceEvent(features, slot, wrap, wantsKicks) | (1 << 20),
    }),
  ),
  'packed-reserved-event-flags-crash': ringFault(
    'notify/packed-reserved-event-flags-survived',
    'it aborts at driver event flags with the reserved value or reserved bits',
    inPackedRing({
      needsCall: (situation) => {
        const { driverEvent } = situation;
        if (eventFlags(driverEvent) === 3 || driverEvent >>> 18 !== 0) throw new BrokenDown('abort');
        return right.needsCall(situation);
      },
    }),
  ),
  'packed-event-offset-out-of-range-crashes': ringFault(
    'notify/packed-event-offset-out-of-range-survived',
    'it aborts at an event offset that is not below the queue size',
    inPackedRing({
      needsCall: (situation) => {
        if (isDesc(situation) && eventSlot(situation.driverEvent) >= situation.size) throw new BrokenDown('abort');
        return right.needsCall(situation);
      },
    }),
  ),
} as const satisfies Record<string, RingFault>;
