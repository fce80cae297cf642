import type { DeviceWrites } from '../../drivers/devices/device-driver.ts';
import type { Guest, VhostMdevSession } from '../../drivers/port/port.ts';
import { changes, snapshot } from '../../reference-impl/memory/snapshot.ts';
import type { CaseContext, VariantAxes } from '../case.ts';
import type { Check } from '../check.ts';
import { type Served, serves } from '../virtio/service.ts';
import { setState } from './ring-messages.ts';

/** The device writes a buffer, and it holds what it should. @throws as `waitForUsed`. */
export function isWritten(check: Check, writes: DeviceWrites, what: string, seed: number): void {
  writes.ask({ seed });
  writes.written.waitForUsed(1);
  check.equal(writes.problem, undefined, `what is wrong with ${what}`);
}

/**
 * The device is asked to write a buffer in memory that it must not write: up to a stop nothing of it changes, and a ring
 * that is attached anew is served.
 */
export function isNotWritten(
  served: Served & {
    readonly session: VhostMdevSession;
    readonly ring: CaseContext<string, VariantAxes>['ring'];
  },
  check: Check,
  writes: DeviceWrites,
  memory: Guest,
  what: string,
): void {
  const { session, driver, ring } = served;
  let before = snapshot(memory);
  writes.ask({
    seed: 2,
    laidOut: () => {
      before = snapshot(memory);
    },
  });
  session.fence();
  setState(session, 0);
  check.unchanged(before.guest, changes(before), `memory in ${what}`);
  const again = driver.attach(ring({ size: 16 }));
  serves(served, check, again, 'a request on a fresh ring', { seed: 3 });
}
