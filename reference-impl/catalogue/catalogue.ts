/** The catalogue: what the specifications require and which features exist. Each entry is checked when it is first read. */
import { CatalogueError } from '../errors.ts';
import { type RequirementSlug, requirementsByArea } from './areas.ts';
import { canonicalJson, sha256 } from './content-hash.ts';
import { featureFunctionOf } from './feature-functions.ts';
import { allFeatures, type FeatureName } from './features.ts';
import { isRequirementSlug, type Requirement, requirementFrom } from './requirement.ts';

export type { RequirementSlug } from './areas.ts';
export { allClauses, type ClausePlace } from './clauses.ts';
export { featureDeviceOf } from './device-type.ts';
export { type FeatureFunction, featureFunctionOf } from './feature-functions.ts';
export {
  bitsIn,
  commonFeatures,
  type FeatureSet,
  featureMask,
  featureSet,
  featureSetOf,
  featuresWithout,
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
  countingVersions,
  holdsIn,
  newestVersions,
  type TextSpan,
  type TextStanding,
  type TextVersion,
  textStandingOf,
} from './text-standing.ts';
export { type Transport, transports } from './transport.ts';

/** By slug, in the order of areas and texts: the area of each requirement, and the entry as written. */
const written: ReadonlyMap<string, { readonly area: string; readonly entry: unknown }> = new Map(
  [...requirementsByArea].flatMap(([area, entries]) =>
    Object.entries(entries).map(([slug, entry]) => [slug, { area, entry }] as const),
  ),
);
/** Those that were read. */
const requirements = new Map<string, Requirement>();
let byFeature: ReadonlyMap<FeatureName, readonly Requirement[]> | undefined;

/** @throws CatalogueError for a slug that no requirement has, and for one that is written wrongly */
export function requirementOf(slug: RequirementSlug): Requirement {
  const known = requirements.get(slug);
  if (known !== undefined) return known;
  const found = written.get(slug);
  if (found === undefined) throw new CatalogueError(`no requirement is called ${slug}`);
  const requirement = requirementFrom(found.area, slug, found.entry);
  requirements.set(slug, requirement);
  return requirement;
}

/** All requirements: areas in alphabetical order, within an area in the order of the text. */
export function allRequirements(): readonly Requirement[] {
  return [...written.keys()].filter(isRequirementSlug).map(requirementOf);
}

/** The requirements that hang on a feature; none for a feature without any. */
export function requirementsOfFeature(name: FeatureName): readonly Requirement[] {
  byFeature ??= requirementsByFeature();
  return byFeature.get(name) ?? [];
}

function requirementsByFeature(): ReadonlyMap<FeatureName, readonly Requirement[]> {
  const found = new Map<FeatureName, Requirement[]>(allFeatures().map(({ name }) => [name, []]));
  for (const requirement of allRequirements()) {
    for (const name of requirement.features) found.get(name)?.push(requirement);
  }
  return found;
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
