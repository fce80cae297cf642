import { type CaseRecord, caseKey, type Finding } from '../../reports/record/record.ts';
import { entrySightings } from './entry-sightings.ts';
import {
  accordanceOf,
  type Expectation,
  type ExpectationRules,
  isAbout,
  isInForce,
  isOfFinding,
} from './expectations.ts';

/** What an expectations file would say so that a run is as expected, beside what it says. */
export interface UpdatedExpectations {
  readonly entries: readonly Expectation[];
  readonly added: readonly Expectation[];
  /** Deviations that did not come, or whose last day is over. */
  readonly dropped: readonly Expectation[];
  /** Entries over several cases, of which a part alone deviates still: somebody is to name them. */
  readonly partly: readonly Expectation[];
}

/** What a person is to replace by the cause. */
export const unreadReason = 'not read yet';

/**
 * Entries about failures that were not listed, and without those that nothing deviates for any more. One about a case of
 * which some variants deviate no more becomes one for each of the others. What was not judged stays listed. Only
 * failures are added: what is inconclusive, was not run or is an error of ours is no property of the target.
 * @param until last day of what is added.
 */
export function updatedExpectations(
  results: readonly CaseRecord[],
  rules: ExpectationRules,
  until: string,
): UpdatedExpectations {
  const kept: Expectation[] = [];
  const added: Expectation[] = [];
  const dropped: Expectation[] = [];
  const partly: Expectation[] = [];
  for (const entry of rules.expectations) {
    const left = isInForce(entry, rules) ? leftOf(entry, results, rules) : isRun(entry, results) ? [] : 'all';
    if (left === 'part') partly.push(entry);
    if (typeof left === 'string') kept.push(entry);
    else {
      dropped.push(entry);
      added.push(...left);
    }
  }
  const narrowed = { ...rules, expectations: [...kept, ...added] };
  for (const result of results) {
    if (result.verdict !== 'fail' || accordanceOf(result, narrowed).kind === 'as-expected') continue;
    for (const finding of result.findings) {
      if (finding.apart !== undefined) continue;
      const isListed = [...kept, ...added].some((entry) => isAbout(entry, result) && isOfFinding(entry, finding));
      if (!isListed) added.push(entryOf(result, finding, results, dropped, until));
    }
  }
  return { entries: [...kept, ...added], added, dropped, partly };
}

const isRun = (entry: Expectation, results: readonly CaseRecord[]): boolean =>
  results.some((result) => isAbout(entry, result));

/** What is left of an entry: all of it, a part that it does not name, or what takes its place. */
function leftOf(
  entry: Expectation,
  results: readonly CaseRecord[],
  rules: ExpectationRules,
): 'all' | 'part' | Expectation[] {
  const sightings = entrySightings(results, { ...rules, expectations: [entry] });
  const left = sightings.filter(({ kind }) => kind !== 'stale');
  if (left.length === sightings.length) return 'all';
  if (left.length === 0) return [];
  const keys = left.flatMap(({ key }) => {
    const result = results.find((one) => one.target === entry.target && one.key === key);
    return result?.caseId === entry.case ? [caseKey(result.caseId, result.variant)] : [];
  });
  return keys.length < left.length ? 'part' : keys.map((key) => ({ ...entry, case: key }));
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
  const earlier = dropped.find((entry) => isAbout(entry, result) && isOfFinding(entry, finding));
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
