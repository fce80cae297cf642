import type { GuestRing, VhostUserSession } from '../../drivers/port/port.ts';
import { type CaseContext, defineCase, type VariantAxes } from '../case.ts';
import type { Check } from '../check.ts';
import { obedient, serveObediently } from '../virtio/notifications/obedient-driver.ts';
import {
  byEvent,
  byFlag,
  type Changed,
  changeNames,
  changeSlots,
  changesWhileInUse,
  slotChanges,
  slotFeatures,
} from './changes-while-in-use.ts';
import { deviceInUse } from './device-in-use.ts';

/** A driver that kicks only where the device asks for it, behind something that the front-end told while the ring ran. */

type Context = CaseContext<string, VariantAxes, VhostUserSession, GuestRing>;

/** Looks of ours in which the device may go to sleep. */
const pauses = [3, 0, 20];

/** Requests before the first of so many changes, and behind each. */
function servesBehind(context: Context, check: Check, changes: number, change: (changed: Changed) => void): void {
  const { port, session, guest, driver } = context;
  const device = deviceInUse(context, obedient);
  const [main] = device.rings;
  if (main === undefined) return;
  for (let n = 0; n <= changes; n++) {
    if (n > 0) change({ port, session, guest, device, check });
    for (const looks of pauses) serveObediently(port, check, driver, main.queue, { rounds: 2, chains: 2, looks });
  }
}

export const flagKicksBehindChange = defineCase({
  id: 'vhost-user/kicks/flags-ask-for-kicks-behind-a-change',
  title: 'without EVENT_IDX a ring is served by the kicks that its flags ask for, behind each thing that may be told',
  proves: {
    'notify/kicks-asked-for-by-flags-suffice': [
      'kicks-suppressed-behind-memory-table',
      'kicks-suppressed-behind-enable',
      'kicks-suppressed-behind-features',
    ],
  },
  applies: byFlag,
  variants: { change: changeNames },
  run(context) {
    const check = context.requirement('notify/kicks-asked-for-by-flags-suffice');
    servesBehind(context, check, 2, changesWhileInUse[context.variant.change]);
  },
});

export const eventKicksBehindChange = defineCase({
  id: 'vhost-user/kicks/events-ask-for-kicks-behind-a-change',
  title: 'with EVENT_IDX a ring is served by the kicks that its event asks for, behind each thing that may be told',
  proves: {
    'notify/kicks-asked-for-by-events-suffice': [
      'kick-event-left-behind-memory-table',
      'kick-event-left-behind-enable',
    ],
  },
  applies: byEvent,
  variants: { change: changeNames },
  run(context) {
    const check = context.requirement('notify/kicks-asked-for-by-events-suffice');
    servesBehind(context, check, 2, changesWhileInUse[context.variant.change]);
  },
});

export const flagKicksBehindSlots = defineCase({
  id: 'vhost-user/kicks/flags-ask-for-kicks-behind-memory-slots',
  title: 'without EVENT_IDX a ring is served by the kicks that its flags ask for, behind ADD_MEM_REG and REM_MEM_REG',
  proves: {
    'notify/kicks-asked-for-by-flags-suffice': [
      'kicks-suppressed-behind-added-region',
      'kicks-suppressed-behind-removed-region',
    ],
  },
  applies: { ...byFlag, negotiate: slotFeatures },
  variants: { change: slotChanges },
  run(context) {
    const check = context.requirement('notify/kicks-asked-for-by-flags-suffice');
    servesBehind(context, check, 1, (changed) => changeSlots(changed, context.variant.change === 'added'));
  },
});

export const eventKicksBehindSlots = defineCase({
  id: 'vhost-user/kicks/events-ask-for-kicks-behind-memory-slots',
  title: 'with EVENT_IDX a ring is served by the kicks that its event asks for, behind ADD_MEM_REG and REM_MEM_REG',
  proves: {
    'notify/kicks-asked-for-by-events-suffice': [
      'kick-event-left-behind-added-region',
      'kick-event-left-behind-removed-region',
    ],
  },
  applies: { ...byEvent, negotiate: [...byEvent.negotiate, ...slotFeatures] },
  variants: { change: slotChanges },
  run(context) {
    const check = context.requirement('notify/kicks-asked-for-by-events-suffice');
    servesBehind(context, check, 1, (changed) => changeSlots(changed, context.variant.change === 'added'));
  },
});
