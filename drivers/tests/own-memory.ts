import { closeFd, openFile, pread } from '../native/native.ts';

/** Bytes of this process's memory at an address, as the kernel sees them. */
export function loadFromOwnMemory(address: bigint, length: number): Uint8Array {
  const fd = openFile('/proc/self/mem');
  const bytes = new Uint8Array(length);
  try {
    return bytes.subarray(0, pread(fd, bytes, 0, length, address));
  } finally {
    closeFd(fd);
  }
}
