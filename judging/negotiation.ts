import type { TargetFacts } from '../drivers/port/port.ts';
import {
  commonFeatures,
  type FeatureName,
  type FeatureSet,
  featureSetOf,
  isFeatureName,
} from '../reference-impl/catalogue/catalogue.ts';

/** Bits to acknowledge beside those that every session acknowledges, and bits to leave out although it would. */
export interface Wants {
  readonly negotiate?: readonly FeatureName[];
  readonly without?: readonly FeatureName[];
}

const protocolFeaturesBit = 'VHOST_USER_F_PROTOCOL_FEATURES';

/**
 * The bits of the offer that a session acknowledges: VERSION_1, those that the target cannot do without, and those that
 * are wanted; on vhost-user, protocol features are on as soon as the bit for them is.
 */
export function negotiationFor(wants: Wants, facts: TargetFacts, offer: FeatureSet): FeatureSet {
  return commonFeatures(negotiationBeforeOffer(wants, facts), offer);
}

/** As `negotiationFor` before the offer is known: a session leaves out what is not offered. */
export function negotiationBeforeOffer({ negotiate = [], without = [] }: Wants, facts: TargetFacts): FeatureSet {
  const wanted = new Set<FeatureName>(['VIRTIO_F_VERSION_1', protocolFeaturesBit]);
  for (const name of facts.requiredFeatures) if (isFeatureName(name)) wanted.add(name);
  for (const name of negotiate) wanted.add(name);
  for (const name of without) wanted.delete(name);
  return featureSetOf(wanted, facts);
}
