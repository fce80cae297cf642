import type { VdpaFile } from '../port/vhost-vdpa-door.ts';
import type { DeviceFileCarrier } from '../session/device-file-port.ts';

/** What opens a vhost-vdpa device. */
export interface VdpaCarrier extends DeviceFileCarrier {
  open(): { readonly kind: 'opened'; readonly file: VdpaFile } | { readonly kind: 'refused'; readonly why: string };
}
