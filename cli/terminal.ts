import { visibleText } from '../reports/visible-text.ts';

/**
 * What is written to the terminal goes through here: text of an IUT, of records or of paths must not move the cursor,
 * change colours or be read in another order.
 */

/** Lines for standard output. */
export function print(text: string): void {
  process.stdout.write(`${visibleText(text)}\n`);
}

/** Lines for standard error. */
export function complain(text: string): void {
  process.stderr.write(`${visibleText(text)}\n`);
}
