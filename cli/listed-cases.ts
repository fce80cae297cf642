import { allFeatures, allRequirements, requirementsOfFeature } from '../reference-impl/catalogue/catalogue.ts';
import { allCases } from '../suites/all-cases.ts';
import { axesOf, citedRequirements } from '../suites/axes.ts';
import { featuresOf } from '../suites/runner/plan.ts';
import { requirementFacts } from './catalogue-facts.ts';
import { counted } from './counted.ts';
import type { ListedRow } from './listed-row.ts';

export function listedCases(): ListedRow[] {
  return allCases.map((definition) => {
    const { id, title, proves, applies, variants, unwatched } = definition;
    return {
      data: {
        ...{ id, title, proves, applies: withoutFunctions(applies), variants, axes: axesOf(definition) },
        ...(unwatched === undefined ? {} : { unwatched }),
      },
      text: `${id}  ${title}`,
    };
  });
}

export function listedRequirements(): ListedRow[] {
  const citing = casesByRequirement();
  return allRequirements().map((requirement) => {
    const { slug, untested, unwitnessed, text, level } = requirement;
    const cases = citing.get(slug) ?? [];
    return {
      data: {
        id: slug,
        origin: requirement.origin,
        area: requirement.area,
        clause: requirement.clause,
        binds: requirement.binds,
        level,
        basis: requirement.basis,
        since: requirement.since,
        until: requirement.until,
        observable: requirement.observable,
        features: requirement.features,
        cases,
        untested,
        unwitnessed,
        text,
      },
      text: `${slug}  ${level ?? requirement.basis}  ${cases.length === 0 ? (untested?.reason ?? 'no case') : counted(cases.length, 'case')}`,
    };
  });
}

export function listedFeatures(): ListedRow[] {
  const wanting = casesByFeature();
  return allFeatures().map(({ name, bit, device }) => {
    const requirements = requirementsOfFeature(name).map(({ slug }) => slug);
    const cases = wanting.get(name) ?? [];
    return {
      data: { name, bit, device, requirements, cases },
      text: `${name}  bit ${bit}  ${device}  ${counted(requirements.length, 'requirement')}  ${counted(cases.length, 'case')}`,
    };
  });
}

function casesByRequirement(): Map<string, string[]> {
  const citing = new Map<string, string[]>();
  for (const definition of allCases) {
    for (const slug of citedRequirements(definition)) citing.set(slug, [...(citing.get(slug) ?? []), definition.id]);
  }
  return citing;
}

function casesByFeature(): Map<string, string[]> {
  const wanting = new Map<string, string[]>();
  for (const definition of allCases) {
    for (const name of featuresOf(definition, requirementFacts)) {
      wanting.set(name, [...(wanting.get(name) ?? []), definition.id]);
    }
  }
  return wanting;
}

/** What a case needs of a target, as data: a claim that is a function is listed by what it finds missing. */
function withoutFunctions({ when, ...rest }: (typeof allCases)[number]['applies']): object {
  return when === undefined ? rest : { ...rest, when: when.map(({ missing }) => missing) };
}
