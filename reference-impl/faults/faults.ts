import type { ReferenceRules } from '../vhost-user/reference-rules.ts';
import type { Fault } from './fault.ts';
import { featureFaults } from './feature-faults.ts';
import { headerFaults } from './header-faults.ts';

/** Every fault by its name. A case names those that must break it. */
export const faults = {
  ...headerFaults,
  ...featureFaults,
} as const satisfies Record<string, Fault>;

export type FaultName = keyof typeof faults;

export const faultNames = Object.keys(faults) as readonly FaultName[];

export const isFaultName = (name: string): name is FaultName => Object.hasOwn(faults, name);

/** The rules with these faults in them. */
export const withFaults = (rules: ReferenceRules, names: readonly FaultName[]): ReferenceRules =>
  names.reduce((changed, name) => faults[name].apply(changed), rules);
