import type { EventLog } from '../../reference-impl/observations/event-log.ts';
import { errorName } from '../../reference-impl/wire/errno.ts';
import type { MdevPlaces, VfioDevice, VfioFile } from '../port/vhost-mdev-door.ts';
import { OpenVfioDevice } from '../vfio/vfio-device.ts';
import { layoutOf } from './mdev-channel.ts';

export type OpenedMdev =
  | { readonly kind: 'opened'; readonly device: VfioDevice; readonly places: MdevPlaces }
  | { readonly kind: 'refused'; readonly why: string };

/** The vhost-mdev behind an open file, in the layout that its flags tell. What is none is closed. */
export function openMdevDevice(file: VfioFile, log: EventLog, session: number): OpenedMdev {
  const device = new OpenVfioDevice(file, log, session);
  const info = device.deviceInfo();
  const places = typeof info === 'number' ? undefined : layoutOf(info.flags);
  if (places !== undefined) {
    device.setLayout(`mdev-${places.name}`);
    return { kind: 'opened', device, places };
  }
  device.close();
  const why =
    typeof info === 'number'
      ? `VFIO_DEVICE_GET_INFO failed with ${errorName(info)}`
      : `it is not a vhost-mdev: its flags are 0x${info.flags.toString(16)}`;
  return { kind: 'refused', why };
}
