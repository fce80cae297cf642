import type { DeviceDriver } from '../../drivers/devices/device-driver.ts';
import type { Request } from '../../drivers/devices/request.ts';
import type { DriverPort, Guest, GuestSplitRing, SplitDriver, VhostMdevSession } from '../../drivers/port/port.ts';
import type { CaseContext, VariantAxes } from '../case.ts';
import { ringDoorbell, ringDriver, tellRing } from './ring-messages.ts';

interface Context {
  readonly port: DriverPort;
  readonly driver: DeviceDriver;
  readonly ring: CaseContext<string, VariantAxes>['ring'];
}

/**
 * The ring of a device that is told message by message, with those that it needs beside it: no event descriptor is
 * set, and the device is left as it is, running or stopped.
 */
export class ToldRing {
  readonly ring: GuestSplitRing;
  readonly #driver: SplitDriver;
  readonly #context: Context;
  readonly #session: VhostMdevSession;

  constructor(session: VhostMdevSession, context: Context) {
    const { driver, ring } = context;
    for (const index of driver.companionIndices) tellRing(session, index, ring({ size: 16 }));
    this.ring = ring({ size: 16 });
    tellRing(session, driver.queueIndex, this.ring);
    this.#driver = ringDriver(session, this.ring);
    this.#context = context;
    this.#session = session;
  }

  /** One request, told by a doorbell: whether it was used before the deadline, and was right. */
  serves(seed: number, deadlineMs = this.#context.port.deadlineMs): boolean {
    const { port, driver } = this.#context;
    const request: Request = driver.request({ seed });
    const before = this.ring.usedIdx();
    this.#driver.add(request.segments);
    this.#driver.publish();
    ringDoorbell(this.#session, driver.queueIndex);
    port.until(() => this.ring.usedIdx() !== before, deadlineMs);
    return this.#driver.reapUsed().length === 1 && request.problem() === undefined;
  }
}

/** Tells again what a reset takes away: features, and in layout L1 memory. */
export function setUpAgain(session: VhostMdevSession, guest: Guest): void {
  session.negotiate({ device: session.negotiated.accepted.device });
  if (session.places.memory === 'table') session.shareMemory(guest);
}
