import { isReferenceDevice, type ReferenceDevice } from '../reference-impl/devices/reference-devices.ts';
import { DriverUsageError } from './errors.ts';
import { didYouMean } from './near-matches.ts';
import type { DriverPort } from './port/port.ts';
import type { Via } from './reach.ts';
import type { Target } from './target.ts';
import type { OpenTargetOptions } from './vhost-user/open-socket-target.ts';
import { whyNotOpened } from './why-not-opened.ts';

type Opener<V extends Via> = (target: Target<V>, options: OpenTargetOptions) => DriverPort;

const refuse = (target: Target): never => {
  throw new DriverUsageError(`${target.facts.name}: ${whyNotOpened(target)}`);
};

/** How to load the driver of each way to reach a target. A process judges one target, and needs one of them. */
const openers: { readonly [V in Via]: () => Promise<Opener<V>> } = {
  'unix-socket': async () => (await import('./vhost-user/open-socket-target.ts')).openSocketTarget,
  'in-process': async () => {
    const { openMdevReference } = await import('./reference/open-mdev-reference.ts');
    const { openVdpaReference } = await import('./reference/open-vdpa-reference.ts');
    const { openVhostNetReference } = await import('./reference/open-vhost-net-reference.ts');
    const { openPciReference } = await import('./reference/open-pci-reference.ts');
    const { faultNames, isFaultName } = await import('../reference-impl/faults/faults.ts');
    return ({ facts, reach }, { deadlineMs, log }) => {
      const { faults = [] } = reach;
      const unknown = faults.find((name) => !isFaultName(name));
      if (unknown !== undefined) {
        const near = didYouMean(unknown, faultNames);
        throw new DriverUsageError(`${facts.name}: no fault is called ${unknown}${near}`);
      }
      const options = {
        device: referenceDeviceOf(facts),
        facts,
        faults: faults.filter(isFaultName),
        ...(deadlineMs === undefined ? {} : { deadlineMs }),
        ...(log === undefined ? {} : { log }),
      };
      if ('mdev' in reach) return openMdevReference({ ...options, mode: reach.mdev });
      if ('vhost-net' in reach) return openVhostNetReference(options);
      return 'vdpa' in reach ? openVdpaReference({ ...options, notifyBy: reach.vdpa }) : openPciReference(options);
    };
  },
  mdev: async () => (await import('./vhost-mdev/open-kernel-mdev.ts')).openKernelMdev,
  'vhost-vdpa': async () => (await import('./vhost-vdpa/open-kernel-vdpa.ts')).openKernelVdpa,
  'vhost-net': async () => (await import('./vhost-net/open-vhost-net.ts')).openVhostNet,
  'vfio-pci': async () => (await import('./virtio-pci/open-kernel-pci.ts')).openKernelPci,
  'vfio-user': async () => refuse,
};

function referenceDeviceOf({ name, device }: Target['facts']): ReferenceDevice {
  if (isReferenceDevice(device)) return device;
  throw new DriverUsageError(`${name}: the reference has no ${device} device`);
}

/** The port to a target. Connects nothing. */
export type OpenTarget = (options?: OpenTargetOptions) => DriverPort;

async function openerBy<V extends Via>(via: V, target: Target<V>): Promise<OpenTarget> {
  const open = await openers[via]();
  return (options = {}) => open(target, options);
}

/**
 * What opens a target, however it is reached: it throws DriverUsageError for what the user can put right, IutGoneError
 * and DeadlineError where the target does not start.
 * @throws DriverUsageError for a target that `whyNotOpened` has something against.
 */
export async function openerOf(target: Target): Promise<OpenTarget> {
  if (whyNotOpened(target) !== undefined) refuse(target);
  return await openerBy(target.reach.via, target);
}
