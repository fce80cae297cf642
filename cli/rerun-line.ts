import { shellLine } from './shell-words.ts';

/** The one command line that runs a case again on a target. */
export function rerunLine(targetWords: readonly string[], key: string, seed: number, point?: string): string {
  const words = ['npx', 'vhost-conformance', 'run', ...targetWords, '--case', key];
  if (point !== undefined) words.push('--point', point);
  words.push('--seed', String(seed));
  return shellLine(words);
}
