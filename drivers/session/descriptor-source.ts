import { constants } from 'node:fs';
import type { Region } from '../../reference-impl/memory/region.ts';
import { DriverUsageError } from '../errors.ts';
import {
  closeFd,
  eventfdCreate,
  eventfdRead,
  eventfdWrite,
  memfdCreate,
  openFile,
  pipe2,
  pread,
  pwrite,
  socketPair,
  writeOnce,
} from '../native/native.ts';
import type { DescriptorSource } from '../port/port.ts';
import { descriptorOfRegion } from './guest-memory.ts';

/** Makes descriptors for cases and keeps those that were received, until all are closed together. */
export class OwnedDescriptors implements DescriptorSource {
  readonly #open = new Set<number>();

  get size(): number {
    return this.#open.size;
  }

  adopt(descriptors: readonly number[]): void {
    for (const descriptor of descriptors) this.#open.add(descriptor);
  }

  eventfd(): number {
    return this.#keep(eventfdCreate());
  }

  signal(fd: number, value: number | bigint = 1): void {
    eventfdWrite(this.#ours(fd), value);
  }

  read(fd: number): number {
    return eventfdRead(this.#ours(fd));
  }

  memoryFile(bytes: number): number {
    return this.#keep(memfdCreate('vhost-conformance-case', bytes, { seal: true }));
  }

  ofRegion(region: Region): number {
    return descriptorOfRegion(region);
  }

  load(fd: number, position: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    return bytes.subarray(0, pread(this.#ours(fd), bytes, 0, length, position));
  }

  store(fd: number, position: number, bytes: Uint8Array): void {
    pwrite(this.#ours(fd), bytes, 0, bytes.length, position);
  }

  write(fd: number, bytes: Uint8Array): boolean {
    return writeOnce(this.#ours(fd), bytes, 0, bytes.length) >= 0;
  }

  pipe(): { readonly readEnd: number; readonly writeEnd: number } {
    const { readFd, writeFd } = pipe2({ nonblocking: true });
    return { readEnd: this.#keep(readFd), writeEnd: this.#keep(writeFd) };
  }

  socketPair(): { readonly nearEnd: number; readonly farEnd: number } {
    const [nearEnd, farEnd] = socketPair();
    return { nearEnd: this.#keep(nearEnd), farEnd: this.#keep(farEnd) };
  }

  nullDevice(): number {
    return this.#keep(openFile('/dev/null', constants.O_RDWR));
  }

  close(fd: number): void {
    closeFd(this.#ours(fd));
    this.#open.delete(fd);
  }

  /** Closes what is still open and returns how many there were. */
  closeAll(): number {
    const count = this.#open.size;
    for (const descriptor of this.#open) closeFd(descriptor);
    this.#open.clear();
    return count;
  }

  #keep(fd: number): number {
    this.#open.add(fd);
    return fd;
  }

  #ours(fd: number): number {
    if (!this.#open.has(fd)) throw new DriverUsageError(`descriptor ${fd} is not open, or not of this source`);
    return fd;
  }
}
