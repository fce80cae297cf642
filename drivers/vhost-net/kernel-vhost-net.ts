import { constants } from 'node:fs';
import { errno } from '../../reference-impl/wire/errno.ts';
import { closeFd, deviceIoctl, devicePread, devicePwrite, openFile } from '../native/native.ts';
import { kernelPageSize } from '../port/page-size.ts';
import type { VhostNetFile } from '../port/vhost-kernel-door.ts';
import { type DeviceFileKernel, KernelDeviceFile, openDeviceFile } from '../vhost-kernel/kernel-device-file.ts';
import type { VhostNetCarrier } from './vhost-net-carrier.ts';

/** What the way to /dev/vhost-net needs of the system. */
export interface VhostNetKernel extends DeviceFileKernel {
  /** Bytes that one read gave, or an error number negated. */
  read(fd: number, buffer: Uint8Array): number;
}

/** Reads do not wait for messages. */
export const vhostNetKernel: VhostNetKernel = {
  open: (path) => openFile(path, constants.O_RDWR | constants.O_NONBLOCK),
  ioctl: deviceIoctl,
  read: (fd, buffer) => devicePread(fd, buffer, 0),
  write: (fd, bytes) => devicePwrite(fd, bytes, 0),
  close: closeFd,
};

/** The vhost-net of this kernel. */
export class KernelVhostNet implements VhostNetCarrier {
  readonly pageSize = kernelPageSize();
  readonly #path: string;
  readonly #kernel: VhostNetKernel;

  constructor(path: string, kernel: VhostNetKernel = vhostNetKernel) {
    this.#path = path;
    this.#kernel = kernel;
  }

  open(): ReturnType<VhostNetCarrier['open']> {
    return openDeviceFile(
      this.#path,
      this.#kernel,
      'modprobe vhost_net',
      (fd) => new KernelVhostNetFile(this.#kernel, fd),
    );
  }
}

class KernelVhostNetFile extends KernelDeviceFile<VhostNetKernel> implements VhostNetFile {
  read(length: number): Uint8Array | number {
    if (!this.isOpen) return -errno.EBADF;
    const bytes = new Uint8Array(length);
    const answer = this.kernel.read(this.fd, bytes);
    return answer < 0 ? answer : bytes.subarray(0, answer);
  }
}
