import { errno } from '../../reference-impl/wire/errno.ts';
import { SystemCallError } from '../errors.ts';
import type { VhostFile } from '../port/vhost-kernel-door.ts';
import { holdersOf } from '../vfio/group-holders.ts';

/** What the way to a device file needs of the system, so that a test can stand in for a kernel without such a device. */
export interface DeviceFileKernel {
  /** Opens for reading and writing. @throws SystemCallError. */
  open(path: string): number;
  /** The answer, or an error number negated. */
  ioctl(fd: number, request: number, argument: Uint8Array): number;
  /** Bytes taken by one write, or an error number negated. */
  write(fd: number, bytes: Uint8Array): number;
  close(fd: number): void;
}

export type Opened<File> =
  | { readonly kind: 'opened'; readonly file: File }
  | { readonly kind: 'refused'; readonly why: string };

const noPermission = (path: string): string =>
  `no permission on ${path}: run as root, or give yourself read and write access`;

/** Opens a device file. @param absent what makes one where there is none. */
export function openDeviceFile<File>(
  path: string,
  kernel: DeviceFileKernel,
  absent: string,
  make: (fd: number) => File,
): Opened<File> {
  const remedies: Readonly<Record<string, () => string>> = {
    ENOENT: () => `there is no ${path}: ${absent}`,
    EACCES: () => noPermission(path),
    EPERM: () => noPermission(path),
    EBUSY: () => {
      const holders = holdersOf(path);
      return `EBUSY: ${path} is in use${holders.length === 0 ? '' : ` by process ${holders.join(', ')}`}`;
    },
  };
  try {
    return { kind: 'opened', file: make(kernel.open(path)) };
  } catch (error) {
    if (!(error instanceof SystemCallError)) throw error;
    return { kind: 'refused', why: remedies[error.errnoName]?.() ?? `${path}: ${error.message}` };
  }
}

/** After its close every call answers EBADF: its number may be another's by then. */
export class KernelDeviceFile<Kernel extends DeviceFileKernel> implements VhostFile {
  protected readonly kernel: Kernel;
  protected readonly fd: number;
  protected isOpen = true;

  constructor(kernel: Kernel, fd: number) {
    this.kernel = kernel;
    this.fd = fd;
  }

  ioctl(request: number, argument: Uint8Array): number {
    return this.isOpen ? this.kernel.ioctl(this.fd, request, argument) : -errno.EBADF;
  }

  write(bytes: Uint8Array): number {
    return this.isOpen ? this.kernel.write(this.fd, bytes) : -errno.EBADF;
  }

  close(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.kernel.close(this.fd);
  }
}
