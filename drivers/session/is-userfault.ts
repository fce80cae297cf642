import { readlinkSync } from 'node:fs';

/** Whether a descriptor is a userfaultfd. */
export function isUserfault(fd: number): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`) === 'anon_inode:[userfaultfd]';
  } catch {
    return false;
  }
}
