import { type FaultName, faults } from '../reference-impl/faults/faults.ts';

const mostAlsoFailed = 0.1;
const mostAlsoFailedWithReason = 0.25;

/** What a fault did to cases that do not cite its requirement. */
export interface AlsoFailed {
  readonly fault: FaultName;
  /** Cases that fail without citing its requirement. */
  readonly alsoFailed: readonly string[];
  /** How many cases that do not cite its requirement were tried; 0 where only those were that name the fault. */
  readonly others: number;
  /** Whether more of them apply than were tried. */
  readonly isSample: boolean;
}

/**
 * Whether more of the others fail than a fault may break. In a sample the share swings: two standard deviations above
 * it are allowed, and what exceeds that calls for all of them, because of many samples some exceed it by chance.
 */
export function breaksTooMuch({ fault, alsoFailed, others, isSample }: AlsoFailed): boolean {
  const share = faults[fault].breaksMore === undefined ? mostAlsoFailed : mostAlsoFailedWithReason;
  const swing = isSample ? 2 * Math.sqrt(others * share * (1 - share)) : 0;
  return alsoFailed.length > others * share + swing;
}
