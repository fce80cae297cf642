import type { CaseVerdict } from './case-verdicts.ts';
import type { Outcome } from './record/record.ts';
import { reasonsOf } from './result-explanation.ts';

/** Results that say nothing about a target, and why: the same reason on one target once. */
export interface UnjudgedGroup {
  readonly verdict: Outcome;
  readonly target: string;
  readonly reason: string;
  /** Keys of the results, in the order of the plan. */
  readonly keys: readonly string[];
}

const unjudgedVerdicts: readonly Outcome[] = ['error', 'inconclusive', 'not-run', 'not-applicable'];

/**
 * What needs an explanation most first: errors of ours, then what stayed open, then what did not apply; last what is
 * about another transport or device.
 */
export function unjudgedGroups(cases: readonly CaseVerdict[]): UnjudgedGroup[] {
  const groups = new Map<string, UnjudgedGroup & { readonly keys: string[] }>();
  const byUrgency = [...cases].sort((a, b) => Number(a.elsewhere !== undefined) - Number(b.elsewhere !== undefined));
  for (const { verdict, target, key, results } of byUrgency) {
    if (!unjudgedVerdicts.includes(verdict)) continue;
    const [result] = results.filter(({ record }) => record.verdict === verdict);
    const reason = (result === undefined ? [] : reasonsOf(result.record)).join('; ') || 'no reason given';
    const id = JSON.stringify([verdict, target, reason]);
    const group = groups.get(id);
    if (group === undefined) groups.set(id, { verdict, target, reason, keys: [key] });
    else group.keys.push(key);
  }
  return unjudgedVerdicts.flatMap((verdict) => [...groups.values()].filter((group) => group.verdict === verdict));
}
