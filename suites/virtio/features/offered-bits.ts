import { type FeatureName, featureByName } from '../../../reference-impl/catalogue/catalogue.ts';

/** The mask of a feature in the word of GET_FEATURES, or its like. */
export const bitOf = (name: FeatureName): bigint => 1n << BigInt(featureByName(name).bit);
