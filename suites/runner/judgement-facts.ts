import type { IutExit } from '../../drivers/port/port.ts';
import type { Attributed } from '../../judging/attribution.ts';
import { exitText } from '../../judging/failure.ts';
import { tooSlowToTell } from '../../judging/silence.ts';
import type { Finding } from '../../reports/record/record.ts';
import { presupposedWrongly } from '../check.ts';
import type { JudgedFinding, Judgement } from './judge.ts';

/** What a judgement says of the process, and of whether the case is to be run again. */

/** A crash that comes by chance says how often it came. */
export function withRate(
  judgement: Judgement,
  rate: { readonly crashed: number; readonly of: number } | undefined,
): Judgement {
  if (rate === undefined) return judgement;
  const why = `the process ended in ${rate.crashed} of ${rate.of} runs`;
  const outcomes = judgement.outcomes.map((one) => (one.outcome === 'fail' ? { ...one, why } : one));
  return { ...judgement, outcomes };
}

/** The process died in the run but not in the case alone: said of the run, with the cases before it. */
export function notRepeated({
  exit,
  again,
  before,
}: Extract<Attributed<Judgement>, { kind: 'not-repeated' }>): Judgement {
  const how = exitText(exit);
  const why = `the process ended by ${how} here, but not with this case alone on a fresh process; before it ran: ${before.join(', ')}`;
  return inPlaceOfPasses(again, why);
}

/** How the process ended in the case, or at a point of its sweep. */
export function crashOf({ died, findings }: Judgement): IutExit | undefined {
  if (died !== undefined) return died;
  const exit = findings.find(({ how }) => how === 'crash')?.exit;
  return exit === undefined ? undefined : exitOf(exit);
}

function exitOf({ signal, code }: NonNullable<Finding['exit']>): IutExit {
  return { ...(signal === undefined ? {} : { signal }), ...(code === undefined ? {} : { code }) };
}

/**
 * Whether the process may serve worse than before. A stall does not say so: a control completed behind it. Nor does a
 * crash that a sweep found: it started another process, and liveness after the case was asked of that one.
 */
export function mayHaveHarmed({ verdict, findings, died, isUnserved, restarted, wasReported }: Judgement): boolean {
  if (wasReported === true) return true;
  if (died !== undefined || verdict === 'error' || isUnserved === true) return true;
  return findings.some(
    ({ how }) => how === 'hang' || how === 'leak' || how === 'desync' || (how === 'crash' && restarted === undefined),
  );
}

/**
 * A control failed behind the case, or nothing answered before it: the next connection would show the same. What a
 * sanitizer has said once it says again in a fresh process alone.
 */
export function isKnownNotToServe({ findings, isUnserved, wasReported }: Judgement): boolean {
  return isUnserved === true || wasReported === true || findings.some(({ how }) => how === 'hang');
}

const isStall = ({ how }: JudgedFinding): boolean => how === 'stalled' || how === 'hang';

/** What stalled or hung in a judgement: requirement and what was owed, whatever number stands in it. */
export function stallsOf({ findings }: Judgement): string[] {
  return findings.filter(isStall).map(({ requirement, what }) => `${requirement} ${what.replace(/\d+/g, '#')}`);
}

export function hangs({ findings }: Judgement): boolean {
  return findings.some(({ how }) => how === 'hang');
}

/** What failed in it in other ways: requirements, and how each failed. */
export function failuresBesideStalls({ findings }: Judgement): string[] {
  const others = findings.filter((finding) => !isStall(finding)).map(({ requirement, how }) => `${requirement} ${how}`);
  return [...new Set(others)].sort();
}

/** It seemed to hang, and does not on a fresh process: said of the run. */
export function hangNotRepeated(again: Judgement): Judgement {
  return inPlaceOfPasses(again, 'nothing was served behind it here, but with this case alone on a fresh process');
}

/** Passes of a run alone say nothing against what was seen with others before it. */
function inPlaceOfPasses(again: Judgement, why: string): Judgement {
  const outcomes = again.outcomes.map((one) =>
    one.outcome === 'pass' ? { ...one, outcome: 'inconclusive' as const, why } : one,
  );
  return { ...again, verdict: again.verdict === 'pass' ? 'inconclusive' : again.verdict, outcomes };
}

/** What the case presupposes was not so, or this machine was too slow to tell: another run may decide. */
export function isUndecided({ died, verdict, outcomes }: Judgement): boolean {
  const isChance = ({ why = '' }: { readonly why?: string | undefined }): boolean =>
    why.startsWith(presupposedWrongly) || why.startsWith(tooSlowToTell);
  return died === undefined && verdict === 'inconclusive' && outcomes.some(isChance);
}

export function isSilent({ findings, isUnserved }: Judgement): boolean {
  return isUnserved === true || findings.some(isStall);
}
