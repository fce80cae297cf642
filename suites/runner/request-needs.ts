import {
  type RequestNeed,
  type RingNeed,
  requestNeeds,
  ringNeeds,
  unmetNeeds,
  unmetRingNeeds,
} from '../../drivers/devices/request-needs.ts';
import type { TargetFacts } from '../../drivers/port/port.ts';
import { caseKey } from '../../reports/record/record.ts';
import type { AnyCase, VariantAxes, VariantOf } from '../case.ts';
import written from './request-needs.json' with { type: 'json' };

/** What a case asks of the requests and rings of a target, seen on references that do not give it. */
export interface CaseNeeds {
  readonly requests?: readonly RequestNeed[];
  readonly rings?: readonly RingNeed[];
  /** Entries of its largest ring, where they are many. */
  readonly ring?: number;
  /** Entries of a ring that has not a power of two of them. */
  readonly oddRing?: number;
}

/** By id, or by key without axes where the variants of a case differ. Written by `npm run request-needs`. */
export const needsOf = written as Readonly<Record<string, CaseNeeds>>;

/** Rings of no more entries are not listed. */
export const plainRing = 256;

export const ringsOf = (size: number): string => `rings of ${size} entries`;

export const isPowerOfTwo = (size: number): boolean => (size & (size - 1)) === 0;

export const oddRingsOf = (size: number): string => `rings of ${size} entries, which is no power of two`;

/** Why a target takes no ring of so many entries, as what is missing; undefined where it does. */
export function ringMissing(
  size: number,
  { largestRing = Number.POSITIVE_INFINITY, ringSizes }: Pick<TargetFacts, 'largestRing' | 'ringSizes'>,
): string | undefined {
  if (size > largestRing) return ringsOf(size);
  return ringSizes === 'powers-of-two' && !isPowerOfTwo(size) ? oddRingsOf(size) : undefined;
}

/** What a target does not give to a case, in words; empty where it gives all. Pure: from data alone. */
export function requestsMissing(
  { id }: Pick<AnyCase, 'id'>,
  variant: VariantOf<VariantAxes>,
  { workload, ringsStop, ...facts }: Pick<TargetFacts, 'workload' | 'largestRing' | 'ringSizes' | 'ringsStop'>,
): string[] {
  const { requests = [], rings = [], ring = 1, oddRing = 1 } = needsOf[caseKey(id, variant)] ?? needsOf[id] ?? {};
  const unmet = unmetNeeds(workload);
  const missing = requests.filter((need) => unmet.includes(need)).map((need): string => requestNeeds[need]);
  const ungiven = rings.filter((need) => unmetRingNeeds(ringsStop).includes(need));
  missing.push(...ungiven.map((need): string => ringNeeds[need]));
  return [...missing, ...[ring, oddRing].flatMap((size) => ringMissing(size, facts) ?? [])];
}
