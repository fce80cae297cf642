import { VIRTIO_ID_NET } from './net-layout.ts';
import type { ParentDriver } from './parent-driver.ts';

/** Lowest bytes of `status` (virtio_net_config) and `opt_io_size` (virtio_blk_config), and the bit that changes. */
const linkStatus = { offset: 6, bit: 1 } as const;
const optimalIoSize = { offset: 28, bit: 8 } as const;

/**
 * Toggles a field of configuration space that says nothing of what is served, as an operator might. False where the device
 * has no such field.
 */
export function toggleConfig(device: ParentDriver): boolean {
  const { offset, bit } = device.deviceId === VIRTIO_ID_NET ? linkStatus : optimalIoSize;
  const before = device.readConfig(offset, 1)?.[0];
  return before !== undefined && device.restoreConfig(offset, Uint8Array.of(before ^ bit));
}
