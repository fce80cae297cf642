import { type DeviceType, deviceType, implementedByAll } from './device-type.ts';
import { GenericDriver } from './generic-driver.ts';
import { genericWorkload } from './generic-workload.ts';

/** Drives a device that we have no driver of: its messages, its memory and the life of its rings. */
export const genericType: DeviceType = deviceType({
  name: 'generic',
  deviceId: undefined,
  workload: genericWorkload,
  answers: {},
  external: { kind: 'generic', queueIndex: 0, companions: [] },
  implemented: implementedByAll,
  open: (binding) => new GenericDriver(binding),
});
