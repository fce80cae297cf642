import { constants } from 'node:fs';
import type { MapOptions, Mapping } from '../native/native.ts';
import { closeFd, deviceIoctl, devicePwrite, mapMemory, openFile } from '../native/native.ts';

/** What the way to a device file needs of the system, so that a test can stand in for a kernel without such a device. */
export interface VdpaKernel {
  /** Opens for reading and writing. @throws SystemCallError. */
  open(path: string): number;
  /** The answer, or an error number negated. */
  ioctl(fd: number, request: number, argument: Uint8Array): number;
  /** Bytes taken by one write, or an error number negated. */
  write(fd: number, bytes: Uint8Array): number;
  /** @throws SystemCallError. */
  map(fd: number, length: number, position: number, options: MapOptions): Mapping;
  close(fd: number): void;
}

export const vdpaKernel: VdpaKernel = {
  open: (path) => openFile(path, constants.O_RDWR),
  ioctl: deviceIoctl,
  write: (fd, bytes) => devicePwrite(fd, bytes, 0),
  map: mapMemory,
  close: closeFd,
};
