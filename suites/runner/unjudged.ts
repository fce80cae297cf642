import { reportedRequirements } from '../axes.ts';
import type { AbsentAxis, elsewhereOf } from './applicability.ts';
import type { Judgement } from './judge.ts';
import type { PlannedCase } from './plan.ts';

/** A judgement of what was not run: every requirement has the same outcome. */
export function notJudged(
  { definition, axes }: PlannedCase,
  outcome: 'not-applicable' | 'not-run' | 'inconclusive',
  why: string,
): Judgement {
  const requirements = reportedRequirements(definition, axes);
  const outcomes = requirements.map((requirement) => ({ requirement, outcome, checks: 0, why }));
  return { verdict: outcome, outcomes, findings: [], durationMs: 0 };
}

/** What it needs is missing. */
export function notApplicable(
  planned: PlannedCase,
  missing: readonly string[],
  elsewhere: ReturnType<typeof elsewhereOf>,
): Judgement {
  const why = `${elsewhere === undefined ? 'missing:' : 'is about'} ${missing.join(', ')}`;
  const judgement = notJudged(planned, 'not-applicable', why);
  if (elsewhere === undefined) return judgement;
  return { ...judgement, outcomes: judgement.outcomes.map((outcome) => ({ ...outcome, elsewhere })) };
}

/** It has no such place on an axis here. */
export function notOnAxis(planned: PlannedCase, { axis, why }: AbsentAxis): Judgement {
  const judgement = notJudged(planned, 'not-applicable', `missing: ${why}`);
  return { ...judgement, outcomes: judgement.outcomes.map((outcome) => ({ ...outcome, absentAxis: axis })) };
}
