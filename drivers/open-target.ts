import { isReferenceDevice, type ReferenceDevice } from '../reference-impl/devices/reference-devices.ts';
import { DriverUsageError } from './errors.ts';
import type { DriverPort } from './port/port.ts';
import { misfit, type Via } from './reach.ts';
import { problemOfRecovery } from './recovery-steps.ts';
import { openMdevReference } from './reference/open-mdev-reference.ts';
import type { Target } from './target.ts';
import { openKernelMdev } from './vhost-mdev/open-kernel-mdev.ts';
import { type OpenTargetOptions, openSocketTarget } from './vhost-user/open-socket-target.ts';

type Opener<V extends Via> = (target: Target<V>, options: OpenTargetOptions) => DriverPort;

/** What a target can be described with, and this version cannot open. */
const undriven: Partial<Record<Via, string>> = {
  'vhost-vdpa': 'vhost-vdpa devices',
  'vhost-net': 'vhost-net devices',
  'vfio-pci': 'PCI devices behind VFIO',
  'vfio-user': 'vfio-user sockets',
};

const refuse = (target: Target): never => {
  throw new DriverUsageError(`${target.facts.name}: ${whyNotOpened(target)}`);
};

const openers: { readonly [V in Via]: Opener<V> } = {
  'unix-socket': openSocketTarget,
  'in-process': ({ facts, reach }, { deadlineMs, log }) =>
    openMdevReference({
      device: referenceDeviceOf(facts),
      mode: reach.mdev,
      facts,
      ...(deadlineMs === undefined ? {} : { deadlineMs }),
      ...(log === undefined ? {} : { log }),
    }),
  mdev: openKernelMdev,
  'vhost-vdpa': refuse,
  'vhost-net': refuse,
  'vfio-pci': refuse,
  'vfio-user': refuse,
};

function referenceDeviceOf({ name, device }: Target['facts']): ReferenceDevice {
  if (isReferenceDevice(device)) return device;
  throw new DriverUsageError(`${name}: the reference has no ${device} device`);
}

const openBy = <V extends Via>(via: V, target: Target<V>, options: OpenTargetOptions): DriverPort =>
  openers[via](target, options);

/** Why `openTarget` refuses this target before it does anything, in words; undefined where it does not. */
export function whyNotOpened(target: Target): string | undefined {
  const { facts, reach } = target;
  const unfit = misfit(facts.transport, reach);
  if (unfit !== undefined) return unfit;
  const what = undriven[reach.via];
  if (what !== undefined) return `this version has no driver for ${what}`;
  const unclimbable = problemOfRecovery(target);
  return unclimbable === undefined ? undefined : `recovery: ${unclimbable}`;
}

/**
 * The port to a target, however it is reached. Connects nothing.
 * @throws DriverUsageError for what the user can put right, IutGoneError and DeadlineError where it does not start.
 */
export function openTarget(target: Target, options: OpenTargetOptions = {}): DriverPort {
  if (whyNotOpened(target) !== undefined) refuse(target);
  return openBy(target.reach.via, target, options);
}
