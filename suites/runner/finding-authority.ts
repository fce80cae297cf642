import { allSources, textStandingOf } from '../../reference-impl/catalogue/catalogue.ts';
import type { FailureKind } from '../../reference-impl/observations/failure-kind.ts';
import { type Finding, neverExcused } from '../../reports/record/record.ts';
import type { RequirementFacts } from './plan.ts';

/** How a requirement failed, and whether the case did something there that the requirement is not about. */
export interface Seen {
  readonly how: FailureKind;
  readonly isBesideText: boolean;
  /** A sanitizer of the IUT said it. */
  readonly isReported?: boolean;
}

/** What a finding says of the text behind it, given the versions of texts that the run chose. */
export function findingAuthority(
  { level, basis, since, until }: RequirementFacts,
  { how, isBesideText, isReported = false }: Seen,
  texts: readonly string[],
): Pick<Finding, 'level' | 'basis' | 'since' | 'until' | 'apart'> {
  const isHarm = neverExcused.has(how) || isReported;
  // A crash is harm whatever was expected.
  const isRobustness = isHarm && (isBesideText || basis === 'choice');
  const said = isRobustness ? { level: null, basis: 'robustness', since, until } : { level, basis, since, until };
  const standing = textStandingOf(said, allSources(), texts);
  return standing === 'in-force' || isHarm ? said : { ...said, apart: standing };
}
