import { type FeatureName, featureByName } from '../../../reference-impl/catalogue/catalogue.ts';

/** The mask of a feature in the word of GET_FEATURES, or its like. */
export const bitOf = (name: FeatureName): bigint => 1n << BigInt(featureByName(name).bit);

/** The bits of a word that are set, lowest first. */
export function bitsIn(word: bigint): number[] {
  return Array.from({ length: 64 }, (_, bit) => bit).filter((bit) => ((word >> BigInt(bit)) & 1n) === 1n);
}

/** What the catalogue calls the type of a device, by what a target calls it. */
export const catalogueDevice = { block: 'blk', net: 'net' } as const;
