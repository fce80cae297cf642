import { errno } from './error-numbers.ts';
import type { MdevDevice } from './mdev-device.ts';

/** An open file of a device: what `read` and `write` move along, and what closes. */
export class MdevFile {
  readonly #device: MdevDevice;
  #isOpen = true;
  /** Where the next `read` or `write` is. */
  position = 0;

  constructor(device: MdevDevice) {
    this.#device = device;
  }

  get device(): MdevDevice {
    return this.#device;
  }

  read(count: number, target: Uint8Array): number {
    const done = this.pread(this.position, count, target);
    if (done > 0) this.position += done;
    return done;
  }

  write(count: number, source: Uint8Array): number {
    const done = this.pwrite(this.position, count, source);
    if (done > 0) this.position += done;
    return done;
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
