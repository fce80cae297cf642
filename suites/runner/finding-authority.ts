import { allSources, textStandingOf } from '../../reference-impl/catalogue/catalogue.ts';
import type { FailureKind } from '../../reference-impl/observations/failure-kind.ts';
import { type Finding, neverExcused } from '../../reports/record/record.ts';
import type { RequirementFacts } from './plan.ts';

/** What a finding says of the text behind it, given the versions of texts that the run chose. */
export function findingAuthority(
  { level, basis, since, until }: RequirementFacts,
  how: FailureKind,
  texts: readonly string[],
): Pick<Finding, 'level' | 'basis' | 'since' | 'until' | 'apart'> {
  // A crash is harm whatever was expected.
  const said = { level, basis: basis === 'choice' && neverExcused.has(how) ? 'robustness' : basis, since, until };
  const standing = textStandingOf(said, allSources(), texts);
  return standing === 'in-force' || neverExcused.has(how) ? said : { ...said, apart: standing };
}
