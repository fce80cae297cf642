import { deviceTypeOf, deviceTypes } from '../drivers/devices/device-types.ts';
import { DriverUsageError } from '../drivers/errors.ts';
import type { Target } from '../drivers/target.ts';
import { KernelVfio } from '../drivers/vfio/kernel-vfio.ts';
import { MdevSysfs } from '../drivers/vfio/mdev-sysfs.ts';
import { mdevSubject } from '../drivers/vfio/vfio-subject.ts';
import { type IdentifiedMdev, identifyMdev } from '../drivers/vhost-mdev/identify-mdev.ts';
import { deviceOffering } from './external-target.ts';
import { UsageError } from './usage-error.ts';

/** Feature bits of virtio-blk that virtio-net has no use for: GEOMETRY, BLK_SIZE. */
const blockBits = 0x50n;

/** The device type, if the device shows it. */
function deviceOfMdev({ offered, deviceId }: IdentifiedMdev): string | undefined {
  const told = deviceTypes.find((type) => type.deviceId !== undefined && type.deviceId === deviceId);
  if (told !== undefined) return told.name;
  if (deviceOffering(offered) === 'net') return 'net';
  return (offered & blockBits) === 0n ? undefined : 'block';
}

/**
 * A vhost-mdev of this kernel that exists already, in either layout.
 * @throws UsageError with one line if it cannot be opened, is something else, or does not show its device type.
 */
export function externalMdev(uuid: string, asked: string | undefined): Target<'mdev'> {
  const name = nameOf(uuid);
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
  return targetOf(uuid, device, `mediated device ${uuid}${api === undefined ? '' : `, ${api}`}`);
}

/**
 * A device that will exist in another kernel, which cannot be asked before it is booted.
 * @throws UsageError if its device type is not given.
 */
export function externalMdevOfGuest(uuid: string, device: string | undefined): Target<'mdev'> {
  const name = nameOf(uuid);
  if (device !== undefined) return targetOf(uuid, device, `mediated device ${uuid}`);
  throw new UsageError(`${name}: say what device it will be: ${name}?device=net or ?device=block`);
}

const nameOf = (uuid: string): string => `mdev:${uuid}`;

function targetOf(uuid: string, device: string, identity: string): Target<'mdev'> {
  return {
    facts: {
      name: nameOf(uuid),
      transport: 'vhost-mdev',
      device,
      identity,
      workload: deviceTypeOf(device).external,
      capabilities: ['initial-base'],
      ownedBy: {},
      requiredFeatures: ['VIRTIO_F_VERSION_1'],
      deadlineScale: 2,
    },
    reach: { via: 'mdev', uuid },
    recovery: ['reconnect'],
  };
}

function identified(uuid: string, name: string): IdentifiedMdev {
  try {
    return identifyMdev(new KernelVfio(mdevSubject(uuid)));
  } catch (error) {
    if (error instanceof DriverUsageError) throw new UsageError(`${name}: ${error.message}`);
    throw error;
  }
}
