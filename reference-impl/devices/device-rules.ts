import type { ParentDriver } from './parent-driver.ts';
import { type TransportRules, transportRules } from './queued-device.ts';
import { type ReferenceDevice, referenceDeviceNames, referenceDevices } from './reference-devices.ts';
import type { DeviceMaking, RegisteredDevice } from './registered-device.ts';

/** The rules of every device type, by its name. */
export type RulesByDevice = { readonly [D in ReferenceDevice]: (typeof referenceDevices)[D]['rules'] };

/** Every table that the devices of the reference read, on all transports. */
export interface DeviceRules extends RulesByDevice {
  readonly transport: TransportRules;
}

const rulesByDevice = Object.fromEntries(
  referenceDeviceNames.map((name) => [name, referenceDevices[name].rules]),
) as unknown as RulesByDevice;

export const deviceRules: DeviceRules = { ...rulesByDevice, transport: transportRules };

const registered: { readonly [D in ReferenceDevice]: RegisteredDevice<RulesByDevice[D]> } = referenceDevices;

/** A device by these rules, with as many queues as its type counts. */
export function makeDevice<D extends ReferenceDevice>(
  device: D,
  { transport, ...rules }: DeviceRules,
  queues: number = referenceDevices[device].queues,
  more: Pick<DeviceMaking<unknown>, 'sectors' | 'hasControlQueue'> = {},
): ParentDriver {
  const ofDevice: RulesByDevice = rules;
  return registered[device].make({
    queues,
    transport,
    rules: ofDevice[device],
    ...more,
  });
}
