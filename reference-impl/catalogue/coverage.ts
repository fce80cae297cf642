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

export interface WitnessProblem {
  readonly requirement: Requirement;
  /**
   * `unmarked`: cases cite it, no implementation but ours passed them, and it does not say so. `passed`: it says so, and
   * one did. `uncited`: it says so, and there is no case to pass.
   */
  readonly problem: 'unmarked' | 'passed' | 'uncited';
}

/** Requirements whose `unwitnessed` disagrees with what independent implementations passed. */
export function witnessProblems(
  cited: ReadonlySet<string>,
  passed: ReadonlySet<string>,
  requirements: readonly Requirement[] = allRequirements(),
): readonly WitnessProblem[] {
  return requirements.flatMap((requirement): WitnessProblem[] => {
    const isCited = cited.has(requirement.slug);
    const isPassed = passed.has(requirement.slug);
    if (requirement.unwitnessed && !isCited) return [{ requirement, problem: 'uncited' }];
    if (requirement.unwitnessed && isPassed) return [{ requirement, problem: 'passed' }];
    return isCited && !isPassed && !requirement.unwitnessed ? [{ requirement, problem: 'unmarked' }] : [];
  });
}

/** Distinct ids of the numbered lists that the cited requirements account for. */
export function citedOrigins(
  cited: ReadonlySet<string>,
  requirements: readonly Requirement[] = allRequirements(),
): ReadonlySet<string> {
  return new Set(requirements.filter(({ slug }) => cited.has(slug)).flatMap(({ origin }) => origin));
}
