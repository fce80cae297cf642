import type { ReferenceRules } from '../vhost-user/reference-rules.ts';
import { blockFaults } from './block-faults.ts';
import { descriptorFaults } from './descriptor-faults.ts';
import { deviceStateFaults } from './device-state-faults.ts';
import type { Fault } from './fault.ts';
import { featureFaults } from './feature-faults.ts';
import { headerFaults } from './header-faults.ts';
import { inflightFaults } from './inflight-faults.ts';
import { logFaults } from './log-faults.ts';
import { memoryFaults } from './memory-faults.ts';
import { netFaults } from './net-faults.ts';
import { notificationFaults } from './notification-faults.ts';
import { replyAckFaults } from './reply-ack-faults.ts';
import { ringStateFaults } from './ring-state-faults.ts';
import { sessionFaults } from './session-faults.ts';
import { splitRingFaults } from './split-ring-faults.ts';
import { virtioFeatureFaults } from './virtio-feature-faults.ts';
import { vringFaults } from './vring-faults.ts';

/** Every fault by its name. A case names those that must break it. */
export const faults = {
  ...blockFaults,
  ...descriptorFaults,
  ...deviceStateFaults,
  ...featureFaults,
  ...headerFaults,
  ...inflightFaults,
  ...logFaults,
  ...memoryFaults,
  ...netFaults,
  ...notificationFaults,
  ...replyAckFaults,
  ...ringStateFaults,
  ...sessionFaults,
  ...splitRingFaults,
  ...virtioFeatureFaults,
  ...vringFaults,
} as const satisfies Record<string, Fault>;

export type FaultName = keyof typeof faults;

export const faultNames = Object.keys(faults) as readonly FaultName[];

export const isFaultName = (name: string): name is FaultName => Object.hasOwn(faults, name);

/** The rules with these faults in them. */
export const withFaults = (rules: ReferenceRules, names: readonly FaultName[]): ReferenceRules =>
  names.reduce((changed, name) => faults[name].apply(changed), rules);
