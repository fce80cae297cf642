import { BlockDriver } from './block-driver.ts';
import type { Binding } from './bound-driver.ts';
import type { DeviceDriver } from './device-driver.ts';
import { NetDriver } from './net-driver.ts';

/** The driver of a target's device on a session. */
export function openDeviceDriver({ facts, ...rest }: Binding): DeviceDriver {
  switch (facts.kind) {
    case 'block':
      return new BlockDriver({ ...rest, facts });
    case 'net':
      return new NetDriver({ ...rest, facts });
  }
}
