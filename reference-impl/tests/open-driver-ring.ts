import { DriverUsageError } from '../errors.ts';
import type { DriverRing, DriverRingOptions } from '../virtqueue/driver-ring.ts';
import { PackedDriver } from '../virtqueue/packed/driver-ring.ts';
import { GuestPackedRing } from '../virtqueue/packed/guest-ring.ts';
import type { GuestRing } from '../virtqueue/ring.ts';
import { SplitDriver } from '../virtqueue/split/driver-ring.ts';
import { GuestSplitRing } from '../virtqueue/split/guest-ring.ts';

/** The driver side of a ring, whatever its layout. */
export function openDriverRing(ring: GuestRing, options: DriverRingOptions = {}): DriverRing {
  if (ring instanceof GuestSplitRing) return new SplitDriver(ring, options);
  if (ring instanceof GuestPackedRing) return new PackedDriver(ring, options);
  throw new DriverUsageError(`there is no driver side for this ${ring.layout} ring`);
}
