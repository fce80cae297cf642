import { visibleText } from '../reports/visible-text.ts';

/** A file of a stranger may be quoted in a message. */
const longest = 2000;

/** A message without its line breaks and what a terminal would act on: every failure is reported in one line. */
export function oneLine(text: string): string {
  const line = text
    .trim()
    .replace(/^error: /, '')
    .replaceAll(/\s*\n\s*/g, ' ');
  return visibleText(line.length > longest ? `${line.slice(0, longest)} …` : line);
}
