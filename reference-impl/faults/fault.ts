import type { RequirementSlug } from '../catalogue/catalogue.ts';
import type { DeviceRules } from '../devices/device-rules.ts';
import type { MdevRules } from '../vhost-mdev/mdev-rules.ts';
import type { VhostNetRules } from '../vhost-net/vhost-net-rules.ts';
import type { ReferenceRules } from '../vhost-user/reference-rules.ts';
import type { VdpaRules } from '../vhost-vdpa/vdpa-rules.ts';
import type { VirtioPciRules } from '../virtio-pci/pci-rules.ts';
import type { RingLayout } from '../virtqueue/ring.ts';

export const faultLayers = ['ring', 'device', 'transport'] as const;
export type FaultLayer = (typeof faultLayers)[number];

/** The ways in which the reference shows a device. vhost-mdev has two layouts of its regions. */
export const showings = [
  'vhost-user',
  'vhost-mdev-l2',
  'vhost-mdev-l1',
  'vhost-vdpa',
  'vhost-net',
  'virtio-pci',
] as const;
export type Showing = (typeof showings)[number];

interface Described {
  /** The requirement that the fault breaks. */
  readonly requirement: RequirementSlug;
  /** What the reference does instead, in a few words. */
  readonly text: string;
  /** Why the reference cannot be seen to have it there, although cases that name the fault apply. */
  readonly hiddenFrom?: Readonly<Partial<Record<Showing, string>>>;
  /** Why it breaks more than a tenth of the cases that do not cite its requirement. */
  readonly breaksMore?: string;
}

/** Replaces entries of rules of a device, on every transport. */
export type DeviceChange = <Rules extends DeviceRules>(rules: Rules) => Rules;

/** A fault of a ring layout. Every transport shows it that carries such rings. */
export interface RingFault extends Described {
  readonly layer: 'ring';
  /** The layouts whose rules it changes. */
  readonly layouts: readonly RingLayout[];
  readonly apply: DeviceChange;
}

/** A fault of a device: of its requests, its queues or its offer. */
export interface DeviceFault extends Described {
  readonly layer: 'device';
  readonly apply: DeviceChange;
}

/** A fault of the vhost-user back-end: of its messages and of what it keeps of a session. */
export interface VhostUserFault extends Described {
  readonly layer: 'transport';
  readonly transport: 'vhost-user';
  readonly apply: (rules: ReferenceRules) => ReferenceRules;
}

/** A fault of vhost-mdev, in both of its layouts. */
export interface MdevFault extends Described {
  readonly layer: 'transport';
  readonly transport: 'vhost-mdev';
  readonly apply: (rules: MdevRules) => MdevRules;
}

/** A fault of vhost-vdpa: of the kernel's part or of the parent driver below it. */
export interface VdpaFault extends Described {
  readonly layer: 'transport';
  readonly transport: 'vhost-vdpa';
  readonly apply: (rules: VdpaRules) => VdpaRules;
}

/** A fault of vhost-net. */
export interface VhostNetFault extends Described {
  readonly layer: 'transport';
  readonly transport: 'vhost-kernel';
  readonly apply: (rules: VhostNetRules) => VhostNetRules;
}

/** A fault of virtio over PCI. */
export interface PciFault extends Described {
  readonly layer: 'transport';
  readonly transport: 'virtio-pci';
  readonly apply: (rules: VirtioPciRules) => VirtioPciRules;
}

/** One behaviour that the reference can be given in place of the right one. */
export type Fault = RingFault | DeviceFault | VhostUserFault | MdevFault | VdpaFault | VhostNetFault | PciFault;

/** The fault with the reasons why it is hidden from some showings. */
export const hidden = <F extends Fault>(hiddenFrom: NonNullable<Fault['hiddenFrom']>, fault: F): F => ({
  ...fault,
  hiddenFrom,
});

/** A fault that requests of a block device show: vhost-net has a network device alone. */
export const ofBlockAlone = <F extends Fault>(fault: F): F =>
  hidden({ 'vhost-net': 'a block device alone shows it, and vhost-net has none' }, fault);

/** The fault with the reason why it breaks many cases of other matters. */
export const breakingMore = <F extends Fault>(breaksMore: string, fault: F): F => ({ ...fault, breaksMore });
