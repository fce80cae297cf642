import type { Call } from '../program/program.ts';
import type { OutcomeClass, Outcomes } from './outcomes.ts';

/** What only a process that lives lets come of a call, and what may come of one that ended it. */
export const servedOutcomes: ReadonlySet<OutcomeClass> = new Set(['fenced', 'acknowledged', 'returned', 'answered']);
const lostOutcomes: ReadonlySet<OutcomeClass> = new Set(['malformed', 'closed', 'died']);

/** The last ones are tried: each is a run of its own. */
const mostWaits = 4;

/**
 * The places of calls with which a process may have ended, the first one first. Its end is often seen later than that of
 * its connection, or of its answers: it is the first call that got none, behind all that got one. But a process may also
 * only have refused to go on with a session: each session that was opened behind that has a place of its own. And so has
 * each wait that nothing came of, whatever was answered behind it: nothing may have been owed there, or a busy process
 * came to its ring when the wait was over.
 */
export function placesOfEnd(calls: readonly Call[], outcomes: Outcomes): number[] {
  const last = Math.max(outcomes.count - 1, 0);
  const isSilentWait = (place: number): boolean =>
    calls[place]?.kind === 'wait' && outcomes.classOf(place) === 'silent';
  let served = last;
  while (served >= 0 && !servedOutcomes.has(outcomes.classOf(served))) served--;
  const places: number[] = [];
  let isOpen = true;
  for (let place = served + 1; place <= last; place++) {
    const outcome = outcomes.classOf(place);
    const kind = calls[place]?.kind;
    const isUnanswered = outcome === 'silent' && !isSilentWait(place);
    if (isOpen && (lostOutcomes.has(outcome) || isUnanswered)) {
      places.push(place);
      isOpen = false;
    } else if ((kind === 'connect' || kind === 'reconnect') && outcome === 'made') isOpen = true;
  }
  const lost = places.length > 0 ? places : [last];
  const waits = Array.from({ length: lost[0] ?? 0 }, (_, place) => place).filter(isSilentWait);
  return [...waits.slice(-mostWaits), ...lost];
}
