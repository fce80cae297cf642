import { DriverUsageError } from '../drivers/errors.ts';
import { type KernelMdevTarget, mdevCapabilities } from '../drivers/target.ts';
import { KernelVfio } from '../drivers/vfio/kernel-vfio.ts';
import { MdevSysfs } from '../drivers/vfio/mdev-sysfs.ts';
import { type IdentifiedMdev, identifyMdev } from '../drivers/vhost-mdev/identify-mdev.ts';
import { type DeviceName, deviceOffering, externalWorkload } from './external-target.ts';
import { UsageError } from './usage-error.ts';

/** Feature bits of virtio-blk that virtio-net has no use for: GEOMETRY, BLK_SIZE. */
const blockBits = 0x50n;
const deviceIds: Readonly<Record<number, DeviceName>> = { 1: 'net', 2: 'block' };

/** What kind of device it is, as far as it tells. */
export function deviceOfMdev({ offered, deviceId }: IdentifiedMdev): DeviceName | undefined {
  const told = deviceIds[deviceId ?? 0];
  if (told !== undefined) return told;
  if (deviceOffering(offered) === 'net') return 'net';
  return (offered & blockBits) === 0n ? undefined : 'block';
}

/**
 * A vhost-mdev that somebody else made, of whatever layout it is.
 * @throws UsageError with one line where it cannot be opened, is something else, or does not tell what device it is.
 */
export function externalMdev(uuid: string, asked: DeviceName | undefined): KernelMdevTarget {
  const name = `mdev:${uuid}`;
  const shown = identified(uuid, name);
  const told = deviceOfMdev(shown);
  const device = asked ?? told;
  if (device === undefined) {
    const offer = `0x${shown.offered.toString(16)}`;
    throw new UsageError(
      `${name}: its features (${offer}) do not tell what device it is; say ${name}?device=net or ?device=block`,
    );
  }
  if (told !== undefined && device !== told) throw new UsageError(`${name}: it is a ${told} device, and not ${device}`);
  const api = new MdevSysfs().deviceApi(uuid);
  return {
    facts: {
      name,
      transport: 'vhost-mdev',
      device,
      identity: `mediated device ${uuid}, layout ${shown.layout.toUpperCase()}${api === undefined ? '' : `, ${api}`}`,
      workload: externalWorkload(device),
      capabilities: ['initial-base', ...mdevCapabilities[shown.layout === 'l1' ? 'l1' : 'l2-strict']],
      ownedBy: {},
      requiredFeatures: ['VIRTIO_F_VERSION_1'],
      deadlineScale: 2,
    },
    kernelMdev: { uuid },
  };
}

function identified(uuid: string, name: string): IdentifiedMdev {
  try {
    return identifyMdev(new KernelVfio(uuid));
  } catch (error) {
    if (error instanceof DriverUsageError) throw new UsageError(`${name}: ${error.message}`);
    throw error;
  }
}
