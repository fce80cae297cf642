/** What a target is, as data. */

import type { DeviceType } from '../reference-impl/catalogue/device-type.ts';
import type { Transport } from '../reference-impl/catalogue/transport.ts';
import type { RecoveryStep } from './port/iut.ts';

export type { Transport } from '../reference-impl/catalogue/transport.ts';

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
  /** The receive ring (receiveq1 is 0) and whatever else must run. */
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
  /** Names of what the target can do beyond its offered features, e.g. `initial-base`, `restart`, `resources`. */
  readonly capabilities: readonly string[];
  /** Features that somebody else serves: name to who. */
  readonly ownedBy: Readonly<Record<string, string>>;
  /** Features that must be acknowledged for it to work at all (the storage daemon wants VERSION_1). */
  readonly requiredFeatures: readonly string[];
  /** Multiplies every deadline. */
  readonly deadlineScale: number;
}

/** How to start an IUT of our own. `{socket}` and `{dir}` are replaced in arguments. */
export interface StartCommand {
  readonly command: string;
  readonly arguments: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Files to make in `{dir}` before the start: name to size in bytes (sparse, zero). */
  readonly files?: Readonly<Record<string, number>>;
  /** Directory to run in; the IUT's own where none is given. */
  readonly workingDirectory?: string;
  /** Keep standard input open as a pipe: some programs end at its end of file. */
  readonly keepStdinOpen?: boolean;
  /** Milliseconds until the socket must listen. */
  readonly readyWithinMs: number;
  /** Cores that the process keeps busy while it has nothing to do: it polls its rings. */
  readonly busyCores?: number;
}

export interface Target {
  readonly facts: Omit<TargetFacts, 'version' | 'binaryHash'>;
  /** Absent: the socket is served by somebody else. */
  readonly start?: StartCommand;
  /** The socket's path, or its name within the directory of the run's IUT. */
  readonly socket: string;
  /** Command that prints the version. */
  readonly versionCommand?: readonly string[];
  /** Debian packages to name when the command is missing. */
  readonly packages?: readonly string[];
  /** Ladder to climb when the IUT no longer serves. */
  readonly recovery: readonly RecoveryStep[];
}

/** A vhost-mdev in layout L1, in layout L2, or in layout L2 with the mistakes of its text. */
export type MdevKind = 'l1' | 'l2-strict' | 'l2-faithful';

/** What the suites are told of a vhost-mdev's kind, as capabilities. */
export const mdevCapabilities: Readonly<Record<MdevKind, readonly string[]>> = {
  l1: ['layout-l1'],
  'l2-strict': ['layout-l2'],
  'l2-faithful': ['layout-l2', 'faithful'],
};

/** A reference vhost-mdev in the very process that judges it: nothing is started, and nothing listens. */
export interface InProcessTarget {
  readonly facts: Target['facts'];
  readonly vhostMdev: MdevKind;
  readonly start?: undefined;
}

/** A mediated device that a module of ours makes, through sysfs, for the time of a run. */
export interface CreatedMdev {
  /** As it is loaded, with underscores. */
  readonly module: string;
  /** What the name of its type ends with. */
  readonly type: string;
  /** Parameters of the module that are set before a device is created. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** A vhost-mdev behind the VFIO of this kernel: one that somebody made, or one that is made for the run. */
export interface KernelMdevTarget {
  readonly facts: Target['facts'];
  readonly kernelMdev: CreatedMdev | { readonly uuid: string };
  readonly start?: undefined;
}

export type AnyTarget = Target | InProcessTarget | KernelMdevTarget;

export const isInProcess = (target: AnyTarget): target is InProcessTarget => 'vhostMdev' in target;

export const isKernelMdev = (target: AnyTarget): target is KernelMdevTarget => 'kernelMdev' in target;
