import { errno } from '../../reference-impl/wire/errno.ts';
import { addon, checked, fail } from './addon.ts';
import type { Mapping } from './mapping.ts';

const addressOut = new BigUint64Array(1);

/** A userfaultfd, as much of one as this process may have. Throws SystemCallError where it may have none. */
export function userfaultOpen(): number {
  return checked(addon.userfaultOpen(), 'userfaultfd');
}

let isAvailable: boolean | undefined;

/** Whether this process may have a userfaultfd. */
export function hasUserfault(): boolean {
  if (isAvailable === undefined) {
    const fd = addon.userfaultOpen();
    isAvailable = fd >= 0;
    if (isAvailable) checked(addon.closeFd(fd), 'close');
  }
  return isAvailable;
}

/** From now on an access of this process to a missing page of the range, of whole pages, waits. */
export function userfaultRegister(fd: number, address: bigint, length: number): void {
  checked(addon.userfaultRegister(fd, address, length), 'ioctl(UFFDIO_REGISTER)');
}

/** What waits goes on, with zeros where nothing arrived. */
export function userfaultUnregister(fd: number, address: bigint, length: number): void {
  checked(addon.userfaultUnregister(fd, address, length), 'ioctl(UFFDIO_UNREGISTER)');
}

/** What waits for a page of the range, of the process that registered it, looks again. */
export function userfaultWake(fd: number, address: bigint, length: number): void {
  checked(addon.userfaultWake(fd, address, length), 'ioctl(UFFDIO_WAKE)');
}

/** Where an access waits that was not told yet, in addresses of its process; undefined where there is none. */
export function userfaultRead(fd: number): bigint | undefined {
  for (;;) {
    const result = checked(addon.userfaultRead(fd, addressOut), 'read', 'userfaultfd');
    if (result === 0) return undefined;
    if (result === 1) return addressOut[0] ?? 0n;
  }
}

/** A thread that reads a byte of each page of a part of a mapping, and waits where one is missing. */
export interface Touch {
  /** Whether all was read. */
  isOver(): boolean;
  /** Joins the thread. It must not wait for a page any more. */
  end(): void;
}

/** The thread signals `eventfd` when it has read all. The mapping cannot be unmapped before `end`. */
export function startTouch(mapping: Mapping, offset: number, length: number, pageSize: number, eventfd: number): Touch {
  const handle = checked(addon.startTouch(mapping.buffer, offset, length, pageSize, eventfd), 'startTouch');
  return {
    isOver: () => checked(addon.isTouchOver(handle), 'isTouchOver') === 1,
    end: () => void checked(addon.endTouch(handle), 'endTouch'),
  };
}

/** The pages of a part of a memory file are missing again; its size stays. */
export function punchHole(fd: number, offset: number, length: number): void {
  checked(addon.punchHole(fd, offset, length), 'fallocate(FALLOC_FL_PUNCH_HOLE)');
}

/** The pages of a part of a memory file that are missing are there, with zeros. `nextData` shows them once they are used. */
export function fillHoles(fd: number, offset: number, length: number): void {
  checked(addon.fillHoles(fd, offset, length), 'fallocate');
}

/** From `offset` on, the first byte of a memory file whose page is not missing; undefined where there is none. */
export function nextData(fd: number, offset: number): number | undefined {
  const result = addon.nextData(fd, offset);
  if (result === -errno.ENXIO) return undefined;
  if (result < 0) fail(result, 'lseek(SEEK_DATA)');
  return result;
}
