import type { DeviceDriver } from '../../../drivers/devices/device-driver.ts';
import type { DriverPort, GuestRing, Queue } from '../../../drivers/port/port.ts';
import type { Check } from '../../check.ts';

/** Attach options of a driver that kicks only where the device asks for it (virtio 2.7.10, 2.8.10). */
export const obedient = { kicks: 'when-asked' } as const;

export interface Batches {
  readonly rounds: number;
  readonly chains: number;
  /** Looks at memory between the last used element of a round and the next chain, in which the device may go to sleep. */
  readonly looks?: number;
}

/** How long the looks of one round may take, in milliseconds. */
const looksWithinMs = 20;

/**
 * Rounds of chains that are kicked where the device asks for it, each behind the used elements of the one before. A
 * kick that a device needs and does not ask for leaves a chain unused: then this throws as `waitForUsed`.
 */
export function serveObediently(
  port: DriverPort,
  check: Check,
  driver: DeviceDriver,
  queue: Queue<GuestRing>,
  { rounds, chains, looks = 0 }: Batches,
): void {
  for (let round = 0; round < rounds; round++) {
    const requests = Array.from({ length: chains }, (_, n) => driver.request({ seed: round * chains + n }));
    queue.makeAvailable(requests.map(({ segments }) => segments));
    queue.kickAndWaitForUsed(chains);
    let left = looks;
    if (looks > 0) port.until(() => left-- <= 0, looksWithinMs);
  }
  const used = rounds * chains;
  check.holds(true, `${used} chains, kicked where the device asks for it`, { expected: 'used', actual: 'used' });
}
