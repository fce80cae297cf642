import type { Outcomes } from '../executor/outcomes.ts';
import { printBytes } from '../program/bytes-text.ts';

const shownElements = 8;
const shownBytes = 64;

/** What came of a call, in words: its class, used elements, calls, value, bytes. */
export function outcomeText(outcomes: Outcomes, place: number): string {
  const words: string[] = [outcomes.classOf(place)];
  const used = outcomes.usedOf(place);
  if (used.length > 0) {
    const shown = used.slice(0, shownElements).map(({ id, len }) => `${id}:${len}`);
    words.push(
      `used ${shown.join(' ')}${used.length > shownElements ? ` and ${used.length - shownElements} more` : ''}`,
    );
  }
  const calls = outcomes.callsOf(place);
  if (calls !== undefined) words.push(`calls ${calls}`);
  const value = outcomes.valueOf(place);
  if (value !== undefined) words.push(`value ${value}`);
  const bytes = outcomes.bytesOf(place);
  if (bytes !== undefined && bytes.length > 0) {
    const shown = printBytes(bytes.subarray(0, shownBytes));
    words.push(`bytes ${shown}${bytes.length > shownBytes ? ` and ${bytes.length - shownBytes} more` : ''}`);
  }
  return words.join(', ');
}
