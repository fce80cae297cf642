import type { Call } from '../program/program.ts';
import { servedOutcomes } from './crash-place.ts';
import type { Outcomes } from './outcomes.ts';

/**
 * The place of the call with which an IUT ceased to serve: the one ahead of the first session that was refused, where
 * nothing was served from there on; else the first one that nothing came of; else the last one.
 */
export function placeOfHang(calls: readonly Call[], outcomes: Outcomes): number {
  let served = outcomes.count - 1;
  while (served >= 0 && !servedOutcomes.has(outcomes.classOf(served))) served--;
  for (let place = served + 1; place < outcomes.count; place++) {
    const kind = calls[place]?.kind;
    const isSession = kind === 'connect' || kind === 'reconnect';
    if (isSession && outcomes.classOf(place) === 'refused') return Math.max(place - 1, 0);
  }
  const silent = firstSilence(outcomes);
  return silent < 0 ? Math.max(outcomes.count - 1, 0) : silent;
}

/** The place of the first call that nothing came of; -1 where something came of each. */
export function firstSilence(outcomes: Outcomes): number {
  for (let place = 0; place < outcomes.count; place++) if (outcomes.classOf(place) === 'silent') return place;
  return -1;
}
