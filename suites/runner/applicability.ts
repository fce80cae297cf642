import {
  type DevicePart,
  featuresOfPart,
  isDevicePart,
  neededOf,
  type TargetFacts,
  type Transport,
} from '../../drivers/port/port.ts';
import { negotiationFor, offeredNegotiation } from '../../judging/negotiation.ts';
import { type FeatureSet, hasFeature, transports } from '../../reference-impl/catalogue/catalogue.ts';
import type { Axes, AxisName } from '../../reports/record/axes.ts';
import { layoutOf, wantsOn } from '../axes.ts';
import type { AnyCase } from '../case.ts';

/** The transports on which a case makes sense: those that it names, as far as they have the parts that it needs. */
function transportsOf({ transports: named = transports, needs = [] }: AnyCase['applies']): readonly Transport[] {
  return named.filter((transport) =>
    needs.every((need) => !isDevicePart(need) || featuresOfPart[need][transport] !== undefined),
  );
}

function missingOfPart(part: DevicePart, facts: TargetFacts, offer: FeatureSet): string[] {
  return (featuresOfPart[part][facts.transport] ?? []).flatMap((name) => {
    const owner = facts.ownedBy[name];
    const unoffered = hasFeature(offer, name, facts) ? [] : [`${name} offered`];
    return owner === undefined ? unoffered : [...unoffered, `${name}: served by the ${owner}`];
  });
}

/** Whether a case is about another transport or device than the target's: then nothing else about it matters here. */
export function elsewhereOf({ applies }: AnyCase, facts: TargetFacts): 'transport' | 'device' | undefined {
  if (!transportsOf(applies).includes(facts.transport)) return 'transport';
  return applies.devices !== undefined && !applies.devices.includes(facts.device) ? 'device' : undefined;
}

/** What is known of a target before a case runs on it. */
export interface KnownTarget {
  readonly facts: TargetFacts;
  readonly offer: FeatureSet;
}

/**
 * What is missing for a case to make sense on a target, in words; empty when it applies. Pure: from data alone.
 * @param other the second IUT, where the plan gives one.
 */
export function applicability(
  definition: AnyCase,
  facts: TargetFacts,
  offer: FeatureSet,
  other?: KnownTarget,
): string[] {
  const { applies } = definition;
  switch (elsewhereOf(definition, facts)) {
    case 'transport':
      return [`transport ${transportsOf(applies).join(' or ')}`];
    case 'device':
      return [`device ${(applies.devices ?? []).join(' or ')}`];
    case undefined:
      break;
  }
  const missing = missingHere(definition, facts, offer);
  if (applies.iuts === 2) missing.push(...missingOfSecond(definition, facts, other));
  return [...new Set(missing)];
}

function missingOfSecond(definition: AnyCase, first: TargetFacts, other: KnownTarget | undefined): string[] {
  if (other === undefined) return ['a second IUT (--pair)'];
  const { facts, offer } = other;
  if (facts.transport !== first.transport || facts.device !== first.device) {
    return [`a second IUT that is ${first.device} over ${first.transport}`];
  }
  return missingHere(definition, facts, offer).map((what) => `${what}, on the second IUT`);
}

function missingHere({ applies }: AnyCase, facts: TargetFacts, offer: FeatureSet): string[] {
  const missing: string[] = [];
  const packed = applies.ring === 'packed' ? packedAbsence(facts, offer) : undefined;
  if (packed !== undefined) missing.push(packed);
  for (const name of [...(applies.negotiate ?? []), ...(applies.offers ?? [])]) {
    if (!hasFeature(offer, name, facts)) missing.push(`${name} offered`);
    const owner = facts.ownedBy[name];
    if (owner !== undefined) missing.push(`${name}: served by the ${owner}`);
  }
  for (const name of applies.unoffered ?? []) {
    if (hasFeature(offer, name, facts)) missing.push(`${name} not offered`);
  }
  for (const name of applies.without ?? []) {
    if (facts.requiredFeatures.includes(name)) missing.push(`a target that works without ${name}`);
  }
  for (const need of neededOf(applies.needs ?? [], facts)) {
    if (isDevicePart(need)) missing.push(...missingOfPart(need, facts, offer));
    else if (!facts.capabilities.includes(need)) missing.push(`capability ${need}`);
  }
  for (const claim of applies.when ?? []) if (!claim.holds(facts)) missing.push(claim.missing);
  return missing;
}

const everyBit = 2n ** 128n - 1n;
const everything: FeatureSet = { device: everyBit, protocol: everyBit, backend: everyBit };

/** What is missing whatever the target offers. */
export function applicabilityBeforeOffer(definition: AnyCase, facts: TargetFacts, second?: TargetFacts): string[] {
  // What must not be offered is not known yet either.
  const { unoffered: _, ...applies } = definition.applies;
  return applicability(
    { ...definition, applies },
    facts,
    everything,
    second === undefined ? undefined : { facts: second, offer: everything },
  );
}

/** An axis of which the target offers one value only, and why. */
export interface AbsentAxis {
  readonly axis: AxisName;
  readonly why: string;
}

/**
 * Why a case that applies cannot stand at this place on its axes; undefined where it can. Pure: from data alone.
 * @param other the second IUT of a case that has one: rings go from one to the other.
 */
export function absentAxisOf(
  definition: AnyCase,
  axes: Axes,
  facts: TargetFacts,
  offer: FeatureSet,
  other?: KnownTarget,
): AbsentAxis | undefined {
  const layout = absentLayout(axes, facts, offer) ?? absentOnSecond(axes, other);
  if (layout !== undefined) return { axis: 'layout', why: layout };
  if (axes.negotiation !== 'offered') return undefined;
  const wants = wantsOn(layoutOf(definition, axes), definition);
  const minimal = negotiationFor(wants, facts, offer);
  const offered = offeredNegotiation(wants, facts, offer);
  const isSame = minimal.device === offered.device && minimal.protocol === offered.protocol;
  return isSame ? { axis: 'negotiation', why: 'an offer of more feature bits than the case negotiates' } : undefined;
}

function absentLayout({ layout }: Axes, facts: TargetFacts, offer: FeatureSet): string | undefined {
  if (layout === 'packed') return packedAbsence(facts, offer);
  const isPackedOnly = layout === 'split' && facts.requiredFeatures.includes(ringPacked);
  return isPackedOnly ? `a target that works without ${ringPacked}` : undefined;
}

function absentOnSecond(axes: Axes, other: KnownTarget | undefined): string | undefined {
  const absent = other === undefined ? undefined : absentLayout(axes, other.facts, other.offer);
  return absent === undefined ? undefined : `${absent}, on the second IUT`;
}

const ringPacked = 'VIRTIO_F_RING_PACKED';

function packedAbsence(facts: TargetFacts, offer: FeatureSet): string | undefined {
  const owner = facts.ownedBy[ringPacked];
  if (owner !== undefined) return `${ringPacked}: served by the ${owner}`;
  return hasFeature(offer, ringPacked, facts) ? undefined : `${ringPacked} offered`;
}
