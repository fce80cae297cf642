import { constants, existsSync, readlinkSync } from 'node:fs';
import type { Mapping } from '../native/native.ts';
import { closeFd, deviceIoctl, devicePread, devicePwrite, ioctl, mapMemory, openFile } from '../native/native.ts';

/** What the way to a device needs of the system, so that a test can stand in for a kernel that has no such device. */
export interface VfioKernel {
  exists(path: string): boolean;
  /** Where a symbolic link leads; undefined where there is none. */
  linkOf(path: string): string | undefined;
  /** Opens for reading and writing. @throws SystemCallError. */
  open(path: string): number;
  /** An ioctl with a number, or with a structure as large as its type says. @throws SystemCallError. */
  ioctl(fd: number, request: number, argument: number | Uint8Array): number;
  /** An ioctl with a structure of any size: its answer, or an error number negated. */
  deviceIoctl(fd: number, request: number, argument: Uint8Array): number;
  devicePread(fd: number, bytes: Uint8Array, position: number, count: number): number;
  devicePwrite(fd: number, bytes: Uint8Array, position: number, count: number): number;
  /** @throws SystemCallError. */
  map(fd: number, length: number, position: number): Mapping;
  close(fd: number): void;
}

export const vfioKernel: VfioKernel = {
  exists: existsSync,
  linkOf: (path) => {
    try {
      return readlinkSync(path);
    } catch {
      return undefined;
    }
  },
  open: (path) => openFile(path, constants.O_RDWR),
  ioctl,
  deviceIoctl,
  devicePread,
  devicePwrite,
  map: mapMemory,
  close: closeFd,
};
