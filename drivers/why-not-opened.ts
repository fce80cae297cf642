import { misfit, type Via } from './reach.ts';
import { problemOfRecovery } from './recovery-steps.ts';
import type { Target } from './target.ts';

/** What a target can be described with, and this version cannot open. */
const undriven: Partial<Record<Via, string>> = {
  'vfio-user': 'vfio-user sockets',
};

/** Why `openerOf` refuses this target, in words; undefined where it does not. */
export function whyNotOpened(target: Target): string | undefined {
  const { facts, reach } = target;
  const unfit = misfit(facts.transport, reach);
  if (unfit !== undefined) return unfit;
  const what = undriven[reach.via];
  if (what !== undefined) return `this version has no driver for ${what}`;
  const unclimbable = problemOfRecovery(target);
  return unclimbable === undefined ? undefined : `recovery: ${unclimbable}`;
}
