import { errno } from '../../reference-impl/wire/errno.ts';
import { kernelPageSize } from '../port/page-size.ts';
import type { VdpaFile, VdpaMapping, VdpaPageRequest } from '../port/vhost-vdpa-door.ts';
import { MappedPages } from '../session/device-pages.ts';
import { KernelDeviceFile, openDeviceFile } from '../vhost-kernel/kernel-device-file.ts';
import type { VdpaCarrier } from './vdpa-carrier.ts';
import { type VdpaKernel, vdpaKernel } from './vdpa-kernel.ts';

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
    const absent = 'modprobe vhost_vdpa, and vdpa dev add';
    return openDeviceFile(
      this.#path(),
      this.#kernel,
      absent,
      (fd) => new KernelVdpaFile(this.#kernel, fd, this.pageSize),
    );
  }
}

class KernelVdpaFile extends KernelDeviceFile<VdpaKernel> implements VdpaFile {
  readonly #pageSize: number;
  readonly #pages = new MappedPages();

  constructor(kernel: VdpaKernel, fd: number, pageSize: number) {
    super(kernel, fd);
    this.#pageSize = pageSize;
  }

  map({ page, length, isShared = true, isReadable = false }: VdpaPageRequest): VdpaMapping | number {
    if (!this.isOpen) return -errno.EBADF;
    const options = { writeOnly: !isReadable, isPrivate: !isShared };
    return this.#pages.add(() => this.kernel.map(this.fd, length, page * this.#pageSize, options));
  }

  /** A page that stays mapped would keep the device open: pages go first. */
  override close(): void {
    this.#pages.unmapAll();
    super.close();
  }
}
