import { existsSync, realpathSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { DriverUsageError } from '../errors.ts';
import type { BoundFunction } from '../reach.ts';
import { pciDirectory } from '../vfio/vfio-subject.ts';

/** The driver that a function has; undefined where it has none. */
export function driverOf(address: string): string | undefined {
  const driver = join(pciDirectory(address), 'driver');
  return existsSync(driver) ? basename(realpathSync(driver)) : undefined;
}

/** Gives a function its driver, in place of the one that it has. @throws DriverUsageError */
export function bindFunction({ address, driver }: BoundFunction): void {
  const path = pciDirectory(address);
  const present = driverOf(address);
  if (present === driver) return;
  try {
    if (present !== undefined) writeFileSync(join(path, 'driver', 'unbind'), address);
    writeFileSync(join(path, 'driver_override'), driver);
    writeFileSync('/sys/bus/pci/drivers_probe', address);
  } catch (error) {
    throw new DriverUsageError(
      `${address} cannot be bound to ${driver}: ${error instanceof Error ? error.message : error}`,
    );
  }
  if (driverOf(address) === undefined) {
    throw new DriverUsageError(`${address} is not taken by ${driver}: modprobe ${driver}`);
  }
}
