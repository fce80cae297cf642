import type { PlannedCase } from '../suites/runner/plan.ts';
import { shellLine } from './shell-words.ts';

/**
 * The one command line that runs a case again on a target. It names both axes: a key without them is one of several.
 * @param runWords after `vhost-conformance`: `run` and the target.
 */
export function rerunLine(
  runWords: readonly string[],
  { key, axes: { layout = 'split', negotiation = 'minimal' } }: Pick<PlannedCase, 'key' | 'axes'>,
  seed: number,
  point?: string,
): string {
  const words = ['npx', 'vhost-conformance', ...runWords, '--case', key];
  words.push('--layout', layout, '--negotiation', negotiation);
  if (point !== undefined) words.push('--point', point);
  words.push('--seed', String(seed));
  return shellLine(words);
}
