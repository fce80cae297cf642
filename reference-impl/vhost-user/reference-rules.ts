import { BlockDevice } from '../devices/block-device.ts';
import { type BlockRules, blockRules } from '../devices/block-rules.ts';
import { NetDevice } from '../devices/net-device.ts';
import { type NetRules, netRules } from '../devices/net-rules.ts';
import type { ParentDriver } from '../devices/parent-driver.ts';
import { type TransportRules, transportRules } from '../devices/queued-device.ts';
import { type BackEndRules, backEndRules } from './back-end-rules.ts';

export type ReferenceDevice = 'block' | 'net';

/** Every table that the reference over vhost-user reads: those of the session, of rings and queues, and of devices. */
export interface ReferenceRules extends BackEndRules {
  readonly transport: TransportRules;
  readonly block: BlockRules;
  readonly net: NetRules;
}

export const referenceRules: ReferenceRules = {
  ...backEndRules,
  transport: transportRules,
  block: blockRules,
  net: netRules,
};

/** A device by these rules. `queues` are request queues of block; net has as many pairs of queues. */
export function makeDevice(device: ReferenceDevice, rules: ReferenceRules, queues: number): ParentDriver {
  const { transport } = rules;
  switch (device) {
    case 'block':
      return new BlockDevice({ queues, transport, rules: rules.block });
    case 'net':
      return new NetDevice({ pairs: queues, transport, rules: rules.net });
  }
}
