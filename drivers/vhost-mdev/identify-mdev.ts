import { EventLog } from '../../reference-impl/observations/event-log.ts';
import { MDEV_PCI_DEVICE, MDEV_PCI_VENDOR } from '../../reference-impl/vhost-mdev/pci-config-space.ts';
import { errorName } from '../../reference-impl/wire/errno.ts';
import { decodeStructure } from '../../reference-impl/wire/structure.ts';
import { vfioPci } from '../../reference-impl/wire/vfio-structures.ts';
import { u64Payload } from '../../reference-impl/wire/vhost-user-payloads.ts';
import { DriverUsageError, PeerProtocolError } from '../errors.ts';
import type { MdevPlaces, VfioDevice } from '../port/vhost-mdev-door.ts';
import { eventClock } from '../session/deadline.ts';
import type { VfioCarrier } from '../vfio/vfio-carrier.ts';
import { RegionChannel } from './mdev-channel.ts';
import { openMdevDevice } from './open-mdev-device.ts';

/** What a mediated device shows of itself. */
export interface IdentifiedMdev {
  readonly layout: 'l1' | 'l2';
  /** The word of GET_FEATURES. */
  readonly offered: bigint;
  /** Virtio device id, where the device tells it. */
  readonly deviceId: number | undefined;
}

const subsystemId = 0x2e;

/**
 * Opens a device, asks what it offers and closes it.
 * @throws DriverUsageError with one line for what cannot be opened or is no vhost-mdev.
 */
export function identifyMdev(carrier: VfioCarrier): IdentifiedMdev {
  const opened = carrier.open();
  if (opened.kind === 'refused') throw new DriverUsageError(opened.why);
  const found = openMdevDevice(opened.file, new EventLog(eventClock), 0);
  if (found.kind === 'refused') throw new DriverUsageError(found.why);
  const { device, places } = found;
  try {
    return identify(device, places);
  } catch (error) {
    if (error instanceof PeerProtocolError) throw new DriverUsageError(`it is not a vhost-mdev: ${error.message}`);
    throw error;
  } finally {
    device.close();
  }
}

function identify(device: VfioDevice, places: MdevPlaces): IdentifiedMdev {
  const answer = new RegionChannel(device, places).exchange('VHOST_GET_FEATURES');
  if (typeof answer === 'number') {
    throw new DriverUsageError(`it is not a vhost-mdev: VHOST_GET_FEATURES failed with ${errorName(answer)}`);
  }
  const offered = decodeStructure(u64Payload, answer)?.u64 ?? 0n;
  return { layout: places.name, offered, deviceId: places.name === 'l1' ? deviceIdOf(device) : undefined };
}

/** The subsystem id, in a device that identifies itself as this project's layout L1 does. */
function deviceIdOf(device: VfioDevice): number | undefined {
  const word = (offset: number): number => {
    const bytes = new Uint8Array(2);
    return device.read(vfioPci.CONFIG_REGION_INDEX, offset, bytes) === 2
      ? new DataView(bytes.buffer).getUint16(0, true)
      : -1;
  };
  return word(0) === MDEV_PCI_VENDOR && word(2) === MDEV_PCI_DEVICE ? word(subsystemId) : undefined;
}
