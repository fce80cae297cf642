import type { Standing } from './lawfulness.ts';

/** How a call stands to the text, in words; the empty text where all is known and lawful. */
export function standingText({ isLawful, taints, why, tainted }: Standing): string {
  const words: string[] = [];
  if (!isLawful) words.push(`unlawful, taints ${taints}: ${why}`);
  else if (taints !== undefined) words.push(`taints ${taints}: ${why}`);
  if (tainted !== undefined) words.push(`tainted before: ${tainted}`);
  return words.join('; ');
}
