import { DeadlineError, type GuestRing, PeerProtocolError, type Queue, type Session } from '../../drivers/port/port.ts';
import type { Check } from '../check.ts';
import { DEVICE_NEEDS_RESET } from './status/status-bits.ts';

/**
 * A request on a sound ring while another ring is broken. Two answers of the whole device are lawful in place of it: a
 * closed connection (vhost-user, "Communication": a back-end that detects an error may close it) and DEVICE_NEEDS_RESET
 * (virtio 2.1.2), behind which nothing need be served.
 * @param request does it and says what is wrong, as `driver.once` does
 */
export function spares(check: Check, session: Session, request: () => string | undefined): void {
  const outcome = outcomeOf(session, request);
  check.oneOf(
    outcome,
    ['served', 'the connection was closed', 'DEVICE_NEEDS_RESET'],
    'a request on a sound ring beside a broken one',
  );
}

function outcomeOf(session: Session, request: () => string | undefined): string {
  if (!session.isOpen) return 'the connection was closed';
  try {
    return request() ?? 'served';
  } catch (error) {
    if (error instanceof PeerProtocolError && !session.isOpen) return 'the connection was closed';
    if (error instanceof DeadlineError && needsReset(session)) return 'DEVICE_NEEDS_RESET';
    throw error;
  }
}

function needsReset({ device }: Session): boolean {
  const status = device.status?.get();
  return status?.kind === 'number' && (status.value & DEVICE_NEEDS_RESET) !== 0;
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
