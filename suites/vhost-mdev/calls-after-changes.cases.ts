import type { DriverPort, Guest, GuestRing, Queue, VhostMdevSession } from '../../drivers/port/port.ts';
import { guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import { type CaseContext, defineCase, type VariantAxes } from '../case.ts';
import type { Check } from '../check.ts';
import { mapGuest, regionsOf, setTable, tableOf, unmapGuest } from './device-memory.ts';
import { addressesOf, getBase, setAddresses, setFeatures, setState } from './ring-messages.ts';

/** Calls for buffers that become used behind something that the user told or mapped: each that is due comes. */

type Context = CaseContext<string, VariantAxes, VhostMdevSession, GuestRing>;

interface Changed {
  readonly session: VhostMdevSession;
  readonly port: DriverPort;
  readonly guest: Guest;
  readonly queue: Queue;
}

const uses = 3;

/** More memory beside that of the guest, which stays or goes again. */
function moreMemory({ session, port, guest }: Changed, isStaying: boolean): void {
  const more = port.createGuest(guestLayouts['crossing-4gib']);
  if (session.places.memory === 'table') {
    setTable(session, tableOf(regionsOf([guest, more])));
    if (!isStaying) setTable(session, tableOf(regionsOf([guest])));
  } else {
    mapGuest(session, more);
    if (!isStaying) unmapGuest(session, more);
  }
}

/** A stop and a start, and what may be told in between. */
function stopped({ session }: Changed, tell: () => void = () => {}): void {
  setState(session, 0);
  tell();
  setState(session, 1);
}

const changes = {
  'memory-added': (changed: Changed) => moreMemory(changed, true),
  'memory-added-and-taken': (changed: Changed) => moreMemory(changed, false),
  'stop-and-start': (changed: Changed) => stopped(changed),
  'base-asked': (changed: Changed) =>
    stopped(changed, () => {
      getBase(changed.session, changed.queue.index);
    }),
  'addresses-again': (changed: Changed) => {
    const { session, queue } = changed;
    stopped(changed, () => setAddresses(session, queue.index, addressesOf(session, queue.ring)));
  },
  'features-again': (changed: Changed) => {
    const { session } = changed;
    stopped(changed, () => setFeatures(session, session.negotiated.accepted.device));
  },
} as const;
const changeNames = Object.keys(changes) as (keyof typeof changes)[];

function isCalledForEach({ driver }: Context, check: Check, queue: Queue, when: string): boolean {
  for (let seed = 1; seed <= uses; seed++) {
    queue.driver.enableCalls();
    queue.drainCalls();
    driver.warmUp(queue, { seed });
    const what = `a call for use ${seed} ${when}`;
    if (!check.holds(queue.waitForCalls(1), what, { expected: 'at least 1 call', actual: 'none' })) return false;
  }
  return true;
}

/** Calls before a change, and behind each of two. */
function calledBehind(context: Context, check: Check, change: (changed: Changed) => void): void {
  const { session, port, guest, driver, ring } = context;
  const queue = driver.attach(ring({ size: 16 }));
  queue.drainCalls();
  if (!isCalledForEach(context, check, queue, 'before the change')) return;
  for (const time of ['first', 'second']) {
    change({ session, port, guest, queue });
    if (!isCalledForEach(context, check, queue, `behind the ${time} change`)) return;
  }
}

const applies = { start: 'negotiated', transports: ['vhost-mdev'] } as const;

export const flagCalls = defineCase({
  id: 'vhost-mdev/calls/used-buffers-are-notified-behind-a-change',
  title: 'without EVENT_IDX each use of a ring is followed by a call, behind changes of memory and behind stops',
  proves: {
    'notify/used-buffers-notified-with-flag-clear': ['mdev-calls-lost-behind-memory', 'mdev-calls-lost-behind-stop'],
  },
  applies: { ...applies, without: ['VIRTIO_F_EVENT_IDX'] },
  variants: { change: changeNames },
  run(context) {
    const check = context.requirement('notify/used-buffers-notified-with-flag-clear');
    calledBehind(context, check, changes[context.variant.change]);
  },
});

export const eventCalls = defineCase({
  id: 'vhost-mdev/calls/used-event-is-notified-behind-a-change',
  title: 'with EVENT_IDX the use that the driver awaits is followed by a call, behind changes of memory and stops',
  proves: {
    'notify/passing-used-event-notifies': ['mdev-event-calls-lost-behind-memory', 'mdev-event-calls-lost-behind-stop'],
  },
  applies: { ...applies, negotiate: ['VIRTIO_F_EVENT_IDX'] },
  variants: { change: changeNames },
  run(context) {
    const check = context.requirement('notify/passing-used-event-notifies');
    calledBehind(context, check, changes[context.variant.change]);
  },
});
