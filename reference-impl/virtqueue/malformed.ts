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

/** Whether a chain is none yet: an address of it has no translation so far. */
export const isMiss = (reason: MalformedReason): boolean => reason.endsWith('-iotlb-miss');
