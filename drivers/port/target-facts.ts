import type { FeatureName } from '../../reference-impl/catalogue/features.ts';
import type { Transport } from '../../reference-impl/catalogue/transport.ts';
import type { Capability } from './capabilities.ts';
import type { RingSetUpMessage } from './ring-set-up.ts';

/** What a target does with a buffer; the driver of its kind reads what else is in it. */
export interface WorkloadFacts {
  /** The driver: the device's own, or `generic` for a device that we have no driver of. */
  readonly kind: string;
  /** The ring on which requests are put. */
  readonly queueIndex: number;
  /** Rings that must run as well. */
  readonly companions: readonly number[];
  readonly [fact: string]: unknown;
}

/** What the suites may know of a target. */
export interface TargetFacts {
  readonly name: string;
  readonly transport: Transport;
  /** The type of device as the specification names it, `block` or `vsock`. */
  readonly device: string;
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
  /** The order in which its rings are set up, on vhost-user; that of `ringSetUp` unless told. */
  readonly setUpOrder?: readonly RingSetUpMessage[];
  /** Entries of the largest ring that it takes, where that is not all that the specification allows. */
  readonly largestRing?: number;
  /** Entries that its rings may have, in either layout; what the specification allows unless told. */
  readonly ringSizes?: 'powers-of-two';
  /**
   * `by-reset`: a ring that runs is stopped by a reset of the device alone, which tells no position, and none is changed
   * while the device runs. `without-position`: rings are stopped and set up one by one, and none tells where it stopped.
   * Absent: they tell it.
   */
  readonly ringsStop?: 'by-reset' | 'without-position';
  /** What it was made with, in words of `vdpa dev add`: `mac`, `mtu`, `max_vqp`, `device_features` (the last in hex). */
  readonly provisioned?: Readonly<Record<string, string>>;
  /** What tools of its kernel tell of it, by the command that does; and what was seen of it at first contact. */
  readonly shown?: Readonly<Record<string, string>>;
  /** UUIDs of objects that it exports, as UUIDs are written. */
  readonly sharedObjects?: readonly string[];
  /** A port of the host at which a socket listens that gives back what it receives: for a socket device. */
  readonly echoPort?: number;
  /** The versions of texts that it was written to (`list texts`): what a later one says is no violation of its own. */
  readonly texts?: readonly string[];
  /** Multiplies every deadline. */
  readonly deadlineScale: number;
}
