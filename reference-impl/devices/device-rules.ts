import { type BlockRules, blockRules } from './block-rules.ts';
import { type NetRules, netRules } from './net-rules.ts';
import { type TransportRules, transportRules } from './queued-device.ts';

/** Every table that the devices of the reference read, whatever transport shows them. */
export interface DeviceRules {
  readonly transport: TransportRules;
  readonly block: BlockRules;
  readonly net: NetRules;
}

export const deviceRules: DeviceRules = { transport: transportRules, block: blockRules, net: netRules };
