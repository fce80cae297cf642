import {
  type Feature,
  type FeatureName,
  type FeatureOwner,
  type FeatureWordName,
  featureBelongsTo,
  featureByName,
  featuresAtBit,
  wordOfKind,
} from './features.ts';

/**
 * Feature bits, a word for each space of numbers. Bit n of a word is 1 << n; the device word may have more than 64 bits.
 * A bit has a meaning together with the type of device and the transport that show it.
 */
export type FeatureSet = Readonly<Record<FeatureWordName, bigint>>;

export const noFeatures: FeatureSet = { device: 0n, protocol: 0n, backend: 0n };

/** @param words those that are left out are 0. */
export const featureSet = (words: Partial<FeatureSet>): FeatureSet => ({ ...noFeatures, ...words });

const bitOf = ({ bit }: Feature): bigint => 1n << BigInt(bit);

/** A feature's bit in its own word. The number stands in feature-bits.json and nowhere else. */
export const featureMask = (name: FeatureName): bigint => bitOf(featureByName(name));

/** Features by name with their numbers. */
export function featureNumbers<const Name extends FeatureName>(names: readonly Name[]): Readonly<Record<Name, number>> {
  return Object.fromEntries(names.map((name) => [name, featureByName(name).bit])) as Record<Name, number>;
}

/** Whether the set has a feature; false for one that a device of that type and transport has no bit for. */
export function hasFeature(set: FeatureSet, name: FeatureName, owner: FeatureOwner): boolean {
  const feature = featureByName(name);
  return featureBelongsTo(feature, owner) && (set[wordOfKind[feature.kind]] & bitOf(feature)) !== 0n;
}

/** The bits of these features; those that a device of that type and transport has no bit for are left out. */
export function featureSetOf(names: Iterable<FeatureName>, owner: FeatureOwner): FeatureSet {
  const words = { ...noFeatures };
  for (const name of names) {
    const feature = featureByName(name);
    if (featureBelongsTo(feature, owner)) words[wordOfKind[feature.kind]] |= bitOf(feature);
  }
  return words;
}

export function commonFeatures(a: FeatureSet, b: FeatureSet): FeatureSet {
  return { device: a.device & b.device, protocol: a.protocol & b.protocol, backend: a.backend & b.backend };
}

/** Those of `a` that are not in `b`. */
export function featuresWithout(a: FeatureSet, b: FeatureSet): FeatureSet {
  return { device: a.device & ~b.device, protocol: a.protocol & ~b.protocol, backend: a.backend & ~b.backend };
}

/** The bits of a word that are set, lowest first. */
export function bitsIn(word: bigint): number[] {
  const bits: number[] = [];
  for (let bit = 0, rest = word; rest !== 0n; bit++, rest >>= 1n) if ((rest & 1n) === 1n) bits.push(bit);
  return bits;
}

const unnamed: Readonly<Record<FeatureWordName, string>> = {
  device: 'bit',
  protocol: 'protocol bit',
  backend: 'back-end bit',
};

/** Names of the bits of a set, the device's first; a bit without a meaning there as `bit N`. */
export function namesIn(set: FeatureSet, owner: FeatureOwner): string[] {
  return (['device', 'protocol', 'backend'] as const).flatMap((word) =>
    bitsIn(set[word]).map((bit) => featuresAtBit(bit, owner, word)[0]?.name ?? `${unnamed[word]} ${bit}`),
  );
}
