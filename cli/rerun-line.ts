import { shellLine } from './shell-words.ts';

/**
 * The one command line that runs a case again on a target.
 * @param runWords after `vhost-conformance`: `run` and the target.
 */
export function rerunLine(runWords: readonly string[], key: string, seed: number, point?: string): string {
  const words = ['npx', 'vhost-conformance', ...runWords, '--case', key];
  if (point !== undefined) words.push('--point', point);
  words.push('--seed', String(seed));
  return shellLine(words);
}
