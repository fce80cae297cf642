import { allRequirements } from './catalogue.ts';
import type { Requirement } from './requirement.ts';

export interface CoverageProblem {
  readonly requirement: Requirement;
  /** `unexplained`: no case cites it and it does not say why. `contradicted`: it says why none does, and one does. */
  readonly problem: 'unexplained' | 'contradicted';
}

/** Requirements that break "a case or a reason, never both", given the slugs that cases cite. */
export function coverageProblems(
  cited: ReadonlySet<string>,
  requirements: readonly Requirement[] = allRequirements(),
): readonly CoverageProblem[] {
  return requirements.flatMap((requirement): CoverageProblem[] => {
    const isCited = cited.has(requirement.slug);
    const isExcused = requirement.untested !== undefined;
    if (isCited !== isExcused) return [];
    return [{ requirement, problem: isCited ? 'contradicted' : 'unexplained' }];
  });
}

/** Distinct ids of the numbered lists that the cited requirements account for. */
export function citedOrigins(
  cited: ReadonlySet<string>,
  requirements: readonly Requirement[] = allRequirements(),
): ReadonlySet<string> {
  return new Set(requirements.filter(({ slug }) => cited.has(slug)).flatMap(({ origin }) => origin));
}
