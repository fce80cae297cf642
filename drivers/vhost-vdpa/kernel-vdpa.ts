import { errno } from '../../reference-impl/wire/errno.ts';
import { SystemCallError } from '../errors.ts';
import { kernelPageSize } from '../port/page-size.ts';
import type { VdpaFile, VdpaMapping, VdpaPageRequest } from '../port/vhost-vdpa-door.ts';
import { MappedPages } from '../session/device-pages.ts';
import { holdersOf } from '../vfio/group-holders.ts';
import type { VdpaCarrier } from './vdpa-carrier.ts';
import { type VdpaKernel, vdpaKernel } from './vdpa-kernel.ts';

const remedies: Readonly<Record<string, (path: string) => string>> = {
  ENOENT: (path) => `there is no ${path}: modprobe vhost_vdpa, and vdpa dev add`,
  EACCES: (path) => `no permission on ${path}: run as root, or give yourself read and write access`,
  EPERM: (path) => `no permission on ${path}: run as root, or give yourself read and write access`,
  EBUSY: (path) => {
    const holders = holdersOf(path);
    return `EBUSY: ${path} is in use${holders.length === 0 ? '' : ` by process ${holders.join(', ')}`}`;
  },
};

/** A vhost-vdpa device file of this kernel. */
export class KernelVdpa implements VdpaCarrier {
  readonly pageSize = kernelPageSize();
  readonly #path: () => string;
  readonly #kernel: VdpaKernel;

  /** @param path of the device file, which another one may have once the device was made anew. */
  constructor(path: () => string, kernel: VdpaKernel = vdpaKernel) {
    this.#path = path;
    this.#kernel = kernel;
  }

  open(): ReturnType<VdpaCarrier['open']> {
    const path = this.#path();
    try {
      return { kind: 'opened', file: new KernelVdpaFile(this.#kernel, this.#kernel.open(path), this.pageSize) };
    } catch (error) {
      if (!(error instanceof SystemCallError)) throw error;
      return { kind: 'refused', why: remedies[error.errnoName]?.(path) ?? `${path}: ${error.message}` };
    }
  }
}

/** After its close every call answers EBADF: its number may be another's by then. */
class KernelVdpaFile implements VdpaFile {
  readonly #kernel: VdpaKernel;
  readonly #fd: number;
  readonly #pageSize: number;
  readonly #pages = new MappedPages();
  #isOpen = true;

  constructor(kernel: VdpaKernel, fd: number, pageSize: number) {
    this.#kernel = kernel;
    this.#fd = fd;
    this.#pageSize = pageSize;
  }

  ioctl(request: number, argument: Uint8Array): number {
    return this.#isOpen ? this.#kernel.ioctl(this.#fd, request, argument) : -errno.EBADF;
  }

  write(bytes: Uint8Array): number {
    return this.#isOpen ? this.#kernel.write(this.#fd, bytes) : -errno.EBADF;
  }

  map({ page, length, isShared = true, isReadable = false }: VdpaPageRequest): VdpaMapping | number {
    if (!this.#isOpen) return -errno.EBADF;
    const options = { writeOnly: !isReadable, isPrivate: !isShared };
    return this.#pages.add(() => this.#kernel.map(this.#fd, length, page * this.#pageSize, options));
  }

  /** A page that stays mapped would keep the device open: pages go first. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#pages.unmapAll();
    this.#kernel.close(this.#fd);
  }
}
