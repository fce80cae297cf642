import { errno } from '../../reference-impl/wire/errno.ts';
import type { VfioFile, VfioMapping } from '../port/vhost-mdev-door.ts';
import { MappedPages } from '../session/device-pages.ts';
import type { VfioKernel } from './vfio-kernel.ts';

/** Descriptors of a device, of its group and of the group's container. */
export interface VfioDescriptors {
  readonly device: number;
  readonly group: number;
  readonly container: number;
}

/** A device that the kernel's VFIO opened. After its close every call answers EBADF: its numbers may be others' by then. */
export class KernelVfioFile implements VfioFile {
  readonly #kernel: VfioKernel;
  readonly #descriptors: VfioDescriptors;
  readonly #pages = new MappedPages();
  #isOpen = true;

  constructor(kernel: VfioKernel, descriptors: VfioDescriptors) {
    this.#kernel = kernel;
    this.#descriptors = descriptors;
  }

  ioctl(request: number, argument: Uint8Array): number {
    if (!this.#isOpen) return -errno.EBADF;
    return this.#kernel.deviceIoctl(this.#descriptors.device, request, argument);
  }

  containerIoctl(request: number, argument: Uint8Array): number {
    if (!this.#isOpen) return -errno.EBADF;
    return this.#kernel.deviceIoctl(this.#descriptors.container, request, argument);
  }

  pread(position: number, bytes: Uint8Array, count = bytes.length): number {
    return this.#isOpen ? this.#kernel.devicePread(this.#descriptors.device, bytes, position, count) : -errno.EBADF;
  }

  pwrite(position: number, bytes: Uint8Array, count = bytes.length): number {
    return this.#isOpen ? this.#kernel.devicePwrite(this.#descriptors.device, bytes, position, count) : -errno.EBADF;
  }

  map(position: number, length: number): VfioMapping | number {
    if (!this.#isOpen) return -errno.EBADF;
    return this.#pages.add(() => this.#kernel.map(this.#descriptors.device, length, position));
  }

  /** A page that stays mapped would keep the device open, and its group busy: pages go first. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#pages.unmapAll();
    const { device, group, container } = this.#descriptors;
    for (const descriptor of [device, group, container]) this.#kernel.close(descriptor);
  }
}
