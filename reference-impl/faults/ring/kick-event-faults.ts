import { packedDeviceRules } from '../../virtqueue/packed/device-rules.ts';
import { eventSlot, eventWord, RING_EVENT_FLAGS_DESC } from '../../virtqueue/packed/layout.ts';
import { splitDeviceRules } from '../../virtqueue/split/device-rules.ts';
import type { RingFault } from '../fault.ts';
import { inPackedRing, inSplitRing, ringFault } from './ring-fault.ts';

const byEvents = 'notify/kicks-asked-for-by-events-suffice';

/** The avail_event of a split ring, changed where the device asks for a kick. */
const inAvailEvent = (change: (event: number) => number) =>
  inSplitRing({
    availEvent: (features, lastAvailIdx, wantsKicks) => {
      const event = splitDeviceRules.availEvent(features, lastAvailIdx, wantsKicks);
      return event === undefined ? undefined : change(event) & 0xffff;
    },
  });

/** The event of a packed ring by its slot and wrap counter, changed where the device asks for a kick with EVENT_IDX. */
const inDeviceEvent = (change: (slot: number, wrap: 0 | 1) => number) =>
  inPackedRing({
    deviceEvent: (features, slot, wrap, wantsKicks) => {
      const word = packedDeviceRules.deviceEvent(features, slot, wrap, wantsKicks);
      return features.eventIdx && wantsKicks ? change(eventSlot(word), wrap) : word;
    },
  });

/** Where a device that sleeps puts its event. */
export const kickEventFaults = {
  'kick-event-one-ahead': ringFault(
    byEvents,
    'the event names the chain behind the next one',
    inAvailEvent((event) => event + 1),
    inDeviceEvent((slot, wrap) => eventWord(RING_EVENT_FLAGS_DESC, slot + 1, wrap)),
  ),
  'kick-event-of-16-entries': ringFault(
    byEvents,
    'the event is the slot of the available ring, not its idx',
    inAvailEvent((event) => event & 15),
  ),
  'kick-event-of-15-bits': ringFault(
    byEvents,
    'the event has 15 bits',
    inAvailEvent((event) => event & 0x7fff),
  ),
  'kick-event-of-wrong-lap': ringFault(
    byEvents,
    'the event has the wrap counter 1 in every lap',
    inDeviceEvent((slot) => eventWord(RING_EVENT_FLAGS_DESC, slot, 1)),
  ),
} as const satisfies Record<string, RingFault>;
