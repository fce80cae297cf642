import type { Queue, VhostUserSession } from '../../drivers/port/port.ts';
import { type FeatureName, featureByName } from '../../reference-impl/catalogue/catalogue.ts';
import { type AnyCase, type CaseContext, defineCase, type VariantAxes } from '../case.ts';
import type { Check } from '../check.ts';
import { decidedBy } from '../premise.ts';
import { stoppedAt } from '../ring-positions.ts';

/**
 * Another set of features between two lives of the rings of one connection, as when firmware hands a device over to an
 * operating system: every ring is stopped, SET_FEATURES comes, and rings of the new set start.
 */

type Context = CaseContext<string, VariantAxes, VhostUserSession>;

const size = 16;
const requests = 5;

interface Life {
  readonly name: string;
  readonly features: bigint;
  readonly eventIdx: boolean;
  readonly indirect: boolean;
}

/** Starts rings of the layout that the session has now, in memory that no ring was in. Its rings, the main one first. */
function startRings({ guest, driver }: Context, { eventIdx, indirect }: Life): Queue[] {
  const newRing = () => guest.ring({ layout: driver.layout, size });
  const companions = driver.companionIndices.map((index) => driver.attach(newRing(), { index }));
  // Kicks and calls go by what was negotiated: a device of the other set loses some.
  return [driver.attach(newRing(), { eventIdx, indirect, kicks: 'when-asked' }), ...companions];
}

function serves({ driver }: Context, check: Check, queue: Queue, { name, indirect }: Life): boolean {
  for (let seed = 1; seed <= requests; seed++) {
    const request = driver.request({ seed });
    queue.driver.enableCalls();
    queue.drainCalls();
    queue.makeAvailable([request.segments], indirect ? { indirect: 'all' } : {});
    const [used] = queue.kickAndWaitForUsed(1);
    const problem = request.problem(used?.len);
    if (!check.equal(problem, undefined, `what is wrong with request ${seed} of the ${name}`)) return false;
    const isCalled = queue.waitForCalls(1);
    const what = `a call for request ${seed} of the ${name}`;
    if (!check.holds(isCalled, what, { expected: 'at least 1 call', actual: 'none' })) return false;
  }
  return true;
}

/** On a fresh connection, whether rings serve a request that are the first and have the features of a life. */
function servesAtFirst(
  { session, connect, driverOf, guest }: Context,
  { features: u64, eventIdx, indirect }: Life,
): boolean {
  session.close();
  const fresh = connect('negotiated');
  fresh.messages.send({ request: 'VHOST_USER_SET_FEATURES', payload: { u64 } });
  const driver = driverOf(fresh);
  driver.warmUp(driver.attach(guest.ring({ layout: driver.layout, size }), { eventIdx, indirect }));
  return true;
}

/** Lives without a feature and with it in turn. */
function lives(context: Context, check: Check, feature: FeatureName): void {
  const { session } = context;
  const without = session.negotiated.accepted.device & ~(1n << BigInt(featureByName(feature).bit));
  for (const n of [1, 2, 3, 4]) {
    const has = n % 2 === 0;
    const life: Life = {
      name: `life ${n}, ${has ? 'with' : 'without'} ${feature}`,
      features: has ? without | (1n << BigInt(featureByName(feature).bit)) : without,
      eventIdx: has && feature === 'VIRTIO_F_EVENT_IDX',
      indirect: has && feature === 'VIRTIO_F_INDIRECT_DESC',
    };
    const u64 = life.features;
    const told = session.messages.acknowledged({ request: 'VHOST_USER_SET_FEATURES', payload: { u64 } });
    if (!check.accepted(told, `SET_FEATURES of ${life.name}`)) return;
    const rings = startRings(context, life);
    const [main] = rings;
    if (main === undefined) return;
    const isServed = decidedBy(
      () => serves(context, check, main, life),
      () => servesAtFirst(context, life),
      `a first life is served ${has ? 'with' : 'without'} ${feature}`,
    );
    if (!isServed) return;
    for (const queue of rings) {
      if (stoppedAt(check, queue.stop(), `GET_VRING_BASE of ring ${queue.index} of ${life.name}`) === undefined) return;
    }
  }
}

const changing = (feature: FeatureName, id: string, title: string, fault: string): AnyCase =>
  defineCase({
    id: `vhost-user/second-life/${id}`,
    title,
    proves: { 'vu-features/other-set-counts-at-next-start': fault },
    applies: { start: 'negotiated', transports: ['vhost-user'], ring: 'negotiated', offers: [feature] },
    run: (context) => lives(context, context.requirement('vu-features/other-set-counts-at-next-start'), feature),
  });

export const layoutChanges = changing(
  'VIRTIO_F_RING_PACKED',
  'ring-layout-changes-between-lives',
  'split and packed rings take turns on one connection: each life has the layout that SET_FEATURES named before it',
  'ring-layout-of-first-life-kept',
);

export const eventIdxChanges = changing(
  'VIRTIO_F_EVENT_IDX',
  'event-idx-changes-between-lives',
  'lives with and without EVENT_IDX take turns on one connection, and kicks and calls go by what counts in each',
  'event-idx-of-first-life-kept',
);

export const indirectChanges = changing(
  'VIRTIO_F_INDIRECT_DESC',
  'indirect-tables-come-with-a-later-life',
  'lives with and without indirect tables take turns on one connection: tables are served in each that may have them',
  'indirect-tables-of-first-life-refused',
);
