import type { CaseRecord, Finding, Outcome, RequirementOutcome } from './record/record.ts';

/** How a report counts a result: what was expected by an expectations file is no news. */
export type Standing = 'ok' | 'failed' | 'broken' | 'skipped' | 'known';

export function standingOf({ verdict, expected }: Pick<CaseRecord, 'verdict' | 'expected'>): Standing {
  switch (verdict) {
    case 'pass':
      return 'ok';
    case 'fail':
      return expected === undefined ? 'failed' : 'known';
    case 'error':
      return 'broken';
    case 'inconclusive':
    case 'not-run':
    case 'not-applicable':
      return 'skipped';
  }
}

/** Why a result is neither pass nor fail: each reason once, in the order of the requirements. */
export function reasonsOf({ verdict, outcomes, error }: CaseRecord): string[] {
  const reasons = outcomes.filter(({ outcome }) => outcome === verdict).flatMap(({ why }) => why ?? []);
  return [...new Set(error === undefined ? reasons : [error, ...reasons])];
}

/** `virtio/x wrong: used idx after 3 chains: expected 1, actual 65535`, in one paragraph. */
export function findingSentence({ requirement, how, what, expected, actual, exit }: Finding): string {
  const end = exit?.signal ?? (exit?.code === undefined ? undefined : `exit code ${exit.code}`);
  const ended = end === undefined ? '' : ` (${end})`;
  return `${requirement}: ${how}${ended}: ${what}: expected ${expected}, actual ${actual}`;
}

const outcomeWords: Record<Outcome, string> = {
  pass: 'pass',
  fail: 'fail',
  error: 'error',
  inconclusive: 'inconclusive',
  'not-run': 'not run',
  'not-applicable': 'not applicable',
};

export function outcomeWord(outcome: RequirementOutcome['outcome']): string {
  return outcomeWords[outcome];
}
