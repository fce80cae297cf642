import type { MdevRules } from '../vhost-mdev/mdev-rules.ts';
import { mdevChannelFaults } from './mdev-channel-faults.ts';
import type { MdevFault } from './mdev-fault.ts';
import { mdevIdentityFaults } from './mdev-identity-faults.ts';
import { mdevIrqFaults } from './mdev-irq-faults.ts';
import { mdevLifeFaults } from './mdev-life-faults.ts';
import { mdevMemoryFaults } from './mdev-memory-faults.ts';
import { mdevNotifyFaults } from './mdev-notify-faults.ts';
import { mdevRegionFaults } from './mdev-region-faults.ts';
import { mdevRingFaults } from './mdev-ring-faults.ts';
import { mdevStateFaults } from './mdev-state-faults.ts';

/** Every fault of vhost-mdev by its name. Cases of that transport alone name them. */
export const mdevFaults = {
  ...mdevChannelFaults,
  ...mdevIdentityFaults,
  ...mdevIrqFaults,
  ...mdevLifeFaults,
  ...mdevMemoryFaults,
  ...mdevNotifyFaults,
  ...mdevRegionFaults,
  ...mdevRingFaults,
  ...mdevStateFaults,
} as const satisfies Record<string, MdevFault>;

export type MdevFaultName = keyof typeof mdevFaults;

export const mdevFaultNames = Object.keys(mdevFaults) as readonly MdevFaultName[];

export const isMdevFaultName = (name: string): name is MdevFaultName => Object.hasOwn(mdevFaults, name);

/** The rules with these faults in them. */
export const withMdevFaults = (rules: MdevRules, names: readonly MdevFaultName[]): MdevRules =>
  names.reduce((changed, name) => mdevFaults[name].apply(changed), rules);
