import { closeSync, constants, existsSync, openSync } from 'node:fs';

/** Whether the kernel refuses to give a block device to one user alone: a file system, a volume or a program has it. */
export function isHeldDisk(name: string): boolean {
  const path = `/dev/${name}`;
  if (!existsSync(path)) return false;
  try {
    closeSync(openSync(path, constants.O_RDONLY | constants.O_EXCL | constants.O_NONBLOCK));
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EBUSY';
  }
}
