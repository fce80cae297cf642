import type { GuestRing, Session } from '../../../drivers/port/port.ts';
import { positionBeforeWrap } from '../../../reference-impl/virtqueue/ring.ts';
import { type CaseContext, defineCase, type VariantAxes } from '../../case.ts';
import type { Check } from '../../check.ts';
import { decidedBy } from '../../premise.ts';
import { settled, stoppedAt } from '../../ring-positions.ts';
import { obedient, serveObediently } from './obedient-driver.ts';

/** Drivers that kick only where the device asks for it: a device that sleeps and did not ask loses a chain. */

type Context = Pick<CaseContext<string, VariantAxes, Session, GuestRing>, 'port' | 'driver' | 'ring'>;

/** The longest chain that a transfer has is 3 descriptors: so many chains fit into a ring of 16. */
const batches = [1, 3, 5];
/** One look of ours is one turn of a device of this process; other devices see pauses of no fixed length. */
const pauses = [3, 0, 1, 2, 20];

function servesAll({ port, driver, ring }: Context, check: Check, position?: 'before-wrap'): void {
  const size = 16;
  const at = position === undefined ? {} : { position: positionBeforeWrap(driver.layout, size, 5) };
  const queue = driver.attach(ring({ size, ...at }), obedient);
  for (const chains of batches) {
    for (const looks of pauses) serveObediently(port, check, driver, queue, { rounds: 4, chains, looks });
  }
}

export const byFlag = defineCase({
  id: 'virtio/notifications/chains-are-served-by-kicks-that-flags-ask-for',
  title: 'without EVENT_IDX chains are served one by one and in batches, kicked only where the device flags ask for it',
  proves: { 'notify/kicks-asked-for-by-flags-suffice': ['kicks-stay-suppressed', 'sleeps-without-a-second-look'] },
  applies: { start: 'negotiated', without: ['VIRTIO_F_EVENT_IDX'], negotiation: 'fixed' },
  run(context) {
    servesAll(context, context.requirement('notify/kicks-asked-for-by-flags-suffice'));
  },
});

export const byEvent = defineCase({
  id: 'virtio/notifications/chains-are-served-by-kicks-that-events-ask-for',
  title: 'with EVENT_IDX chains are served one by one and in batches, kicked only where the device event asks for it',
  proves: {
    'notify/kicks-asked-for-by-events-suffice': [
      'kick-event-left-behind',
      'kick-event-one-ahead',
      'kick-event-of-16-entries',
      'event-sleeps-without-a-second-look',
    ],
  },
  applies: { start: 'negotiated', negotiate: ['VIRTIO_F_EVENT_IDX'], negotiation: 'fixed' },
  run(context) {
    servesAll(context, context.requirement('notify/kicks-asked-for-by-events-suffice'));
  },
});

export const byEventOverWrap = defineCase({
  id: 'virtio/notifications/kick-events-wrap-with-the-ring',
  title: 'with EVENT_IDX kicks that the device event asks for suffice where the idx, or the packed ring, wraps',
  proves: { 'notify/kicks-asked-for-by-events-suffice': ['kick-event-of-15-bits', 'kick-event-of-wrong-lap'] },
  applies: {
    start: 'negotiated',
    negotiate: ['VIRTIO_F_EVENT_IDX'],
    needs: ['initial-base'],
    negotiation: 'fixed',
  },
  run(context) {
    servesAll(context, context.requirement('notify/kicks-asked-for-by-events-suffice'), 'before-wrap');
  },
});

/** Three lives of a queue: in the same ring from where it stopped, and in a zeroed ring of another size. */
function livesOn({ port, driver, ring }: Context, check: Check): void {
  const first = ring({ size: 16 });
  let queue = driver.attach(first, obedient);
  serveObediently(port, check, driver, queue, { rounds: 5, chains: 2 });
  for (const next of ['same ring', 'other ring'] as const) {
    const stopped = stoppedAt(check, queue.stop(), 'the stop of the ring');
    if (stopped === undefined) return;
    queue =
      next === 'same ring'
        ? driver.attach(first, { ...obedient, position: settled(stopped) })
        : driver.attach(ring({ size: 32 }), obedient);
    for (const looks of [3, 0]) serveObediently(port, check, driver, queue, { rounds: 12, chains: 2, looks });
  }
}

export const byFlagAfterRestart = defineCase({
  id: 'virtio/notifications/restarted-ring-asks-for-kicks-by-flags',
  title: 'without EVENT_IDX a queue that starts again, in its ring or a new one, is served by kicks that flags ask for',
  proves: { 'notify/kicks-asked-for-by-flags-suffice': 'restarted-ring-keeps-kicks-suppressed' },
  applies: { start: 'negotiated', without: ['VIRTIO_F_EVENT_IDX'], negotiation: 'fixed' },
  run(context) {
    livesOn(context, context.requirement('notify/kicks-asked-for-by-flags-suffice'));
  },
});

export const byEventAfterRestart = defineCase({
  id: 'virtio/notifications/restarted-ring-asks-for-kicks-by-events',
  title: 'with EVENT_IDX a queue that starts again, in its ring or a new one, is served by kicks that events ask for',
  proves: { 'notify/kicks-asked-for-by-events-suffice': 'restarted-ring-leaves-kick-event-behind' },
  applies: { start: 'negotiated', negotiate: ['VIRTIO_F_EVENT_IDX'], negotiation: 'fixed' },
  run(context) {
    livesOn(context, context.requirement('notify/kicks-asked-for-by-events-suffice'));
  },
});

type WholeContext = CaseContext<string, VariantAxes, Session, GuestRing>;

/** Every queue on which requests complete by themselves, in turn. */
function everyQueue(context: WholeContext, check: Check): void {
  const { port, driver, ring, session } = context;
  const counted = session.device.queues?.count();
  const count = counted?.kind === 'number' ? counted.value : driver.queueIndex + 1;
  const indices = driver.requestQueues(Math.min(count, 4));
  const queues = indices.map((index) => driver.attach(ring({ size: 16 }), { ...obedient, index }));
  const serveEach = (): void => {
    for (let round = 0; round < 6; round++) {
      for (const queue of queues) serveObediently(port, check, driver, queue, { rounds: 2, chains: 2, looks: round });
    }
  };
  decidedBy(serveEach, () => servesWithoutAsking(context, indices), 'each queue is served that is always kicked');
}

/** On a fresh session, whether all queues are served that are kicked for each request. */
function servesWithoutAsking({ session, connect, driverOf, ring }: WholeContext, indices: readonly number[]): boolean {
  session.close();
  const driver = driverOf(connect('negotiated'));
  const queues = indices.map((index) => driver.attach(ring({ size: 16 }), { index }));
  for (const queue of queues) driver.warmUp(queue);
  return true;
}

/** A block device has several with MQ alone (virtio 5.2.2). */
const severalQueues = {
  start: 'negotiated',
  needs: ['device.queues'],
  devices: ['block'],
  negotiation: 'fixed',
} as const;

export const byFlagOnEveryQueue = defineCase({
  id: 'virtio/notifications/every-queue-asks-for-kicks-by-flags',
  title:
    'with MQ and without EVENT_IDX each request queue of a block device is served by the kicks that its own flags ask for',
  proves: { 'notify/kicks-asked-for-by-flags-suffice': 'only-first-queue-asks-for-kicks' },
  applies: { ...severalQueues, negotiate: ['VIRTIO_BLK_F_MQ'], without: ['VIRTIO_F_EVENT_IDX'] },
  run(context) {
    everyQueue(context, context.requirement('notify/kicks-asked-for-by-flags-suffice'));
  },
});

export const byEventOnEveryQueue = defineCase({
  id: 'virtio/notifications/every-queue-asks-for-kicks-by-events',
  title:
    'with MQ and EVENT_IDX each request queue of a block device is served by the kicks that its own event asks for',
  proves: { 'notify/kicks-asked-for-by-events-suffice': 'only-first-queue-moves-kick-event' },
  applies: { ...severalQueues, negotiate: ['VIRTIO_BLK_F_MQ', 'VIRTIO_F_EVENT_IDX'] },
  run(context) {
    everyQueue(context, context.requirement('notify/kicks-asked-for-by-events-suffice'));
  },
});
