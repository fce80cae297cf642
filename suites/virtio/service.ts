import type { DeviceDriver } from '../../drivers/devices/device-driver.ts';
import type { RequestShape } from '../../drivers/devices/request.ts';
import { DeadlineError, type DriverPort, type Queue } from '../../drivers/port/port.ts';
import type { Check } from '../check.ts';

export interface Served {
  readonly port: DriverPort;
  readonly driver: DeviceDriver;
}

/** One request there and back, as a claim of this very requirement. Whether it held: after a failure the ring is astray. */
export function serves(
  { port, driver }: Served,
  check: Check,
  queue: Queue,
  what: string,
  shape: RequestShape = {},
): boolean {
  try {
    return check.equal(driver.once(queue, shape), undefined, what);
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
    check.silence(what, 'it is served', port.deadlineMs);
    return false;
  }
}

/** What was made available before comes back: the heads in order of the used ring, or none after a failure. */
export function servesAll(port: DriverPort, check: Check, queue: Queue, count: number, what: string): number[] {
  try {
    const heads = queue.waitForUsed(count).map(({ id }) => id);
    check.equal(heads.length, count, what);
    return heads;
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
    check.silence(what, `${count} used elements`, port.deadlineMs);
    return [];
  }
}
