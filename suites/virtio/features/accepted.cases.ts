import type { DriverPort } from '../../../drivers/port/port.ts';
import {
  allFeatures,
  type Feature,
  type FeatureName,
  featureByName,
  featureSet,
  hasFeature,
  isFeatureName,
} from '../../../reference-impl/catalogue/catalogue.ts';
import { type CaseContext, defineCase, type VariantAxes } from '../../case.ts';
import type { Check } from '../../check.ts';
import { bitOf } from './offered-bits.ts';

/** Sets of features that a driver may accept (virtio 2.2, 6.23). */

const unwritten = 0xffff_ffff;

/**
 * What our driver side cannot serve yet, what asks for a log that a front-end keeps, and what lets a device drop frames to
 * other stations, which are those that these cases wait for.
 */
const left: readonly FeatureName[] = [
  'VIRTIO_F_RING_PACKED',
  'VIRTIO_F_ACCESS_PLATFORM',
  'VHOST_F_LOG_ALL',
  'VIRTIO_NET_F_CTRL_RX',
  'VIRTIO_NET_F_CTRL_RX_EXTRA',
  'VIRTIO_NET_F_CTRL_VLAN',
];
const always: readonly FeatureName[] = ['VIRTIO_F_VERSION_1', 'VHOST_USER_F_PROTOCOL_FEATURES'];

/** The offered features of virtio that can be accepted here, by name. */
function offeredFeatures(port: DriverPort, offered: bigint): Feature[] {
  return allFeatures().filter(
    ({ name, kind }) =>
      kind === 'virtio' && hasFeature(featureSet({ device: offered }), name, port.facts) && !left.includes(name),
  );
}

/** The feature with all that it cannot be without, as far as it is offered. */
function withPrerequisites(feature: Feature, offered: bigint, into = new Set<FeatureName>()): Set<FeatureName> {
  if (into.has(feature.name)) return into;
  into.add(feature.name);
  for (const alternatives of feature.requires) {
    const first = alternatives.find((name) => (offered & bitOf(name)) !== 0n);
    if (first !== undefined) withPrerequisites(featureByName(first), offered, into);
  }
  return into;
}

function maskOf(port: DriverPort, names: Iterable<FeatureName>): bigint {
  const required = port.facts.requiredFeatures.filter(isFeatureName);
  return [...always, ...required, ...names].reduce((word, name) => word | bitOf(name), 0n);
}

type Context = Pick<CaseContext<string, VariantAxes>, 'connect' | 'driverOf' | 'guest'>;

/** Negotiates exactly this set on a session of its own; then data must go there and back. */
function servesWith(context: Context, check: Check, features: bigint, what: string): void {
  const { guest } = context;
  const session = context.connect('connected');
  const driver = context.driverOf(session);
  const accepted = session.negotiate({ device: features });
  check.equal(accepted.accepted.device & ~accepted.offered.device, 0n, `bits of ${what} that are not offered`);
  session.shareMemory(guest);
  const eventIdx = (features & bitOf('VIRTIO_F_EVENT_IDX')) !== 0n;
  const queue = driver.attach(guest.ring({ layout: driver.layout, size: 16 }), { eventIdx });
  check.equal(driver.transfer(queue), undefined, `what is wrong with a transfer under ${what}`);
  session.close();
}

export const subsets = defineCase({
  id: 'virtio/features/valid-subsets-are-accepted',
  title: 'each offered feature alone with what it needs, and none of them, is a set under which the device serves',
  proves: { 'features/valid-subset-accepted': 'indirect-without-event-idx-refused' },
  applies: { start: 'closed', negotiation: 'fixed', ring: 'negotiated' },
  run(context) {
    const { port, connect, points, requirement } = context;
    const check = requirement('features/valid-subset-accepted');
    const first = connect('connected');
    const offered = first.negotiate({ device: maskOf(port, []) }).offered.device;
    first.close();
    const all = [
      { key: 'none', features: maskOf(port, []) },
      ...offeredFeatures(port, offered).map((feature) => ({
        key: feature.name,
        features: maskOf(port, withPrerequisites(feature, offered)),
      })),
    ];
    points(all, ({ key, features }) => servesWith(context, check, features & offered, key));
  },
});

export const again = defineCase({
  id: 'virtio/features/accepted-set-is-accepted-again',
  title: 'the same set is accepted in one session after the other',
  proves: { 'features/accepted-set-accepted-again': 'accepted-set-refused-next-time' },
  applies: { start: 'closed', negotiation: 'fixed', ring: 'negotiated' },
  run(context) {
    const { port, connect, requirement } = context;
    const check = requirement('features/accepted-set-accepted-again');
    const first = connect('connected');
    const offered = first.negotiate({ device: maskOf(port, []) }).offered.device;
    first.close();
    const most = maskOf(
      port,
      offeredFeatures(port, offered).map(({ name }) => name),
    );
    for (const time of [1, 2, 3]) servesWith(context, check, most & offered, `every feature, session ${time}`);
  },
});

export const inOrder = defineCase({
  id: 'virtio/features/in-order-use',
  title: 'with IN_ORDER chains are used in the order in which they were made available',
  proves: { 'reserved/in-order-use': 'chains-used-in-reverse' },
  applies: { start: 'negotiated', negotiate: ['VIRTIO_F_IN_ORDER'], ring: 'split' },
  variants: { chains: [3, 8] },
  run({ port, driver, ring, variant, requirement }) {
    const size = 32;
    const queue = driver.attach(ring({ size }));
    const check = requirement('reserved/in-order-use');
    for (let slot = 0; slot < size; slot++) queue.ring.setUsedElement(slot, unwritten, unwritten);
    const requests = Array.from({ length: variant.chains }, (_, seed) => driver.request({ seed }));
    const heads = queue.makeAvailable(requests.map(({ segments }) => segments));
    queue.kick();
    port.until(() => queue.ring.usedIdx() === heads.length, port.deadlineMs);
    check.equal(queue.ring.usedIdx(), heads.length, 'used idx');
    // One element may stand for all up to its own: those that were written must lie where their chain is in turn.
    const ids = heads.map((_, slot) => queue.ring.usedId(slot));
    const wanted = heads.map((head, slot) => (ids[slot] === unwritten ? unwritten : head));
    check.sameSequence(ids, wanted, 'ids of the used elements that were written');
    check.equal(ids.at(-1), heads.at(-1), 'id of the last used element');
  },
});
