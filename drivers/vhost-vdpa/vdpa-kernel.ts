import { constants } from 'node:fs';
import type { MapOptions, Mapping } from '../native/native.ts';
import { closeFd, deviceIoctl, devicePwrite, mapMemory, openFile } from '../native/native.ts';
import type { DeviceFileKernel } from '../vhost-kernel/kernel-device-file.ts';

/** What the way to a vhost-vdpa device file needs of the system. */
export interface VdpaKernel extends DeviceFileKernel {
  /** @throws SystemCallError. */
  map(fd: number, length: number, position: number, options: MapOptions): Mapping;
}

export const vdpaKernel: VdpaKernel = {
  open: (path) => openFile(path, constants.O_RDWR),
  ioctl: deviceIoctl,
  write: (fd, bytes) => devicePwrite(fd, bytes, 0),
  map: mapMemory,
  close: closeFd,
};
