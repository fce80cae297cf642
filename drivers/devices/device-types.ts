import { DriverUsageError, type WorkloadFacts } from '../port/port.ts';
import { blockType } from './block-type.ts';
import type { Binding } from './bound-driver.ts';
import type { DeviceDriver } from './device-driver.ts';
import { type DeviceName, deviceNames } from './device-names.ts';
import type { DeviceType } from './device-type.ts';
import { entropyType } from './entropy-type.ts';
import { genericType } from './generic-type.ts';
import { netType } from './net-type.ts';

const typeOf: Readonly<Record<DeviceName, DeviceType>> = {
  block: blockType,
  net: netType,
  entropy: entropyType,
  generic: genericType,
};

/** The device types that we have a driver of. */
export const deviceTypes: readonly DeviceType[] = deviceNames.map((name) => typeOf[name]);

/** The type whose driver facts of this kind are for. @throws DriverUsageError where there is none. */
export function deviceTypeOf(kind: string): DeviceType {
  const type = deviceTypes.find(({ name }) => name === kind);
  if (type === undefined) throw new DriverUsageError(`no driver is called ${kind}`);
  return type;
}

/** The driver of a target's device on a session. */
export function openDeviceDriver(binding: Binding): DeviceDriver {
  return deviceTypeOf(binding.facts.kind).open(binding);
}

/** What a device of our own reference does. @throws DriverUsageError where it has none. */
export function workloadOfReference(device: string): WorkloadFacts {
  const { ofReference } = deviceTypeOf(device);
  if (ofReference === undefined) throw new DriverUsageError(`the reference has no ${device} device`);
  return ofReference;
}
