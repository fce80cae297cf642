import type { GuestRing, Queue, RingPosition, VhostUserSession } from '../../drivers/port/port.ts';
import { encodeVringBase } from '../../reference-impl/wire/vring-base.ts';
import type { CaseContext, VariantAxes } from '../case.ts';
import type { Check } from '../check.ts';
import { stoppedAt } from '../ring-positions.ts';
import { addressesOf, setAddresses, setBase, setNum } from './ring-messages.ts';

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

/** Tells size, base and addresses of a stopped ring, and waits until that was handled. */
export function tellOf(
  session: VhostUserSession,
  check: Check,
  index: number,
  ring: GuestRing,
  position: RingPosition,
): void {
  session.messages.send(setNum(index, ring.size));
  session.messages.send(setBase(index, encodeVringBase(position)));
  session.messages.send(setAddresses(index, addressesOf(ring)));
  check.reply(session.messages.fence(), 'GET_FEATURES behind what was told of the ring');
}
