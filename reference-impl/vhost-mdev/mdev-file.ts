import { errno } from '../wire/errno.ts';
import type { MdevState } from './mdev-state.ts';

/** What a file hands its calls to: each answers a count or 0, or an error number negated. */
export interface OpenedDevice extends MdevState {
  read(position: number, count: number, target: Uint8Array): number;
  write(position: number, count: number, source: Uint8Array): number;
  map(position: number, length: number, isShared: boolean): Uint8Array | number;
  ioctl(request: number, argument: Uint8Array): number;
  /** A file was closed. */
  closed(): void;
}

/** An open file of a device, until it is closed. */
export class MdevFile {
  readonly #device: OpenedDevice;
  #isOpen = true;

  constructor(device: OpenedDevice) {
    this.#device = device;
  }

  get device(): OpenedDevice {
    return this.#device;
  }

  pread(position: number, count: number, target: Uint8Array): number {
    return this.#isOpen ? this.#device.read(position, count, target) : -errno.EBADF;
  }

  pwrite(position: number, count: number, source: Uint8Array): number {
    return this.#isOpen ? this.#device.write(position, count, source) : -errno.EBADF;
  }

  map(position: number, length: number, isShared: boolean): Uint8Array | number {
    return this.#isOpen ? this.#device.map(position, length, isShared) : -errno.EBADF;
  }

  ioctl(request: number, argument: Uint8Array): number {
    return this.#isOpen ? this.#device.ioctl(request, argument) : -errno.EBADF;
  }

  /** Again has no effect. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#device.closed();
  }
}
