import { type CaseRecord, caseKey, type Finding } from '../../reports/record/record.ts';
import { accordanceOf, type Expectation, type ExpectationRules } from './expectations.ts';
import { casePattern } from './plan.ts';

/** What an expectations file would say so that a run is as expected, beside what it says. */
export interface UpdatedExpectations {
  readonly entries: readonly Expectation[];
  readonly added: readonly Expectation[];
  /** Deviations that did not come, or whose last day is over. */
  readonly dropped: readonly Expectation[];
}

/** What a person is to replace by the cause. */
export const unreadReason = 'not read yet';

/**
 * Entries about failures that were not listed, and without those that nothing deviates for any more. Only failures are
 * listed: what is inconclusive, was not run or is an error of ours is no property of the target.
 * @param until last day of what is added.
 */
export function updatedExpectations(
  results: readonly CaseRecord[],
  rules: ExpectationRules,
  until: string,
): UpdatedExpectations {
  const isAbout = (entry: Expectation, { target, ...names }: CaseRecord): boolean =>
    entry.target === target && casePattern(entry.case)(names);
  const isStale = (entry: Expectation): boolean => {
    const about = results.filter((result) => isAbout(entry, result));
    const isOver = entry.expires !== undefined && entry.expires < rules.today;
    return about.length > 0 && (isOver || !about.some((result) => deviates(entry, result)));
  };
  const dropped = rules.expectations.filter(isStale);
  const kept = rules.expectations.filter((entry) => !dropped.includes(entry));
  const left = { ...rules, expectations: kept };
  const added: Expectation[] = [];
  for (const result of results) {
    if (result.verdict !== 'fail' || accordanceOf(result, left).kind === 'as-expected') continue;
    for (const finding of result.findings) {
      if (finding.apart !== undefined) continue;
      const isListed = [...kept, ...added].some((entry) => isAbout(entry, result) && isOf(entry, finding));
      if (!isListed) added.push(entryOf(result, finding, results, dropped, until));
    }
  }
  return { entries: [...kept, ...added], added, dropped };
}

function isOf(entry: Expectation, { requirement, how }: Finding): boolean {
  if (entry.verdict !== 'fail') return false;
  return (
    (entry.requirement === undefined || entry.requirement === requirement) &&
    (entry.how === undefined || entry.how === how)
  );
}

function deviates(entry: Expectation, { verdict, findings }: CaseRecord): boolean {
  if (entry.verdict !== 'fail') return verdict === entry.verdict;
  return findings.some((finding) => isOf(entry, finding));
}

/** An entry for a case where each of its variants fails so at some place on the axes, else for the variant. */
function entryOf(
  result: CaseRecord,
  finding: Finding,
  results: readonly CaseRecord[],
  dropped: readonly Expectation[],
  until: string,
): Expectation {
  const { target, caseId, variant } = result;
  const { requirement, how } = finding;
  const variants = new Map<string, boolean>();
  for (const one of results) {
    if (one.target !== target || one.caseId !== caseId || one.verdict === 'not-applicable') continue;
    const key = caseKey(one.caseId, one.variant);
    const failsSo = one.findings.some((other) => other.requirement === requirement && other.how === how);
    variants.set(key, (variants.get(key) ?? false) || failsSo);
  }
  const isWhole = [...variants.values()].every((failsSo) => failsSo);
  // What a person wrote about it stays.
  const earlier = dropped.find(
    (entry) => entry.target === target && casePattern(entry.case)(result) && isOf(entry, finding),
  );
  return {
    target,
    case: isWhole ? caseId : caseKey(caseId, variant),
    requirement,
    verdict: 'fail',
    how,
    reason: earlier?.reason ?? unreadReason,
    ...(earlier?.link === undefined ? {} : { link: earlier.link }),
    expires: until,
  };
}
