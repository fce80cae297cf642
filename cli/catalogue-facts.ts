import {
  allClauses,
  allFeatures,
  allRequirements,
  allSources,
  catalogueHash,
  type FeatureName,
  featureFunctionOf,
  isRequirementSlug,
  type Requirement,
  type RequirementSlug,
  requirementOf,
  type Untested,
} from '../reference-impl/catalogue/catalogue.ts';
import { CatalogueError } from '../reference-impl/errors.ts';
import { type CatalogueSnapshot, catalogueSnapshot } from '../reports/record/catalogue-snapshot.ts';
import { recordSchemaVersion } from '../reports/record/record.ts';
import { citedRequirements } from '../suites/axes.ts';
import type { AnyCase } from '../suites/case.ts';
import type { RequirementFacts } from '../suites/runner/plan.ts';

/** @throws CatalogueError for a slug that the catalogue does not know. */
export function requirementFacts(slug: string): RequirementFacts {
  if (!isRequirementSlug(slug)) throw new CatalogueError(`no requirement is called ${slug}`);
  return requirementOf(slug);
}

export function allFeatureNames(): string[] {
  return allFeatures().map(({ name }) => name);
}

/** The catalogue as it is now, in the form in which a run keeps it. */
export function snapshotOfCatalogue(cases: readonly AnyCase[]): CatalogueSnapshot {
  return catalogueSnapshot.parse({
    schema: recordSchemaVersion,
    hash: catalogueHash(),
    sources: allSources(),
    clauses: allClauses(),
    requirements: allRequirements().map(({ slug, untested, unwitnessed, ...requirement }) => ({
      ...requirement,
      ...(deviceOf(requirement) === undefined ? {} : { device: deviceOf(requirement) }),
      id: slug,
      ...(untested === undefined ? {} : { untested: untestedText(untested) }),
      ...(unwitnessed ? { unwitnessed } : {}),
    })),
    features: allFeatures().map(({ name, bit, device, kind, text }) => ({
      name,
      bit,
      device,
      kind,
      text,
      ...functionOf(name),
    })),
    cases: cases.map((definition) => ({
      id: definition.id,
      title: definition.title,
      proves: citedRequirements(definition),
    })),
  });
}

/** The catalogue for a front-end that is observed: each requirement that it is judged by is a case of its own. */
export function snapshotForObserved(observed: readonly RequirementSlug[]): CatalogueSnapshot {
  const slugs = new Set<string>(observed);
  const whole = snapshotOfCatalogue([]);
  const requirements = whole.requirements.map((requirement) => {
    if (!slugs.has(requirement.id)) return requirement;
    const { untested: _, ...judged } = requirement;
    return judged;
  });
  const cases = observed.map((slug) => ({ id: observedCaseId(slug), title: requirementOf(slug).text, proves: [slug] }));
  return { ...whole, requirements, cases };
}

export const observedCaseId = (slug: RequirementSlug): string => `observe/${slug}`;

/** The type of device whose section of the text has the requirement. */
const deviceOf = ({ area }: Pick<Requirement, 'area'>): string | undefined => /^device\/(.+)$/.exec(area)?.[1];

type FunctionFields = 'witnesses' | 'unseen' | 'isUntestable';

function functionOf(name: FeatureName): Pick<CatalogueSnapshot['features'][number], FunctionFields> {
  const known = featureFunctionOf(name);
  switch (known?.kind) {
    case undefined:
      return { witnesses: [], unseen: 'nothing is known of what shows it' };
    case 'none':
      return { witnesses: [], unseen: known.why };
    case 'untestable':
      return { witnesses: [], unseen: known.why, isUntestable: true };
    case 'witnesses':
      return { witnesses: [...known.requirements] };
  }
}

export function untestedText(untested: Untested): string {
  const by = untested.reason === 'implied-by' ? `implied-by ${untested.by}` : untested.reason;
  return untested.detail === undefined ? by : `${by}: ${untested.detail}`;
}
