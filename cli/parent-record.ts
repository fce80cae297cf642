import type { CaseRecord, Finding, RequirementOutcome } from '../reports/record/record.ts';
import type { PlannedResult } from '../reports/record/run-plan.ts';
import { reportedRequirements } from '../suites/axes.ts';
import { accordanceOf, type ExpectationRules } from '../suites/runner/expectations.ts';
import { findingAuthority } from '../suites/runner/finding-authority.ts';
import type { PlannedCase } from '../suites/runner/plan.ts';
import { requirementFacts } from './catalogue-facts.ts';
import type { KernelDeath } from './host-conversation.ts';

/** The fields of every record that the parent writes in place of a host. */
export interface RecordFacts {
  readonly planned: PlannedCase;
  readonly result: PlannedResult;
  readonly seed: number;
  readonly rerun: string;
  readonly rules: ExpectationRules;
}

/** The case that ran when its host died still gets a result: an error of ours. */
export function errorRecord(facts: RecordFacts, why: string): CaseRecord {
  return { ...record(facts, 'error', outcomes(facts, { outcome: 'error' }), []), error: why };
}

export function notRunRecord(facts: RecordFacts, why: string): CaseRecord {
  return record(facts, 'not-run', outcomes(facts, { outcome: 'not-run', why }), []);
}

/** The case that ended its kernel when it ran alone: a finding of its first requirement. */
export function kernelDeathRecord(facts: RecordFacts, { how, signature, log }: KernelDeath): CaseRecord {
  const [requirement = '', ...others] = reportedRequirements(facts.planned.definition, facts.planned.axes);
  const finding: Finding = {
    requirement,
    ...findingAuthority(requirementFacts(requirement), { how, isBesideText: false }, facts.rules.texts),
    how,
    what: 'the kernel while the case ran, alone on a fresh boot',
    expected: 'it goes on running',
    actual: signature,
    kernelLog: log,
  };
  const why = 'the case ended before it, at another failure';
  return record(
    facts,
    'fail',
    [
      { requirement, outcome: 'fail', checks: 1 },
      ...others.map((other) => ({ requirement: other, outcome: 'not-run' as const, checks: 0, why })),
    ],
    [finding],
  );
}

/** The kernel died in the run but not under the case alone: reported for the run, with the cases before it. */
export function notRepeatedRecord(
  alone: CaseRecord,
  { signature }: KernelDeath,
  before: readonly string[],
): CaseRecord {
  const how = `the kernel died here (${signature}), but not with this case alone on a fresh boot`;
  return inconclusive(alone, `${how}; before it ran: ${before.join(', ')}`);
}

/** The kernel died when the case was over and no other had begun: it may be a late effect of any before. */
export function diedBehindRecord(last: CaseRecord, { signature }: KernelDeath, before: readonly string[]): CaseRecord {
  const others = before.length === 0 ? '' : `; before it ran: ${before.join(', ')}`;
  return inconclusive(last, `the kernel died behind this case (${signature}), before another began${others}`);
}

function inconclusive(record: CaseRecord, why: string): CaseRecord {
  const marked = record.outcomes.map((one) =>
    one.outcome === 'pass' ? { ...one, outcome: 'inconclusive' as const, why } : one,
  );
  return { ...record, verdict: record.verdict === 'pass' ? 'inconclusive' : record.verdict, outcomes: marked };
}

function outcomes({ planned }: RecordFacts, each: Pick<RequirementOutcome, 'outcome' | 'why'>): RequirementOutcome[] {
  return reportedRequirements(planned.definition, planned.axes).map((requirement) => ({
    requirement,
    checks: 0,
    ...each,
  }));
}

function record(
  { planned: { definition, variant, axes, key }, result, seed, rerun, rules }: RecordFacts,
  verdict: CaseRecord['verdict'],
  ofRequirements: RequirementOutcome[],
  findings: Finding[],
): CaseRecord {
  const made: CaseRecord = {
    event: 'case',
    key,
    target: result.target,
    repetition: result.repetition,
    caseId: definition.id,
    title: definition.title,
    variant,
    ...(Object.keys(axes).length === 0 ? {} : { axes }),
    verdict,
    outcomes: ofRequirements,
    findings,
    durationMs: 0,
    seed,
    rerun,
  };
  const accordance = accordanceOf(made, rules);
  if (accordance.kind !== 'as-expected' || accordance.expectation === undefined) return made;
  const { reason, link } = accordance.expectation;
  return { ...made, expected: link === undefined ? { reason } : { reason, link } };
}
