import { deviceTypeOf, deviceTypes } from '../drivers/devices/device-types.ts';
import type { Capability } from '../drivers/port/port.ts';
import type { Target } from '../drivers/target.ts';
import { KernelVdpa } from '../drivers/vhost-vdpa/kernel-vdpa.ts';
import { VdpaDeviceCalls } from '../drivers/vhost-vdpa/vdpa-device-calls.ts';
import type { FeatureName } from '../reference-impl/catalogue/catalogue.ts';
import { UsageError } from './usage-error.ts';

/** What a device tells of itself. */
interface ShownVdpa {
  readonly deviceId: number;
  readonly features: bigint;
  readonly largestSize: number;
  readonly capabilities: readonly Capability[];
}

const accessPlatform = 1n << 33n;
/** Of the specification. */
const largestOfAll = 32_768;

/**
 * A vhost-vdpa device of this kernel, by its file.
 * @throws UsageError with one line if it cannot be opened, or is of a device type that we have no driver of.
 */
export function externalVdpa(path: string, asked: string | undefined): Target<'vhost-vdpa'> {
  const name = `vhost-vdpa:${path}`;
  const shown = shownBy(path, name);
  const told = deviceTypes.find(({ deviceId }) => deviceId !== undefined && deviceId === shown.deviceId)?.name;
  const device = told ?? asked ?? 'generic';
  if (asked !== undefined && told !== undefined && asked !== told) {
    throw new UsageError(`${name}: it is a ${told} device, and not ${asked}`);
  }
  const required: FeatureName[] = (shown.features & accessPlatform) === 0n ? [] : ['VIRTIO_F_ACCESS_PLATFORM'];
  return targetOf(path, device, required, shown.largestSize, shown.capabilities);
}

/**
 * A device that will exist in another kernel, which cannot be asked before it is booted.
 * @throws UsageError if its device type is not given.
 */
export function externalVdpaOfGuest(path: string, device: string | undefined): Target<'vhost-vdpa'> {
  if (device !== undefined) return targetOf(path, device, ['VIRTIO_F_ACCESS_PLATFORM'], 256);
  const name = `vhost-vdpa:${path}`;
  throw new UsageError(`${name}: say what device it will be: ${name}?device=net or ?device=block`);
}

function targetOf(
  path: string,
  device: string,
  required: readonly FeatureName[],
  largestRing: number,
  more: readonly Capability[] = [],
): Target<'vhost-vdpa'> {
  return {
    facts: {
      name: `vhost-vdpa:${path}`,
      transport: 'vhost-vdpa',
      device,
      identity: `vhost-vdpa device ${path}`,
      workload: deviceTypeOf(device).external,
      capabilities: ['initial-base', ...more],
      ownedBy: {},
      requiredFeatures: ['VIRTIO_F_VERSION_1', ...required],
      ...(largestRing > 0 && largestRing < largestOfAll ? { largestRing } : {}),
      ringSizes: 'powers-of-two',
      deadlineScale: 2,
    },
    reach: { via: 'vhost-vdpa', device: path },
    recovery: ['reconnect'],
  };
}

function shownBy(path: string, name: string): ShownVdpa {
  const carrier = new KernelVdpa(() => path);
  const opened = carrier.open();
  if (opened.kind === 'refused') throw new UsageError(`${name}: ${opened.why}`);
  const calls = new VdpaDeviceCalls(opened.file, carrier.pageSize);
  try {
    const features = calls.features();
    const deviceId = calls.deviceId();
    if (typeof features === 'number' || deviceId < 0) throw new UsageError(`${name}: it is no vhost-vdpa device`);
    const page = calls.mapDoorbell(0);
    if (typeof page !== 'number') page.unmap();
    const capabilities: Capability[] = typeof page === 'number' ? [] : ['doorbells'];
    if (calls.spaceCount() > 1) capabilities.push('address-spaces');
    return { features, deviceId, largestSize: calls.largestSize(), capabilities };
  } finally {
    opened.file.close();
  }
}
