import { RequestsUnknownError, type TargetFacts, type WorkloadFacts } from '../port/port.ts';

/** What a case asks of requests that not every target can give it, in the words that say what is missing. */
export const requestNeeds = {
  requests: 'requests of a device that we have no driver of',
  'written-buffers': 'requests that the device answers in a buffer',
  'cut-requests': 'requests that may be cut into several descriptors',
  transfers: 'data that goes to the device and comes back',
  'returned-frames': 'frames that come back to the port',
  'answered-frames': 'frames for which one comes in',
} as const;

/** What a case asks of rings that a target may not give. */
export const ringNeeds = {
  positions: 'positions at which rings stop',
  changes: 'rings that are stopped or set up while the device runs',
} as const;

export type RingNeed = keyof typeof ringNeeds;
export const ringNeedNames = Object.keys(ringNeeds) as RingNeed[];

/** What a target does not give whose rings stop so. */
export function unmetRingNeeds(ringsStop: TargetFacts['ringsStop']): readonly RingNeed[] {
  switch (ringsStop) {
    case 'by-reset':
      return ['positions', 'changes'];
    case 'without-position':
      return ['positions'];
    case undefined:
      return [];
  }
}

/** For a case that asks although its target is known not to give it. */
export const unmetByRings = (need: RingNeed): RequestsUnknownError => new RequestsUnknownError(ringNeeds[need]);

export type RequestNeed = keyof typeof requestNeeds;
export const requestNeedNames = Object.keys(requestNeeds) as RequestNeed[];

/** For a case that asks although its target is known not to give it. */
export const unmet = (need: RequestNeed): RequestsUnknownError => new RequestsUnknownError(requestNeeds[need]);

/** What a target with this workload does not give. */
export function unmetNeeds(workload: WorkloadFacts): readonly RequestNeed[] {
  if (workload.kind === 'net') {
    switch (workload['returns']) {
      case 'none':
        return ['returned-frames', 'answered-frames'];
      case 'arp-reply':
        return ['returned-frames'];
    }
    return [];
  }
  if (workload.kind !== 'generic') return [];
  const request = workload['request'] as { readonly isWhole?: boolean; readonly writable: number } | undefined;
  if (request === undefined) return ['requests', 'transfers'];
  return [
    ...(request.writable === 0 ? (['written-buffers'] as const) : []),
    ...(request.isWhole === true ? (['cut-requests'] as const) : []),
    'transfers',
  ];
}
