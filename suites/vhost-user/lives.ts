import type { GuestRing, Queue, VhostUserSession } from '../../drivers/port/port.ts';
import type { CaseContext, VariantAxes } from '../case.ts';
import type { Check } from '../check.ts';
import { stoppedAt } from '../ring-positions.ts';

export type LivesContext = Pick<
  CaseContext<string, VariantAxes, VhostUserSession, GuestRing>,
  'port' | 'session' | 'driver' | 'guest'
>;

/** So many requests, one after the other. @throws as `waitForUsed`. */
export function serves({ driver }: LivesContext, check: Check, queue: Queue, count: number, life: string): boolean {
  for (let seed = 1; seed <= count; seed++) {
    const problem = driver.once(queue, { seed });
    if (!check.equal(problem, undefined, `what is wrong with request ${seed} of the ${life}`)) return false;
  }
  return true;
}

/** Stops the ring. False where it does not stop. */
export const ends = (check: Check, queue: Queue, life: string): boolean =>
  stoppedAt(check, queue.stop(), `GET_VRING_BASE at the end of the ${life}`) !== undefined;
