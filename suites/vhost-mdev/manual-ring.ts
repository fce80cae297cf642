import type { DeviceDriver } from '../../drivers/devices/device-driver.ts';
import type { Request } from '../../drivers/devices/request.ts';
import type { DriverPort, Guest, GuestRing, Session, VhostMdevSession } from '../../drivers/port/port.ts';
import type { DriverRing } from '../../reference-impl/virtqueue/driver-ring.ts';
import type { CaseContext, VariantAxes } from '../case.ts';
import { ringDoorbell, ringDriver, tellRing } from './ring-messages.ts';

interface Context<R extends GuestRing> {
  readonly port: DriverPort;
  readonly driver: DeviceDriver;
  readonly ring: CaseContext<string, VariantAxes, Session, R>['ring'];
}

/**
 * The ring of a device, set up message by message, with the rings that the device needs beside it. No event descriptor
 * is set, and the device is neither started nor stopped.
 */
export class ManualRing<R extends GuestRing = GuestRing> {
  readonly ring: R;
  readonly #driver: DriverRing;
  readonly #context: Context<R>;
  readonly #session: VhostMdevSession;

  constructor(session: VhostMdevSession, context: Context<R>) {
    const { port, driver, ring } = context;
    for (const index of driver.companionIndices) tellRing(session, index, ring({ size: 16 }));
    this.ring = ring({ size: 16 });
    tellRing(session, driver.queueIndex, this.ring);
    this.#driver = ringDriver(port, session, driver.queueIndex, this.ring);
    this.#context = context;
    this.#session = session;
  }

  /** One request, notified by a doorbell: whether it was used before the deadline, with the right result. */
  serves(seed: number, deadlineMs = this.#context.port.deadlineMs): boolean {
    const { port, driver } = this.#context;
    const request: Request = driver.request({ seed });
    this.#driver.add(request.segments);
    this.#driver.publish();
    ringDoorbell(this.#session, driver.queueIndex);
    port.until(() => this.#driver.usedCount() > 0, deadlineMs);
    return this.#driver.reapUsed().length === 1 && request.problem() === undefined;
  }
}

/** Sets up again what a reset takes away: features, and in layout L1 memory. */
export function setUpAgain(session: VhostMdevSession, guest: Guest): void {
  session.negotiate({ device: session.negotiated.accepted.device });
  if (session.places.memory === 'table') session.shareMemory(guest);
}
