import type { Transport } from '../reference-impl/catalogue/transport.ts';

/** A vhost-mdev in layout L1, in layout L2, or in layout L2 with the mistakes of its text. */
export type MdevKind = 'l1' | 'l2-strict' | 'l2-faithful';

/** How the rings of a vhost-vdpa are notified: by eventfd, or by a store into a page of the device file. */
export type VdpaNotification = 'eventfd' | 'doorbell';

/** A function on the PCI bus of this kernel, and the driver that it is given: `vp-vdpa` or `vfio-pci`. */
export interface BoundFunction {
  /** Domain, bus, device and function: `0000:00:10.0`. */
  readonly address: string;
  readonly driver: string;
}

/** A program that serves a vDPA device. `{name}` is the device's name, `{dir}` a directory for its files. */
export interface VdpaServer {
  readonly command: string;
  readonly arguments: readonly string[];
  /** Files to make in `{dir}` before the start: name to size in bytes (sparse, zero). */
  readonly files: Readonly<Record<string, number>>;
  /** What is there once the device can be made. */
  readonly device: string;
  readonly readyWithinMs: number;
}

/** A vDPA device that a management device of this kernel makes, by the vdpa tool, for the time of a run. */
export interface CreatedVdpa {
  /** As `vdpa mgmtdev show` names it: `vdpasim_net`. */
  readonly parent: string;
  /** Words of `vdpa dev add` behind it, such as `mac` with an address. */
  readonly parameters: Readonly<Record<string, string>>;
  /** What the management device is made of, where it does not come with a module alone. */
  readonly bound?: BoundFunction;
  /** What serves it, where that is a program of ours. */
  readonly server?: VdpaServer;
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

type InProcess =
  | { readonly mdev: MdevKind }
  | { readonly vdpa: VdpaNotification }
  | { readonly 'vhost-net': 'loopback' }
  | { readonly pci: 'modern' };

interface Reaches {
  /** A vhost-user socket: its path, or its name within the directory of an IUT that we start. */
  readonly 'unix-socket': { readonly socket: string };
  /** A reference in the judging process: a vhost-mdev, a vhost-vdpa whose rings are notified so, a vhost-net whose frames come back, or a virtio function. */
  readonly 'in-process': InProcess & {
    /** Names of faults that are put into it. */
    readonly faults?: readonly string[];
  };
  /** A mediated device behind the VFIO of this kernel: one that exists, or one that is made for the run. */
  readonly mdev: { readonly uuid: string } | { readonly created: CreatedMdev };
  /** A character device such as /dev/vhost-vdpa-0, or one that is made for the run. */
  readonly 'vhost-vdpa': { readonly device: string } | { readonly created: CreatedVdpa };
  /** /dev/vhost-net or its like, with the name of the tap device that carries its frames. */
  readonly 'vhost-net': { readonly device: string; readonly tap: string };
  /**
   * A function by its address on the PCI bus. `isBoundByUs`: the process that opens it binds it to vfio-pci, for good; the
   * kernel is of no other use. Absent: it is bound already.
   */
  readonly 'vfio-pci': { readonly bdf: string; readonly isBoundByUs?: boolean };
  readonly 'vfio-user': { readonly socket: string };
}

export type Via = keyof Reaches;

/** How a target is reached. */
export type Reach<V extends Via = Via> = { [Each in V]: { readonly via: Each } & Reaches[Each] }[V];

/** Transports that a target can show when it is reached so. */
const transportsOf: { readonly [V in Via]: readonly Transport[] } = {
  'unix-socket': ['vhost-user'],
  'in-process': ['vhost-mdev', 'vhost-vdpa', 'vhost-kernel', 'virtio-pci'],
  mdev: ['vhost-mdev'],
  'vhost-vdpa': ['vhost-vdpa'],
  'vhost-net': ['vhost-kernel'],
  'vfio-pci': ['virtio-pci'],
  'vfio-user': ['virtio-pci', 'vhost-mdev'],
};

/** Why a transport cannot be reached so, in words; undefined where it can. */
export function misfit(transport: Transport, { via }: Reach): string | undefined {
  const fitting = transportsOf[via];
  return fitting.includes(transport) ? undefined : `${via} reaches ${fitting.join(' or ')}, and not ${transport}`;
}
