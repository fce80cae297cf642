import type { VhostNetFile } from '../port/vhost-kernel-door.ts';
import type { DeviceFileCarrier } from '../session/device-file-port.ts';
import type { Opened } from '../vhost-kernel/kernel-device-file.ts';

/** What opens /dev/vhost-net. */
export interface VhostNetCarrier extends DeviceFileCarrier {
  open(): Opened<VhostNetFile>;
}
