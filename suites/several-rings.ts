import { deviceTypeOf } from '../drivers/devices/device-types.ts';
import type { Applies } from './case.ts';

/** For cases that tell one ring from another: some device types have one ring. */
export const severalRings: NonNullable<Applies['when']>[number] = {
  holds: ({ workload }) => deviceTypeOf(workload.kind).hasOneRing !== true,
  missing: 'a device with more than one ring',
};
