import { addon, checked } from './addon.ts';

const addressOut = new BigUint64Array(1);

/**
 * Shared memory of a descriptor, mapped until `unmap`. Views of the buffer
 * become empty then; an access through a pointer kept elsewhere would fault.
 */
export class Mapping {
  readonly buffer: ArrayBuffer;
  /** Where it lies in this process: a user address for the IUT's tables. */
  readonly address: bigint;
  readonly length: number;
  #isMapped = true;

  constructor(buffer: ArrayBuffer, address: bigint) {
    this.buffer = buffer;
    this.address = address;
    this.length = buffer.byteLength;
  }

  get isMapped(): boolean {
    return this.#isMapped;
  }

  /** Detaches the buffer and unmaps; again has no effect. Throws SystemCallError EBUSY while a mutator runs in it. */
  unmap(): void {
    if (!this.#isMapped) return;
    checked(addon.unmapMemory(this.buffer), 'munmap');
    this.#isMapped = false;
  }
}

export interface MapOptions {
  /** A write then ends the process with SIGSEGV. */
  readonly readOnly?: boolean;
  /** For pages that may be written alone, as the doorbells of a device. */
  readonly writeOnly?: boolean;
  /** What is written stays here. */
  readonly isPrivate?: boolean;
  /** Where the kernel should place it, if it can. */
  readonly addressHint?: bigint;
  /** Where it must lie, a multiple of the page size: SystemCallError EEXIST where something else does. */
  readonly address?: bigint;
}

/**
 * Maps `length` bytes of `fd` from `offset` (a multiple of the page size),
 * shared. Memory whose owner can shrink it must not be mapped: the access
 * beyond its end is a SIGBUS.
 */
export function mapMemory(fd: number, length: number, offset: number | bigint = 0, options: MapOptions = {}): Mapping {
  const { readOnly = false, writeOnly = false, isPrivate = false, addressHint = 0n, address } = options;
  const isFixed = address !== undefined;
  const buffer = addon.mapMemory(
    fd,
    length,
    offset,
    readOnly,
    address ?? addressHint,
    addressOut,
    isFixed,
    writeOnly,
    isPrivate,
  );
  if (typeof buffer === 'number') {
    checked(buffer, 'mmap');
    throw new TypeError('mmap answered no memory');
  }
  return new Mapping(buffer, addressOut[0] ?? 0n);
}
