/** The catalogue: what the specifications require and which features exist. Checked once, when first imported. */
import { CatalogueError } from '../errors.ts';
import { type RequirementSlug, requirementsByArea } from './areas.ts';
import { canonicalJson, sha256 } from './content-hash.ts';
import { featureFunctionOf } from './feature-functions.ts';
import { allFeatures, type FeatureName } from './features.ts';
import { type Requirement, requirementFrom } from './requirement.ts';

export type { RequirementSlug } from './areas.ts';
export { featureDeviceOf } from './device-type.ts';
export { type FeatureFunction, featureFunctionOf } from './feature-functions.ts';
export {
  bitsIn,
  commonFeatures,
  type FeatureSet,
  featureSet,
  featureSetOf,
  hasFeature,
  namesIn,
  noFeatures,
} from './feature-set.ts';
export {
  allFeatures,
  type Feature,
  type FeatureKind,
  type FeatureName,
  type FeatureOwner,
  featureByName,
  featuresAtBit,
  isFeatureName,
  missingPrerequisites,
} from './features.ts';
export {
  type Basis,
  type Binding,
  type Counterpart,
  isBeyondText,
  isRequirementSlug,
  type Level,
  type Observability,
  type Requirement,
  type Untested,
  type UntestedReason,
  untestedText,
} from './requirement.ts';
export { currentSlug, retiredSlugs } from './retired-slugs.ts';
export { allSources, type Source, type SourceName, sourceTitle } from './sources.ts';
export {
  conflictingVersions,
  newestVersions,
  type TextSpan,
  type TextStanding,
  type TextVersion,
  textStandingOf,
} from './text-standing.ts';
export { type Transport, transports } from './transport.ts';

const requirements: ReadonlyMap<string, Requirement> = new Map(
  [...requirementsByArea].flatMap(([area, written]) =>
    Object.entries(written).map(([slug, entry]): [string, Requirement] => [slug, requirementFrom(area, slug, entry)]),
  ),
);

const byFeature: ReadonlyMap<FeatureName, readonly Requirement[]> = new Map(
  allFeatures().map(({ name }) => [
    name,
    [...requirements.values()].filter((requirement) => requirement.features.includes(name)),
  ]),
);

/** @throws CatalogueError for a slug that no requirement has */
export function requirementOf(slug: RequirementSlug): Requirement {
  const requirement = requirements.get(slug);
  if (requirement === undefined) throw new CatalogueError(`no requirement is called ${slug}`);
  return requirement;
}

/** All requirements: areas in alphabetical order, within an area in the order of the text. */
export function allRequirements(): readonly Requirement[] {
  return [...requirements.values()];
}

/** The requirements that hang on a feature; none for a feature without any. */
export function requirementsOfFeature(name: FeatureName): readonly Requirement[] {
  return byFeature.get(name) ?? [];
}

/** Names of all areas, in alphabetical order. */
export function allAreas(): readonly string[] {
  return [...requirementsByArea.keys()];
}

let hash: string | undefined;

/** SHA-256 over requirements and features as canonical JSON: equal exactly when the contents are. */
export function catalogueHash(): string {
  hash ??= sha256(
    canonicalJson({
      requirements: allRequirements(),
      features: allFeatures().map((feature) => ({ ...feature, function: featureFunctionOf(feature.name) ?? null })),
    }),
  );
  return hash;
}
