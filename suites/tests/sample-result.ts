import type { CaseRecord, Finding, Outcome, RequirementOutcome } from '../../reports/record/record.ts';

export const someTarget = 'some-target';

/** A result of `virtio/split-ring/wraps[size=16]`, which is about one requirement. */
export function resultOf(verdict: Outcome, parts: Partial<CaseRecord> = {}): CaseRecord {
  return {
    event: 'case',
    key: 'virtio/split-ring/wraps[size=16]',
    target: someTarget,
    repetition: 0,
    caseId: 'virtio/split-ring/wraps',
    title: 'wraps',
    variant: { size: 16 },
    verdict,
    outcomes: [outcomeOf('split/used-idx-wraps', verdict)],
    findings: [],
    durationMs: 1,
    seed: 1,
    rerun: '',
    ...parts,
  };
}

export const outcomeOf = (requirement: string, outcome: Outcome, why?: string): RequirementOutcome => ({
  requirement,
  outcome,
  checks: 1,
  ...(why === undefined ? {} : { why }),
});

export const findingOf = (requirement: string, parts: Partial<Finding> = {}): Finding => ({
  requirement,
  level: 'MUST',
  basis: 'keyword',
  how: 'wrong',
  what: 'used idx',
  expected: '1',
  actual: '65537',
  ...parts,
});
