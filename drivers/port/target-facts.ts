import type { DeviceType } from '../../reference-impl/catalogue/device-type.ts';
import type { FeatureName } from '../../reference-impl/catalogue/features.ts';
import type { Transport } from '../../reference-impl/catalogue/transport.ts';
import type { Capability } from './capabilities.ts';

export interface BlockWorkload {
  readonly kind: 'block';
  /** Ring on which requests are put. */
  readonly queueIndex: number;
  /** Rings that must run as well. */
  readonly companions: readonly number[];
  /** 512-byte sectors that a case may write. */
  readonly sectors: number;
}

export interface NetWorkload {
  readonly kind: 'net';
  /** The transmit ring (virtio: transmitq1 is 1). */
  readonly queueIndex: number;
  /** The receive ring (receiveq1 is 0) and the other rings that must run. */
  readonly companions: readonly number[];
  readonly receiveIndex: number;
  /** Where a transmitted frame comes back. */
  readonly returns: 'same-port' | 'second-port' | 'tap' | 'none';
  /** What happens to the frame on its way. */
  readonly reflects: 'unchanged' | 'macs-swapped';
}

export type WorkloadFacts = BlockWorkload | NetWorkload;

/** What the suites may know of a target. */
export interface TargetFacts {
  readonly name: string;
  readonly transport: Transport;
  readonly device: DeviceType;
  readonly identity: string;
  readonly version: string;
  readonly binaryHash?: string;
  readonly workload: WorkloadFacts;
  /** What the target can do beyond its offered features. */
  readonly capabilities: readonly Capability[];
  /** Features that another part than the IUT serves: name of the feature to name of that part. */
  readonly ownedBy: Readonly<Record<string, string>>;
  /** Features that must be acknowledged for it to work at all (the storage daemon wants VERSION_1). */
  readonly requiredFeatures: readonly FeatureName[];
  /** Multiplies every deadline. */
  readonly deadlineScale: number;
}
