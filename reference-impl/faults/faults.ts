import type { DeviceRules } from '../devices/device-rules.ts';
import type { MdevRules } from '../vhost-mdev/mdev-rules.ts';
import type { VhostNetRules } from '../vhost-net/vhost-net-rules.ts';
import type { ReferenceRules } from '../vhost-user/reference-rules.ts';
import type { VdpaRules } from '../vhost-vdpa/vdpa-rules.ts';
import type { VirtioPciRules } from '../virtio-pci/pci-rules.ts';
import type { Fault } from './fault.ts';
import * as faultFiles from './fault-files.ts';

type Files = typeof faultFiles;
type NamesIn<File> = { [Constant in keyof File]: keyof File[Constant] }[keyof File];

export type FaultName = Extract<{ [Path in keyof Files]: NamesIn<Files[Path]> }[keyof Files], string>;

const entries = Object.values<Readonly<Record<string, Readonly<Record<string, Fault>>>>>(faultFiles).flatMap((file) =>
  Object.values(file).flatMap((faultsOfFile) => Object.entries(faultsOfFile)),
);

/** Every fault by its name. A case names those that must break it. Names are unique: a test looks. */
export const faults = Object.fromEntries(entries) as Readonly<Record<FaultName, Fault>>;

/** In the order of the files' paths, each name as often as it is declared. */
export const faultNames = entries.map(([name]) => name) as readonly FaultName[];

export const isFaultName = (name: string): name is FaultName => Object.hasOwn(faults, name);

/** The layer of a fault, with its transport where it has only one: `ring`, `device`, `transport vhost-user`. */
export function layerText(fault: Fault): string {
  return fault.layer === 'transport' ? `transport ${fault.transport}` : fault.layer;
}

/** The rules of devices with these faults of rings and devices in them. Throws RangeError for those of a transport. */
export const withDeviceFaults = <Rules extends DeviceRules>(rules: Rules, names: readonly FaultName[]): Rules =>
  names.reduce((changed, name) => {
    const fault = faults[name];
    if (fault.layer === 'transport') throw new RangeError(`${name} is a fault of ${fault.transport}, not of a device`);
    return fault.apply(changed);
  }, rules);

/** The rules of the reference over vhost-user with these faults. Throws RangeError for those of another transport. */
export const withFaults = (rules: ReferenceRules, names: readonly FaultName[]): ReferenceRules =>
  names.reduce((changed, name) => {
    const fault = faults[name];
    if (fault.layer !== 'transport') return fault.apply(changed);
    if (fault.transport !== 'vhost-user') throw new RangeError(`${name} is a fault of ${fault.transport}`);
    return fault.apply(changed);
  }, rules);

/** The rules of vhost-mdev with these faults of that transport. Throws RangeError for others. */
export const withMdevFaults = (rules: MdevRules, names: readonly FaultName[]): MdevRules =>
  names.reduce((changed, name) => {
    const fault = faults[name];
    if (fault.layer !== 'transport' || fault.transport !== 'vhost-mdev')
      throw new RangeError(`${name} is no fault of vhost-mdev`);
    return fault.apply(changed);
  }, rules);

/** The rules of vhost-vdpa with these faults of that transport. Throws RangeError for others. */
export const withVdpaFaults = (rules: VdpaRules, names: readonly FaultName[]): VdpaRules =>
  names.reduce((changed, name) => {
    const fault = faults[name];
    if (fault.layer !== 'transport' || fault.transport !== 'vhost-vdpa')
      throw new RangeError(`${name} is no fault of vhost-vdpa`);
    return fault.apply(changed);
  }, rules);

/** The rules of vhost-net with these faults of that transport. Throws RangeError for others. */
export const withVhostNetFaults = (rules: VhostNetRules, names: readonly FaultName[]): VhostNetRules =>
  names.reduce((changed, name) => {
    const fault = faults[name];
    if (fault.layer !== 'transport' || fault.transport !== 'vhost-kernel')
      throw new RangeError(`${name} is no fault of vhost-net`);
    return fault.apply(changed);
  }, rules);

/** The rules of virtio over PCI with these faults of that transport. Throws RangeError for others. */
export const withPciFaults = (rules: VirtioPciRules, names: readonly FaultName[]): VirtioPciRules =>
  names.reduce((changed, name) => {
    const fault = faults[name];
    if (fault.layer !== 'transport' || fault.transport !== 'virtio-pci')
      throw new RangeError(`${name} is no fault of virtio-pci`);
    return fault.apply(changed);
  }, rules);
