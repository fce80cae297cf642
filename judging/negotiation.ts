import type { Negotiation, TargetFacts } from '../drivers/port/port.ts';
import type { FeatureName } from '../reference-impl/catalogue/catalogue.ts';
import { featureByName } from '../reference-impl/catalogue/catalogue.ts';

/** What an IUT offers: the words of GET_FEATURES and GET_PROTOCOL_FEATURES. */
export interface Offer {
  readonly features: bigint;
  readonly protocolFeatures: bigint;
}

/** Bits to acknowledge beside those that every session acknowledges, and bits to leave out although it would. */
export interface Wants {
  readonly negotiate?: readonly FeatureName[];
  readonly without?: readonly FeatureName[];
}

const protocolFeaturesBit = 'VHOST_USER_F_PROTOCOL_FEATURES';

/** Whether the offer has a bit; a device's bit belongs to that device only. */
export function isOffered(name: FeatureName, offer: Offer): boolean {
  const feature = featureByName(name);
  const word = feature.kind === 'vhost-user-protocol' ? offer.protocolFeatures : offer.features;
  return feature.bit < 64 && ((word >> BigInt(feature.bit)) & 1n) === 1n;
}

/**
 * The bits of the offer that a session acknowledges: VERSION_1, those that the target cannot do without, and those that
 * are wanted; protocol features are on as soon as the bit for them is.
 */
export function negotiationFor(wants: Wants, facts: TargetFacts, offer: Offer): Negotiation {
  let features = 0n;
  let protocolFeatures = 0n;
  for (const name of wantedNames(wants, facts)) {
    if (!isOffered(name, offer)) continue;
    const feature = featureByName(name);
    if (feature.kind === 'vhost-user-protocol') protocolFeatures |= 1n << BigInt(feature.bit);
    else features |= 1n << BigInt(feature.bit);
  }
  return { features, protocolFeatures };
}

const everyBit: Offer = { features: 2n ** 64n - 1n, protocolFeatures: 2n ** 64n - 1n };

/** As `negotiationFor` before the offer is known: a session leaves out what is not offered. */
export function negotiationBeforeOffer(wants: Wants, facts: TargetFacts): Negotiation {
  return negotiationFor(wants, facts, everyBit);
}

function wantedNames({ negotiate = [], without = [] }: Wants, facts: TargetFacts): FeatureName[] {
  const wanted = new Set<string>(['VIRTIO_F_VERSION_1', protocolFeaturesBit, ...facts.requiredFeatures, ...negotiate]);
  for (const name of without) wanted.delete(name);
  return [...wanted] as FeatureName[];
}
