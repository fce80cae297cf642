import type { Chain } from '../../../virtqueue/chain.ts';
import type { Tell } from '../judgement.ts';

/** What the driver of a device type has to keep in what it makes available. */
export interface DriverRequests {
  judge(chain: Chain, queue: number, features: bigint, config: DataView, tell: Tell): void;
}
