import { constants } from 'node:os';
import { vfioRequests } from '../../reference-impl/wire/vfio-structures.ts';
import { SystemCallError } from '../errors.ts';
import { closeFd, type Mapping, mapMemory, memfdCreate } from '../native/native.ts';
import type { VfioKernel } from '../vfio/vfio-kernel.ts';

const names: Readonly<Record<number, string>> = {
  15204: 'GET_API_VERSION',
  15205: 'CHECK_EXTENSION',
  15206: 'SET_IOMMU',
  15207: 'GROUP_GET_STATUS',
  15208: 'SET_CONTAINER',
  15210: 'GET_DEVICE_FD',
};

export const scriptedFunction = '0000:65:00.2';
export const scriptedUuid = '01234567-89ab-4cde-8f01-23456789abcd';

/** A kernel with one mediated device and one PCI function in group 7: what is asked of it stands in `calls`, what it refuses in `errors`. */
export class ScriptedVfioKernel implements VfioKernel {
  readonly calls: string[] = [];
  /** Errno by the call or path that is to fail. */
  readonly errors: Record<string, keyof typeof constants.errno> = {};
  /** What ioctls answer in place of their usual. */
  readonly answers: Record<string, number> = {};
  /** With all that is below them. */
  readonly missing = new Set<string>();
  isViable = true;
  /** Of a function on the PCI bus. */
  driver = 'vfio-pci';
  /** What VFIO_IOMMU_GET_INFO writes; it fails with ENOTTY without. */
  iommuInfo: Uint8Array | undefined;
  readonly open = (path: string): number => {
    this.#fail(path);
    return this.#open(path);
  };
  readonly #paths = new Map<number, string>();
  #next = 100;

  /** Descriptors that are open, by what they are of. */
  get held(): string[] {
    return [...this.#paths.values()];
  }

  exists(path: string): boolean {
    return ![...this.missing].some((missing) => path === missing || path.startsWith(`${missing}/`));
  }

  linkOf(path: string): string | undefined {
    if (!this.exists(path)) return undefined;
    return path.endsWith('/driver') ? `../../../../bus/pci/drivers/${this.driver}` : '../../../kernel/iommu_groups/7';
  }

  ioctl(fd: number, request: number, argument: number | Uint8Array): number {
    const name = names[request] ?? `0x${request.toString(16)}`;
    this.calls.push(
      `${name} ${this.#paths.get(fd)} ${typeof argument === 'number' ? argument : Buffer.from(argument)}`,
    );
    this.#fail(name);
    if (name === 'GROUP_GET_STATUS' && typeof argument !== 'number') {
      new DataView(argument.buffer, argument.byteOffset).setUint32(4, this.isViable ? 1 : 0, true);
    }
    if (name === 'GET_DEVICE_FD') return this.#open('device');
    return this.answers[name] ?? (name === 'CHECK_EXTENSION' ? 1 : 0);
  }

  deviceIoctl(fd: number, request: number, argument: Uint8Array): number {
    this.calls.push(`ioctl ${this.#paths.get(fd)} 0x${request.toString(16)} ${argument.length}`);
    if (request !== vfioRequests.VFIO_IOMMU_GET_INFO) return 0;
    if (this.iommuInfo === undefined) return -constants.errno.ENOTTY;
    argument.set(this.iommuInfo);
    return 0;
  }

  devicePread(fd: number, bytes: Uint8Array, position: number): number {
    this.calls.push(`pread ${this.#paths.get(fd)} ${bytes.length} at ${position}`);
    return bytes.length;
  }

  devicePwrite(fd: number, bytes: Uint8Array, position: number): number {
    this.calls.push(`pwrite ${this.#paths.get(fd)} ${bytes.length} at ${position}`);
    return bytes.length;
  }

  map(fd: number, length: number, position: number): Mapping {
    this.calls.push(`map ${this.#paths.get(fd)} ${length} at ${position}`);
    this.#fail('map');
    const memory = memfdCreate('doorbell', length, { seal: true });
    try {
      return mapMemory(memory, length);
    } finally {
      closeFd(memory);
    }
  }

  close(fd: number): void {
    this.calls.push(`close ${this.#paths.get(fd)}`);
    this.#paths.delete(fd);
  }

  #open(path: string): number {
    this.calls.push(`open ${path}`);
    this.#paths.set(this.#next, path);
    return this.#next++;
  }

  #fail(what: string): void {
    const name = this.errors[what];
    if (name !== undefined) throw new SystemCallError(constants.errno[name], what);
  }
}
