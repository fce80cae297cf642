import { deviceTypeOf } from '../drivers/devices/device-types.ts';
import { featuresOfPart, isDevicePart, neededOf, type TargetFacts, transportFeatures } from '../drivers/port/port.ts';
import {
  commonFeatures,
  type FeatureName,
  type FeatureSet,
  featureByName,
  featureSet,
  featureSetOf,
  hasFeature,
  missingPrerequisites,
} from '../reference-impl/catalogue/catalogue.ts';

/** Bits to acknowledge beside those that every session acknowledges, and bits to leave out although it would. */
export interface Wants {
  readonly negotiate?: readonly FeatureName[];
  readonly without?: readonly FeatureName[];
  /** Of these, parts of the device are negotiated where the transport asks for it. */
  readonly needs?: readonly string[];
}

const protocolFeaturesBit = 'VHOST_USER_F_PROTOCOL_FEATURES';

/**
 * The bits of the offer that a session acknowledges: VERSION_1, those that the target cannot do without or the transport
 * wants, and those that are wanted; on vhost-user, protocol features are on as soon as the bit for them is.
 */
export function negotiationFor(wants: Wants, facts: TargetFacts, offer: FeatureSet): FeatureSet {
  return commonFeatures(negotiationBeforeOffer(wants, facts), offer);
}

/** As `negotiationFor` before the offer is known: a session leaves out what is not offered. */
export function negotiationBeforeOffer(
  { negotiate = [], without = [], needs = [] }: Wants,
  facts: TargetFacts,
): FeatureSet {
  const wanted = new Set<FeatureName>([
    'VIRTIO_F_VERSION_1',
    protocolFeaturesBit,
    ...facts.requiredFeatures,
    ...transportFeatures[facts.transport].wanted,
    ...negotiate,
    ...neededOf(needs, facts)
      .filter(isDevicePart)
      .flatMap((part) => featuresOfPart[part][facts.transport] ?? []),
  ]);
  for (const name of without) wanted.delete(name);
  return featureSetOf(wanted, facts);
}

/**
 * What a driver in use negotiates: all of the offer that our driver implements. Left out are those of `without`, with
 * those that need one of them; the log of dirty pages, which belongs to a migration; VIRTIO_F_ACCESS_PLATFORM unless the
 * target cannot do without; and VIRTIO_F_RING_PACKED, unless it is wanted.
 */
export function offeredNegotiation(wants: Wants, facts: TargetFacts, offer: FeatureSet): FeatureSet {
  const minimal = negotiationFor(wants, facts, offer);
  const names = new Set<FeatureName>(
    [...deviceTypeOf(facts.workload.kind).implemented, ...transportFeatures[facts.transport].implemented].filter(
      (name) => hasFeature(offer, name, facts),
    ),
  );
  for (const name of wants.without ?? []) names.delete(name);
  const isMet = (name: FeatureName): boolean => missingPrerequisites(featureByName(name), names).length === 0;
  for (let size = -1; size !== names.size; ) {
    size = names.size;
    for (const name of names) if (!isMet(name)) names.delete(name);
  }
  const more = featureSetOf(names, facts);
  return featureSet({ device: minimal.device | more.device, protocol: minimal.protocol | more.protocol });
}
