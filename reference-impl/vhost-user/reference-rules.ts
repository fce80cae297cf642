import { BlockDevice } from '../devices/block-device.ts';
import { type DeviceRules, deviceRules } from '../devices/device-rules.ts';
import { NetDevice } from '../devices/net-device.ts';
import type { ParentDriver } from '../devices/parent-driver.ts';
import { type BackEndRules, backEndRules } from './back-end-rules.ts';

export type ReferenceDevice = 'block' | 'net';

/** Every table that the reference over vhost-user reads: those of the session and those of devices. */
export interface ReferenceRules extends BackEndRules, DeviceRules {}

export const referenceRules: ReferenceRules = { ...backEndRules, ...deviceRules };

/** A device by these rules. `queues` are request queues of block; net has as many pairs of queues. */
export function makeDevice(device: ReferenceDevice, rules: DeviceRules, queues: number): ParentDriver {
  const { transport } = rules;
  switch (device) {
    case 'block':
      return new BlockDevice({ queues, transport, rules: rules.block });
    case 'net':
      return new NetDevice({ pairs: queues, transport, rules: rules.net });
  }
}
