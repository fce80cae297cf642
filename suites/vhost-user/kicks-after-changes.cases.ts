import { type AttachOptions, DeadlineError, type GuestRing, type VhostUserSession } from '../../drivers/port/port.ts';
import { type CaseContext, defineCase, type VariantAxes } from '../case.ts';
import type { Check } from '../check.ts';
import { decidedBy } from '../premise.ts';
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

/**
 * Requests before the first of so many changes, and behind each. Where a ring that is always kicked is not served
 * either, what a change ends is more than kicks.
 */
function servesBehind(context: Context, check: Check, changes: number, change: (changed: Changed) => void): void {
  const { port, guest, ring } = context;
  const serve = ({ session, driver }: Pick<Context, 'session' | 'driver'>, options: Partial<AttachOptions>): void => {
    const device = deviceInUse({ port, session, driver, ring }, options);
    const [main] = device.rings;
    if (main === undefined) return;
    for (let n = 0; n <= changes; n++) {
      if (n > 0) change({ port, session, guest, device, check });
      for (const looks of pauses) serveObediently(port, check, driver, main.queue, { rounds: 2, chains: 2, looks });
    }
  };
  decidedBy(
    () => serve(context, obedient),
    () => {
      context.session.close();
      const session = context.connect('negotiated');
      return isServed(() => serve({ session, driver: context.driverOf(session) }, { kicks: 'always' }));
    },
    'a ring that is always kicked is served behind the change',
  );
}

function isServed(serve: () => void): boolean {
  try {
    serve();
    return true;
  } catch (error) {
    if (error instanceof DeadlineError) return false;
    throw error;
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
