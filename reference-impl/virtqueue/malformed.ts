import type { TranslationFailure } from '../memory/memory-map.ts';

/** The rule that a driver broke in what it made available. */
export type MalformedReason =
  | 'avail-idx-jumped'
  | 'head-out-of-range'
  | 'next-out-of-range'
  | 'chain-longer-than-queue'
  | 'writable-before-readable'
  | 'zero-length-descriptor'
  | 'longer-than-4gib'
  | 'indirect-not-negotiated'
  | 'indirect-nested'
  | 'indirect-with-next'
  | 'indirect-behind-direct'
  | 'chained-descriptor-not-available'
  | 'indirect-table-empty'
  | 'indirect-table-not-multiple-of-16'
  | 'indirect-table-longer-than-queue'
  | `indirect-table-${TranslationFailure}`
  | `buffer-${TranslationFailure}`;

/** What a chain may lack that comes without a word of the driver: a translation of an address, or a page of memory. */
export type Lacking = 'translation' | 'page';

/** What a chain lacks that is none yet; undefined where it is malformed. */
export function lackingOf(reason: MalformedReason): Lacking | undefined {
  if (reason.endsWith('-iotlb-miss')) return 'translation';
  return reason.endsWith('-page-missing') ? 'page' : undefined;
}
