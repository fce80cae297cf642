import type { Request } from '../../drivers/devices/request.ts';
import type { Workload } from '../../drivers/devices/workload.ts';
import type { DriverPort, Guest, GuestSplitRing, SplitDriver, VhostMdevSession } from '../../drivers/port/port.ts';
import { driverOf, ringDoorbell, tellRing } from './ring-messages.ts';

interface Context {
  readonly port: DriverPort;
  readonly guest: Guest;
  readonly workload: Workload;
}

/**
 * The ring of a workload that is told message by message, with those that it needs beside it: no event descriptor is
 * set, and the device is left as it is, running or stopped.
 */
export class ToldRing {
  readonly ring: GuestSplitRing;
  readonly #driver: SplitDriver;
  readonly #context: Context;
  readonly #session: VhostMdevSession;

  constructor(session: VhostMdevSession, context: Context) {
    const { guest, workload } = context;
    const { companions, queueIndex } = workload.facts;
    for (const index of companions) tellRing(session, index, guest.splitRing({ size: 16 }));
    this.ring = guest.splitRing({ size: 16 });
    tellRing(session, queueIndex, this.ring);
    this.#driver = driverOf(session, this.ring);
    this.#context = context;
    this.#session = session;
  }

  /** One request, told by a doorbell: whether it was used before the deadline, and was right. */
  serves(seed: number, deadlineMs = this.#context.port.deadlineMs): boolean {
    const { port, workload } = this.#context;
    const request: Request = workload.request({ seed });
    const before = this.ring.usedIdx();
    this.#driver.add(request.segments);
    this.#driver.publish();
    ringDoorbell(this.#session, workload.queueIndex);
    port.until(() => this.ring.usedIdx() !== before, deadlineMs);
    return this.#driver.reapUsed().length === 1 && request.problem() === undefined;
  }
}

/** Tells again what a reset takes away: features, and in layout L1 memory. */
export function setUpAgain(session: VhostMdevSession, guest: Guest): void {
  session.negotiate({ features: session.negotiated.accepted, protocolFeatures: 0n });
  if (session.places.memory === 'table') session.shareMemory(guest);
}
