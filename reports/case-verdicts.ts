import type { CaseResult, MergedRun } from './merge-runs.ts';
import { type CaseRecord, type Outcome, type RequirementOutcome, worstOutcome } from './record/record.ts';

export type Elsewhere = NonNullable<RequirementOutcome['elsewhere'] | RequirementOutcome['absentAxis']>;

/** One case in one variant on one target, over all its repetitions. */
export interface CaseVerdict {
  readonly key: string;
  readonly target: string;
  readonly verdict: Outcome;
  /** The case is about another transport or device than the target's, or about an axis of which the target has one value. */
  readonly elsewhere: Elsewhere | undefined;
  /** By repetition. Never empty. */
  readonly results: readonly CaseResult[];
  /** Whether repetitions disagree. */
  readonly isUnstable: boolean;
}

type Judged = Pick<CaseVerdict, 'target' | 'key'>;

/** The same for all repetitions of a result. */
const judgedId = ({ target, key }: Judged): string => JSON.stringify([target, key]);

/** How many results these are, where repetitions of one count once. */
export const countOnce = (results: readonly Judged[]): number => new Set(results.map(judgedId)).size;

/** In the order of the plan. */
export function caseVerdicts(run: MergedRun): CaseVerdict[] {
  const groups = new Map<string, CaseResult[]>();
  for (const result of run.results) {
    const id = judgedId(result.record);
    const group = groups.get(id);
    if (group === undefined) groups.set(id, [result]);
    else group.push(result);
  }
  return [...groups.values()].flatMap((results) => {
    const [first] = results;
    if (first === undefined) return [];
    const { key, target } = first.record;
    const verdict = worstOutcome(results.map(({ record }) => record.verdict));
    const isUnstable = new Set(results.map(({ record }) => verdictSignature(record))).size > 1;
    return [{ key, target, verdict, elsewhere: elsewhereOf(results), results, isUnstable }];
  });
}

/** Of a case that is wholly about something else, what it is about. */
function elsewhereOf(results: readonly CaseResult[]): Elsewhere | undefined {
  const outcomes = results.flatMap(({ record }) => record.outcomes);
  const [first] = outcomes;
  const isElsewhere = outcomes.every(({ elsewhere, absentAxis }) => (elsewhere ?? absentAxis) !== undefined);
  return isElsewhere ? (first?.elsewhere ?? first?.absentAxis) : undefined;
}

/** What must not change from one repetition to the next: outcomes, how, and the requirements of findings. */
export function verdictSignature({ verdict, outcomes, findings }: CaseRecord): string {
  return JSON.stringify([
    verdict,
    outcomes.map(({ requirement, outcome }) => [requirement, outcome]),
    findings.map(({ requirement, how }) => [requirement, how]),
  ]);
}
