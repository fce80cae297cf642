import type { CatalogueSnapshot, SnapshotRequirement } from './record/catalogue-snapshot.ts';

/** A case that cites a rule, and the faults of the reference that prove it. */
export interface CoveringCase {
  readonly id: string;
  readonly faults: readonly string[];
}

/** The catalogue with what tests it. */
export interface CoveredCatalogue {
  readonly catalogue: CatalogueSnapshot;
  readonly areas: readonly { readonly area: string; readonly rules: readonly SnapshotRequirement[] }[];
  /** How many faults there are, each once. */
  readonly faults: number;
  readonly casesOf: (rule: string) => readonly CoveringCase[];
}

export function coveredCatalogue(
  catalogue: CatalogueSnapshot,
  casesByRule: ReadonlyMap<string, readonly CoveringCase[]>,
): CoveredCatalogue {
  const areas = new Map<string, SnapshotRequirement[]>();
  for (const rule of catalogue.requirements) areas.set(rule.area, [...(areas.get(rule.area) ?? []), rule]);
  const faults = new Set([...casesByRule.values()].flatMap((cases) => cases.flatMap((one) => one.faults)));
  return {
    catalogue,
    areas: [...areas].map(([area, rules]) => ({ area, rules })),
    faults: faults.size,
    casesOf: (rule) => casesByRule.get(rule) ?? [],
  };
}
