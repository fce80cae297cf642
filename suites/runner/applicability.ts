import type { Negotiation, TargetFacts } from '../../drivers/port/port.ts';
import type { FeatureName } from '../../reference-impl/catalogue/catalogue.ts';
import { featureByName } from '../../reference-impl/catalogue/catalogue.ts';
import type { AnyCase } from '../case.ts';

/** What an IUT offers: the words of GET_FEATURES and GET_PROTOCOL_FEATURES. */
export interface Offer {
  readonly features: bigint;
  readonly protocolFeatures: bigint;
}

const protocolFeaturesBit = 'VHOST_USER_F_PROTOCOL_FEATURES';

/** Whether the offer has a bit; a device's bit belongs to that device only. */
export function isOffered(name: FeatureName, offer: Offer): boolean {
  const feature = featureByName(name);
  const word = feature.kind === 'vhost-user-protocol' ? offer.protocolFeatures : offer.features;
  return feature.bit < 64 && ((word >> BigInt(feature.bit)) & 1n) === 1n;
}

/** Whether a case is about another transport or device than the target's: then nothing else about it matters here. */
export function elsewhereOf({ applies }: AnyCase, facts: TargetFacts): 'transport' | 'device' | undefined {
  if (applies.transports !== undefined && !applies.transports.includes(facts.transport)) return 'transport';
  return applies.devices !== undefined && !applies.devices.includes(facts.device) ? 'device' : undefined;
}

/** What is missing for a case to make sense on a target, in words; empty when it applies. Pure: from data alone. */
export function applicability(definition: AnyCase, facts: TargetFacts, offer: Offer): string[] {
  const { applies } = definition;
  switch (elsewhereOf(definition, facts)) {
    case 'transport':
      return [`transport ${(applies.transports ?? []).join(' or ')}`];
    case 'device':
      return [`device ${(applies.devices ?? []).join(' or ')}`];
    case undefined:
      break;
  }
  const missing: string[] = [];
  for (const name of [...(applies.negotiate ?? []), ...(applies.offers ?? [])]) {
    if (!isOffered(name, offer)) missing.push(`${name} offered`);
    const owner = facts.ownedBy[name];
    if (owner !== undefined) missing.push(`${name}: served by the ${owner}`);
  }
  for (const name of applies.without ?? []) {
    if (facts.requiredFeatures.includes(name)) missing.push(`a target that works without ${name}`);
  }
  for (const need of applies.needs ?? []) if (!facts.capabilities.includes(need)) missing.push(`capability ${need}`);
  for (const claim of applies.when ?? []) if (!claim.holds(facts)) missing.push(claim.missing);
  return [...new Set(missing)];
}

/**
 * The bits that the runner acknowledges for a case: VERSION_1, what the target cannot do without, and what the case
 * wants; protocol features are on as soon as the bit for them is.
 */
export function negotiationFor(definition: AnyCase, facts: TargetFacts, offer: Offer): Negotiation {
  const without: readonly string[] = definition.applies.without ?? [];
  const wanted = new Set<string>(['VIRTIO_F_VERSION_1', protocolFeaturesBit, ...facts.requiredFeatures]);
  for (const name of definition.applies.negotiate ?? []) wanted.add(name);
  let features = 0n;
  let protocolFeatures = 0n;
  for (const name of wanted) {
    if (without.includes(name)) continue;
    const feature = featureByName(name as FeatureName);
    if (!isOffered(name as FeatureName, offer)) continue;
    if (feature.kind === 'vhost-user-protocol') protocolFeatures |= 1n << BigInt(feature.bit);
    else features |= 1n << BigInt(feature.bit);
  }
  return { features, protocolFeatures };
}
