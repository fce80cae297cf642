import { constants } from 'node:fs';
import type { Region } from '../../reference-impl/memory/region.ts';
import { errno } from '../../reference-impl/wire/errno.ts';
import { DriverUsageError, PeerProtocolError, SystemCallError } from '../errors.ts';
import {
  closeFd,
  eventfdCreate,
  eventfdRead,
  eventfdWrite,
  fstat,
  memfdCreate,
  openFile,
  POLLIN,
  POLLOUT,
  pipe2,
  pollOne,
  pread,
  pwrite,
  readOnce,
  socketPair,
  writeOnce,
} from '../native/native.ts';
import type { DescriptorSource } from '../port/port.ts';
import { descriptorOfRegion } from './guest-memory.ts';
import { isUserfault } from './is-userfault.ts';

/** Descriptors of an IUT that are kept at once. */
const mostReceived = 64;
/** Bytes of a file of an IUT that are looked at in one step. */
const mostAtOnce = 1 << 26;
/** Bytes that are taken out of a pipe in one step. */
const mostDrained = 1 << 16;

/** Makes descriptors for cases and keeps those that were received, until all are closed together. */
export class OwnedDescriptors implements DescriptorSource {
  readonly #open = new Set<number>();
  /** Of those, the ones that an IUT gave. */
  readonly #received = new Set<number>();

  get size(): number {
    return this.#open.size;
  }

  /** Keeps what an IUT gave. False where that is more than a case can have use for: then those are closed. */
  adopt(descriptors: readonly number[]): boolean {
    for (const descriptor of descriptors) {
      this.#open.add(descriptor);
      this.#received.add(descriptor);
    }
    if (this.#received.size <= mostReceived) return true;
    for (const descriptor of descriptors) this.close(descriptor);
    return false;
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

  sizeOf(fd: number): number {
    return fstat(this.#ours(fd)).size;
  }

  isUserfault(fd: number): boolean {
    return isUserfault(this.#ours(fd));
  }

  load(fd: number, position: number, length: number): Uint8Array {
    return this.#accessing(fd, 'read', position, length, () => {
      const bytes = new Uint8Array(length);
      return bytes.subarray(0, pread(fd, bytes, 0, length, position));
    });
  }

  store(fd: number, position: number, bytes: Uint8Array): void {
    this.#accessing(fd, 'written', position, bytes.length, () => pwrite(fd, bytes, 0, bytes.length, position));
  }

  write(fd: number, bytes: Uint8Array): number {
    try {
      return pollOne(this.#ours(fd), POLLOUT, 0) !== 0 ? Math.max(0, writeOnce(fd, bytes, 0, bytes.length)) : 0;
    } catch (error) {
      if (!(error instanceof SystemCallError) || error.errno !== errno.EPIPE) throw error;
      throw new PeerProtocolError('the other end of a pipe that we write is closed');
    }
  }

  drain(fd: number): Uint8Array | undefined {
    return this.#accessing(fd, 'read', 0, 0, () => {
      const bytes = new Uint8Array(mostDrained);
      // It may be one that blocks.
      const count = pollOne(fd, POLLIN, 0) !== 0 ? readOnce(fd, bytes, 0, bytes.length) : -1;
      return count === 0 ? undefined : bytes.subarray(0, Math.max(0, count));
    });
  }

  pipe(how?: 'blocking'): { readonly readEnd: number; readonly writeEnd: number } {
    const { readFd, writeFd } = pipe2({ nonblocking: how === undefined });
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
    this.#received.delete(fd);
  }

  /** Closes those that were received behind the present ones, once the returned function is called. */
  mark(): () => void {
    const before = new Set(this.#received);
    return () => {
      for (const descriptor of this.#received) if (!before.has(descriptor)) this.close(descriptor);
    };
  }

  /** Closes what is still open and returns how many there were. */
  closeAll(): number {
    const count = this.#open.size;
    for (const descriptor of this.#open) closeFd(descriptor);
    this.#open.clear();
    this.#received.clear();
    return count;
  }

  /** What an IUT gave may be anything that a descriptor stands for, and of any size: that is its fault and not ours. */
  #accessing<T>(fd: number, how: 'read' | 'written', position: number, length: number, access: () => T): T {
    this.#ours(fd);
    if (!this.#received.has(fd)) return access();
    const where = `${length} bytes at ${position} of a descriptor that it gave`;
    if (length > mostAtOnce || position + length > Number.MAX_SAFE_INTEGER) {
      throw new PeerProtocolError(`${where}: more than can be ${how}`);
    }
    try {
      return access();
    } catch (error) {
      if (!(error instanceof SystemCallError)) throw error;
      throw new PeerProtocolError(`${where} cannot be ${how}: ${error.message}`);
    }
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
