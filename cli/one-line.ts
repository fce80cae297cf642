import { visibleText } from '../reports/visible-text.ts';

/** A message without its line breaks and what a terminal would act on: every failure is reported in one line. */
export function oneLine(text: string): string {
  return visibleText(
    text
      .trim()
      .replace(/^error: /, '')
      .replaceAll(/\s*\n\s*/g, ' '),
  );
}
