import type { DeviceDriver } from '../../drivers/devices/device-driver.ts';
import type { DriverPort, Guest, GuestRing, Queue, VhostUserSession } from '../../drivers/port/port.ts';
import type { Check } from '../check.ts';
import { DirtyPages, loggedBy, wholeLog } from './dirty-pages.ts';

/** A guest on one back-end, which logs what it writes. */
export interface Stay {
  readonly session: VhostUserSession;
  readonly guest: Guest;
  readonly driver: DeviceDriver;
  readonly queue: Queue;
  readonly log: DirtyPages;
}

/** Data there and back, at a place of its own for each number. */
export function serves(check: Check, { driver, queue }: Stay, numbers: readonly number[], where: string): boolean {
  return numbers.every((seed) => {
    const problem = driver.transfer(queue, { seed, bytes: 1024, writableWhere: { crossing: 'page' } });
    return check.equal(problem, undefined, `transfer ${seed}, on ${where}`);
  });
}

/** Begins a stay: memory shared, writes logged, and the ring attached. */
export function stayOn(
  at: {
    readonly port: DriverPort<VhostUserSession>;
    readonly session: VhostUserSession;
    readonly guest: Guest;
    driverOf(session: VhostUserSession, guest: Guest): DeviceDriver;
    readonly ring: GuestRing;
  },
  check: Check,
): Stay {
  const { port, session, guest, ring } = at;
  check.granted(session.shareMemory(guest), 'the memory table');
  const log = loggedBy(session, new DirtyPages(port, { size: wholeLog }), check);
  const driver = at.driverOf(session, guest);
  return { session, guest, driver, log, queue: driver.attach(ring) };
}
