import type { Capability } from './port/capabilities.ts';
import type { RecoveryStep } from './port/iut.ts';
import type { TargetFacts } from './port/target-facts.ts';
import type { MdevKind, Reach, Via } from './reach.ts';

/**
 * How to start an IUT of our own. `{socket}` and `{dir}` are replaced in the command, the arguments, the values of the
 * environment and the working directory.
 */
export interface StartCommand {
  readonly command: string;
  readonly arguments: readonly string[];
  /** Variables beside those of our own environment. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Files to make in `{dir}` before the start: name to size in bytes (sparse, zero). */
  readonly files?: Readonly<Record<string, number>>;
  /** Directory to run in; the IUT's own where none is given. */
  readonly workingDirectory?: string;
  /** Keep standard input open as a pipe: some programs end at its end of file. */
  readonly keepStdinOpen?: boolean;
  /** File in `{dir}` to which it writes what its device is told, a line for each call. */
  readonly deviceLog?: string;
  /**
   * What changes its configuration space while it runs, and brings back what it was when it is done once more: a signal to
   * its process, or a command.
   */
  readonly changeConfig?:
    | { readonly signal: 'SIGUSR1' | 'SIGUSR2' | 'SIGHUP' }
    | { readonly command: readonly string[] };
  /** Milliseconds until the socket must listen. */
  readonly readyWithinMs: number;
  /** `connection`: the process serves one connection and ends with it; each session starts it afresh. */
  readonly lifetime?: Lifetime;
  /** Cores that the process keeps busy while it has nothing to do: it polls its rings. */
  readonly busyCores?: number;
}

/** How long a process serves: as long as the run, or one connection. */
export const lifetimes = ['run', 'connection'] as const;
export type Lifetime = (typeof lifetimes)[number];

/** What the machine of a kernel guest has for a target, beside what every guest has. */
export interface GuestHardware {
  /** Words of QEMU. `{dir}` is a directory of the run. */
  readonly qemu: readonly string[];
  /** Files to make in `{dir}`: name to size in bytes (sparse, zero). */
  readonly files?: Readonly<Record<string, number>>;
  /** Words for the kernel's command line. */
  readonly kernelOptions?: readonly string[];
}

/** What a target is, as data: an IUT with the way to start and reach it. */
export interface Target<V extends Via = Via> {
  readonly facts: Omit<TargetFacts, 'version' | 'binaryHash'>;
  readonly reach: Reach<V>;
  /** For a socket alone. Absent: the IUT is there already, or is made as `reach` says. */
  readonly start?: StartCommand;
  /** Absent: what is judged comes with a module. */
  readonly guest?: GuestHardware;
  /** Command that prints the version. */
  readonly versionCommand?: readonly string[];
  /** Debian packages to name when the command is missing. */
  readonly packages?: readonly string[];
  /** Ladder to climb when the IUT no longer serves. */
  readonly recovery: readonly RecoveryStep[];
}

/** Whether the IUT is started or made for the run, so that it can be had afresh. */
export const isMadeForRun = ({ start, reach }: Target): boolean =>
  start !== undefined || reach.via === 'in-process' || 'created' in reach;

export const isReachedBy = <V extends Via>(target: Target, via: V): target is Target<V> => target.reach.via === via;

/** Whether the IUT is a part of a kernel, or reached through one. */
export const isOfKernel = ({ reach }: Target): boolean =>
  reach.via === 'mdev' || reach.via === 'vhost-vdpa' || reach.via === 'vhost-net' || reach.via === 'vfio-pci';

/** What the suites are told of a vhost-mdev's kind, as capabilities. */
export const mdevCapabilities: Readonly<Record<MdevKind, readonly Capability[]>> = {
  l1: ['layout-l1'],
  'l2-strict': ['layout-l2'],
  'l2-faithful': ['layout-l2', 'faithful'],
};
