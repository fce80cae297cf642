import { addon, fail } from './addon.ts';

const kernelMaxErrno = 4095;

/** A count or 0, or an errno negated: what a device refuses is an answer. */
function answered(result: number, syscall: string): number {
  if (result < -kernelMaxErrno) fail(result, syscall);
  return result;
}

/**
 * An ioctl whose number does not say how large its argument is (VFIO). The call gets the bytes with unmapped memory
 * behind them: one that goes beyond them is answered EFAULT. What it writes is in `argument` afterwards.
 * Returns the result, or an errno negated. @throws DriverUsageError for an argument above 64 KiB.
 */
export function deviceIoctl(fd: number, request: number | bigint, argument: Uint8Array): number {
  return answered(addon.deviceIoctl(fd, request, argument), 'ioctl');
}

/**
 * One pread of the whole buffer: the bytes read, fewer where the device gives fewer, or an errno negated. With a `count`
 * beyond the buffer there is unmapped memory behind it. @throws DriverUsageError for such a buffer above 64 KiB.
 */
export function devicePread(fd: number, buffer: Uint8Array, position: number | bigint, count = buffer.length): number {
  return answered(addon.devicePread(fd, buffer, position, count), 'pread');
}

/** One pwrite of the whole buffer: the bytes taken, fewer where the device takes fewer, or an errno negated. */
export function devicePwrite(fd: number, buffer: Uint8Array, position: number | bigint, count = buffer.length): number {
  return answered(addon.devicePwrite(fd, buffer, position, count), 'pwrite');
}
