import { type GuestRing, PeerProtocolError, type Queue } from '../../drivers/port/port.ts';
import type { Check } from '../check.ts';

/** @param problem what a request on a sound ring led to while another ring is broken, as `driver.once` says it. */
export function spares(check: Check, problem: string | undefined): void {
  check.equal(problem, undefined, 'what is wrong with a request on a sound ring beside a broken one');
}

/** A device may offer MQ and have one request queue, and not every transport tells how many there are. */
export function secondQueue<R extends GuestRing>(attach: () => Queue<R>, check: Check): Queue<R> | undefined {
  try {
    return attach();
  } catch (error) {
    if (!(error instanceof PeerProtocolError)) throw error;
    check.inconclusive(`ring 1 is refused, so there may be one request queue only: ${error.message}`);
    return undefined;
  }
}
