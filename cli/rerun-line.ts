import { layoutOf } from '../suites/axes.ts';
import type { PlannedCase } from '../suites/runner/plan.ts';
import { shellLine } from './shell-words.ts';

/**
 * The one command line that runs a case again on a target. It names both axes: a key without them is one of several.
 * @param runWords after `vhost-conformance`: `run` and the target.
 */
export function rerunLine(
  runWords: readonly string[],
  { key, definition, axes }: Pick<PlannedCase, 'key' | 'definition' | 'axes'>,
  seed: number,
  point?: string,
): string {
  const words = ['npx', 'vhost-conformance', ...runWords, '--case', key];
  words.push('--layout', layoutOf(definition, axes), '--negotiation', axes.negotiation ?? 'minimal');
  if (point !== undefined) words.push('--point', point);
  words.push('--seed', String(seed));
  return shellLine(words);
}
