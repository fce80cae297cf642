import picomatch from 'picomatch';
import type { TargetFacts } from '../../drivers/port/port.ts';
import { type Axes, namedAxes } from '../../reports/record/axes.ts';
import { caseKey, type VariantValues } from '../../reports/record/record.ts';
import type { PlannedResult } from '../../reports/record/run-plan.ts';
import { axesOf, layoutOf } from '../axes.ts';
import { type AnyCase, variantsOf } from '../case.ts';
import { applicabilityBeforeOffer } from './applicability.ts';
import type { LevelFilter } from './level-filter.ts';

/** One result that can be had of any target: a case with one of its variants at one place on its axes. */
export interface PlannedCase {
  readonly key: string;
  readonly definition: AnyCase;
  readonly variant: VariantValues;
  readonly axes: Axes;
}

const mustLevels: ReadonlySet<string> = new Set(['MUST', 'MUST NOT']);
const shouldLevels: ReadonlySet<string> = new Set(['SHOULD', 'SHOULD NOT']);

/** What the catalogue says of a requirement, as far as a selection asks. */
export interface RequirementFacts {
  /** Null where no text says it. */
  readonly level: string | null;
  readonly basis: string;
  /** The oldest version of a text that holds it, and the last that does. */
  readonly since: string;
  readonly until: string | null;
  readonly features: readonly string[];
}

/** Which cases run. An empty list selects everything. */
export interface Selection {
  /** Ids, keys, folders of ids, or globs over ids. */
  readonly cases: readonly string[];
  /** Names of feature bits that a case negotiates, wants offered, or proves something about. */
  readonly features: readonly string[];
  readonly level: LevelFilter;
  /** Values of the axes; every value where undefined. */
  readonly layout?: NonNullable<Axes['layout']> | undefined;
  readonly negotiation?: NonNullable<Axes['negotiation']> | undefined;
}

/** Every case that the selection names, with all its variants, in the order of the keys. */
export function selectCases(
  all: readonly AnyCase[],
  selection: Selection,
  requirementFacts: (slug: string) => RequirementFacts,
): PlannedCase[] {
  const patterns = selection.cases.map(casePattern);
  const planned: PlannedCase[] = [];
  for (const definition of all) {
    if (!isOfLevel(definition, selection.level, requirementFacts)) continue;
    if (!isAboutFeature(definition, selection.features, requirementFacts)) continue;
    const places = axesOf(definition).filter((axes) => isOnAxes(definition, axes, selection));
    for (const variant of variantsOf(definition)) {
      for (const axes of places) {
        const names = { caseId: definition.id, variant, key: caseKey(definition.id, variant, axes) };
        if (patterns.length > 0 && !patterns.some((matches) => matches(names))) continue;
        planned.push({ key: names.key, definition, variant, axes });
      }
    }
  }
  return planned.sort((a, b) => byCodeUnits(a.key, b.key));
}

/** A case without an axis stands at its first value. */
function isOnAxes(definition: AnyCase, axes: Axes, { layout, negotiation }: Selection): boolean {
  if (layout !== undefined && layout !== layoutOf(definition, axes)) return false;
  return negotiation === undefined || negotiation === (axes.negotiation ?? 'minimal');
}

/** Of several patterns, those that name no case at all. */
export function patternsWithoutCase(all: readonly AnyCase[], patterns: readonly string[]): string[] {
  return patterns.filter((pattern) => {
    const matches = casePattern(pattern);
    return !all.some((definition) =>
      variantsOf(definition).some((variant) =>
        axesOf(definition).some((axes) =>
          matches({ caseId: definition.id, variant, key: caseKey(definition.id, variant, axes) }),
        ),
      ),
    );
  });
}

/** What a pattern may name of a result. */
export interface ResultNames {
  readonly caseId: string;
  readonly variant: VariantValues;
  readonly key: string;
}

/**
 * Says whether a pattern names a result: by its key, by its key without the axes (which names it at every place on
 * them), by the id of its case, a folder above it, or a glob over ids.
 */
export function casePattern(pattern: string): (result: ResultNames) => boolean {
  // A key holds brackets, which would be a class of characters in a glob: it is compared as it is.
  const glob = picomatch(pattern);
  const folder = pattern.endsWith('/') ? pattern : `${pattern}/`;
  return ({ caseId, variant, key }) =>
    key === pattern ||
    caseId === pattern ||
    caseKey(caseId, variant) === pattern ||
    caseId.startsWith(folder) ||
    glob(caseId);
}

/**
 * All results in the order in which they run: target by target, repetition by repetition, key by key. A case about
 * something that the target is not or cannot do is planned once, not at every place on its axes.
 */
export function plannedResults(
  cases: readonly PlannedCase[],
  targets: readonly PlannedTarget[],
  repetitions: number,
): PlannedResult[] {
  const results: PlannedResult[] = [];
  for (const target of targets) {
    for (let repetition = 0; repetition < repetitions; repetition++) {
      for (const { key, definition, axes } of cases) {
        if (Object.keys(namedAxes(axes)).length > 0 && !mayApply(definition, target)) continue;
        results.push({ target: target.name, key, repetition });
      }
    }
  }
  return results;
}

/** What is known of a target before it runs. */
export type PlannedTarget = Omit<TargetFacts, 'version' | 'binaryHash'>;

function mayApply(definition: AnyCase, target: PlannedTarget): boolean {
  const facts = { ...target, version: '' };
  return applicabilityBeforeOffer(definition, facts, facts).length === 0;
}

export interface Shard {
  /** From 1. */
  readonly index: number;
  readonly of: number;
}

/** The part of a plan that one shard runs. All shards together run every result once. */
export function shardOf(results: readonly PlannedResult[], shard: Shard): PlannedResult[] {
  return results.filter((_, place) => place % shard.of === shard.index - 1);
}

function isOfLevel(definition: AnyCase, level: LevelFilter, facts: (slug: string) => RequirementFacts): boolean {
  if (level === 'all') return true;
  return Object.keys(definition.proves).some((slug) => {
    const requirement = facts(slug);
    if (requirement.level === null) return false;
    return mustLevels.has(requirement.level) || (level === 'should' && shouldLevels.has(requirement.level));
  });
}

function isAboutFeature(
  definition: AnyCase,
  features: readonly string[],
  facts: (slug: string) => RequirementFacts,
): boolean {
  if (features.length === 0) return true;
  return features.some((name) => featuresOf(definition, facts).has(name));
}

/** Names of the feature bits that a case negotiates, wants offered, or proves something about. */
export function featuresOf(definition: AnyCase, facts: (slug: string) => RequirementFacts): Set<string> {
  const names = new Set<string>([...(definition.applies.negotiate ?? []), ...(definition.applies.offers ?? [])]);
  for (const slug of Object.keys(definition.proves)) for (const name of facts(slug).features) names.add(name);
  return names;
}

/** Not by locale: the order must be the same on every machine. */
function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
