import { type RequestNeed, requestNeeds, unmetNeeds } from '../../drivers/devices/request-needs.ts';
import type { TargetFacts } from '../../drivers/port/port.ts';
import { caseKey } from '../../reports/record/record.ts';
import type { AnyCase, VariantAxes, VariantOf } from '../case.ts';
import written from './request-needs.json' with { type: 'json' };

/** What a case asks of the requests and rings of a target, seen on references that do not give it. */
export interface CaseNeeds {
  readonly requests?: readonly RequestNeed[];
  /** Entries of its largest ring, where they are many. */
  readonly ring?: number;
}

/** By id, or by key without axes where the variants of a case differ. Written by `npm run request-needs`. */
export const needsOf = written as Readonly<Record<string, CaseNeeds>>;

/** Rings of no more entries are not listed. */
export const plainRing = 256;

export const ringsOf = (size: number): string => `rings of ${size} entries`;

/** What a target does not give to a case, in words; empty where it gives all. Pure: from data alone. */
export function requestsMissing(
  { id }: Pick<AnyCase, 'id'>,
  variant: VariantOf<VariantAxes>,
  { workload, largestRing = Number.POSITIVE_INFINITY }: Pick<TargetFacts, 'workload' | 'largestRing'>,
): string[] {
  const { requests = [], ring = 0 } = needsOf[caseKey(id, variant)] ?? needsOf[id] ?? {};
  const unmet = unmetNeeds(workload);
  const missing = requests.filter((need) => unmet.includes(need)).map((need): string => requestNeeds[need]);
  return ring > largestRing ? [...missing, ringsOf(ring)] : missing;
}
