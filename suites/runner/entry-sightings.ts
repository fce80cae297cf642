import { type CaseRecord, caseKey, type RequirementOutcome } from '../../reports/record/record.ts';
import { requirementOn } from '../axes.ts';
import { type Expectation, type ExpectationRules, isAbout, isInForce, isSeenIn } from './expectations.ts';

/**
 * What a run showed of an entry in one case and variant: `seen`; `stale` where all that was judged came out in another
 * way; `unjudged` where something that may have shown it was not judged.
 */
export interface EntrySighting {
  readonly entry: Expectation;
  readonly kind: 'seen' | 'stale' | 'unjudged';
  /** Key of a result, and what came out there. */
  readonly key: string;
  readonly cameOut: string;
}

/**
 * What a run showed of each entry in force. An entry that names no axis is seen where it is seen at any place on the
 * axes; one over several cases or variants is looked for in each that reports on its requirement. What does not apply
 * shows nothing of an entry, and neither does what was not part of the run.
 */
export function entrySightings(results: readonly CaseRecord[], rules: ExpectationRules): EntrySighting[] {
  const groups = caseGroups(results);
  return rules.expectations.flatMap((entry) => {
    if (!isInForce(entry, rules)) return [];
    const applying = groups.map((group) => group.filter((result) => applies(entry, result)));
    const declaring = applying.map((group) => group.filter((result) => hasOutcomeOf(entry, result)));
    const sightings = declaring.flatMap((group) => sightingIn(entry, group));
    // A requirement that no case declares is one that the oracle sees: it has an outcome where it is broken alone.
    return sightings.length > 0 ? withoutLeftOut(entry, sightings, results) : sightingIn(entry, applying.flat());
  });
}

/** What ends a kernel is tried in one result of a case: the others of that case are left out, not looked for in vain. */
function withoutLeftOut(
  entry: Expectation,
  sightings: readonly EntrySighting[],
  results: readonly CaseRecord[],
): readonly EntrySighting[] {
  if (entry.ends !== 'kernel') return sightings;
  const own = new Map(results.filter(({ target }) => target === entry.target).map((result) => [result.key, result]));
  const caseOf = ({ key }: EntrySighting): string | undefined => own.get(key)?.caseId;
  const tried = new Set(sightings.filter(({ kind }) => kind === 'seen').map(caseOf));
  const isLeftOut = (one: EntrySighting): boolean =>
    one.kind === 'unjudged' && own.get(one.key)?.verdict === 'not-run' && tried.has(caseOf(one));
  return sightings.filter((one) => !isLeftOut(one));
}

/** By target, case and variant, whatever the axes and the repetition. */
function caseGroups(results: readonly CaseRecord[]): CaseRecord[][] {
  const groups = new Map<string, CaseRecord[]>();
  for (const record of results) {
    const id = JSON.stringify([record.target, caseKey(record.caseId, record.variant)]);
    const group = groups.get(id);
    if (group === undefined) groups.set(id, [record]);
    else group.push(record);
  }
  return [...groups.values()];
}

/** @param own results that may show the entry. */
function sightingIn(entry: Expectation, own: readonly CaseRecord[]): EntrySighting[] {
  const seen = own.find((result) => isSeenIn(entry, result));
  const unjudged = own.find((result) => !isJudged(entry, result));
  const result = seen ?? unjudged ?? own[0];
  if (result === undefined) return [];
  const kind = seen !== undefined ? 'seen' : unjudged !== undefined ? 'unjudged' : 'stale';
  return [{ entry, kind, key: result.key, cameOut: cameOut(entry, result) }];
}

/** Whether an entry names a result that applies, on rings of a layout that its requirement is about. */
function applies(entry: Expectation, result: CaseRecord): boolean {
  if (!isAbout(entry, result)) return false;
  const { requirement } = entry;
  const layout = result.axes?.layout;
  if (requirement !== undefined && layout !== undefined && requirementOn(layout, requirement) !== requirement)
    return false;
  return entry.verdict === 'not-applicable' || result.verdict !== 'not-applicable';
}

function hasOutcomeOf(entry: Expectation, result: CaseRecord): boolean {
  return entry.requirement === undefined || outcomeOf(entry, result) !== undefined;
}

/** Whether the requirement of an entry, which the result did not show as expected, came out at all. */
function isJudged(entry: Expectation, result: CaseRecord): boolean {
  const outcome = outcomeOf(entry, result)?.outcome ?? result.verdict;
  return outcome === 'pass' || outcome === 'fail' || outcome === 'not-applicable';
}

function outcomeOf({ requirement }: Expectation, { outcomes }: CaseRecord): RequirementOutcome | undefined {
  return outcomes.find((one) => one.requirement === requirement);
}

function cameOut(entry: Expectation, result: CaseRecord): string {
  const { outcome, why }: Pick<RequirementOutcome, 'outcome' | 'why'> = outcomeOf(entry, result) ?? {
    outcome: result.verdict,
  };
  if (outcome === 'fail') {
    const own = result.findings.filter(
      (one) => entry.requirement === undefined || one.requirement === entry.requirement,
    );
    return own.length === 0
      ? 'another requirement fails'
      : `fails as ${[...new Set(own.map(({ how }) => how))].join(', ')}`;
  }
  return why === undefined ? outcome : `${outcome}: ${why}`;
}
