import { basename } from 'node:path';
import { decodeStructure, encodeStructure } from '../../reference-impl/wire/structure.ts';
import {
  VFIO_API_VERSION,
  VFIO_GROUP_FLAGS_VIABLE,
  VFIO_TYPE1v2_IOMMU,
  vfioGroupRequests,
  vfioGroupStatus,
} from '../../reference-impl/wire/vfio-structures.ts';
import { DriverUsageError, SystemCallError } from '../errors.ts';
import { kernelPageSize } from '../port/page-size.ts';
import { holdersOf } from './group-holders.ts';
import { type IoVirtualRange, ioVirtualRangesOf } from './io-virtual-ranges.ts';
import { KernelVfioFile } from './kernel-vfio-file.ts';
import type { OpeningCalls, VfioCarrier } from './vfio-carrier.ts';
import { type VfioKernel, vfioKernel } from './vfio-kernel.ts';
import type { VfioSubject } from './vfio-subject.ts';

/** What a call is made on, and who is told of it. */
interface CallPlace {
  readonly on: 'container' | 'group';
  readonly descriptor: number;
  readonly calls: OpeningCalls | undefined;
}

const containerPath = '/dev/vfio/vfio';
const remedies: Readonly<Record<string, (path: string) => string>> = {
  ENOENT: (path) => `there is no ${path}: modprobe vfio`,
  ENODEV: (path) => `nothing serves ${path}: modprobe vfio`,
  EACCES: (path) => `no permission on ${path}: run as root, or give yourself read and write access`,
  EPERM: (path) => `no permission on ${path}: run as root, or give yourself read and write access`,
  EBUSY: (path) => {
    const holders = holdersOf(path);
    return `EBUSY: ${path} is in use${holders.length === 0 ? '' : ` by process ${holders.join(', ')}`}`;
  },
};

/**
 * A device behind the kernel's VFIO, in group and container. Each open is a user of its own: a group and a
 * container that is not shared, so a second one is refused as long as the first is open.
 */
export class KernelVfio implements VfioCarrier {
  readonly pageSize = kernelPageSize();
  readonly #subject: VfioSubject;
  readonly #kernel: VfioKernel;
  #ranges: readonly IoVirtualRange[] | undefined;

  constructor(subject: VfioSubject, kernel: VfioKernel = vfioKernel) {
    this.#subject = subject;
    this.#kernel = kernel;
  }

  /** Where the IOMMU takes addresses, once it was opened; undefined where that is not known. */
  get ioVirtualRanges(): readonly IoVirtualRange[] | undefined {
    return this.#ranges;
  }

  open(calls?: OpeningCalls): ReturnType<VfioCarrier['open']> {
    const held: number[] = [];
    try {
      return { kind: 'opened', file: this.#open(held, calls) };
    } catch (error) {
      for (const descriptor of held.reverse()) this.#kernel.close(descriptor);
      if (!(error instanceof DriverUsageError) && !(error instanceof SystemCallError)) throw error;
      return { kind: 'refused', why: error.message };
    }
  }

  /** All that was opened is in `held` when this throws. */
  #open(held: number[], calls: OpeningCalls | undefined): KernelVfioFile {
    const keep = (descriptor: number): number => {
      held.push(descriptor);
      return descriptor;
    };
    const groupPath = this.#groupPath();
    const container = keep(this.#openFile(containerPath));
    const onContainer: CallPlace = { on: 'container', descriptor: container, calls };
    this.#checkContainer(onContainer);
    const group = keep(this.#openFile(groupPath));
    const onGroup: CallPlace = { on: 'group', descriptor: group, calls };
    this.#checkGroup(onGroup, groupPath);
    const { VFIO_GROUP_SET_CONTAINER, VFIO_SET_IOMMU, VFIO_GROUP_GET_DEVICE_FD } = vfioGroupRequests;
    this.#do('VFIO_GROUP_SET_CONTAINER', onGroup, VFIO_GROUP_SET_CONTAINER, bytesOfInt(container));
    this.#do('VFIO_SET_IOMMU', onContainer, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU);
    const { name: deviceName, isBehindIommu } = this.#subject;
    if (isBehindIommu) this.#ranges ??= ioVirtualRangesOf(container, this.#kernel);
    const name = new TextEncoder().encode(`${deviceName}\0`);
    const device = keep(this.#do('VFIO_GROUP_GET_DEVICE_FD', onGroup, VFIO_GROUP_GET_DEVICE_FD, name));
    return new KernelVfioFile(this.#kernel, { device, group, container });
  }

  #groupPath(): string {
    const { directory, whyNoGroup, whyNotOpened } = this.#subject;
    const group = this.#kernel.linkOf(`${directory}/iommu_group`);
    if (group === undefined) throw new DriverUsageError(whyNoGroup(this.#kernel));
    const why = whyNotOpened?.(this.#kernel);
    if (why !== undefined) throw new DriverUsageError(why);
    return `/dev/vfio/${basename(group)}`;
  }

  #openFile(path: string): number {
    try {
      return this.#kernel.open(path);
    } catch (error) {
      const remedy = error instanceof SystemCallError ? remedies[error.errnoName] : undefined;
      throw remedy === undefined ? error : new DriverUsageError(remedy(path));
    }
  }

  #checkContainer(container: CallPlace): void {
    const { VFIO_GET_API_VERSION, VFIO_CHECK_EXTENSION } = vfioGroupRequests;
    const version = this.#do('VFIO_GET_API_VERSION', container, VFIO_GET_API_VERSION, 0);
    if (version !== VFIO_API_VERSION) throw new DriverUsageError(`VFIO has version ${version} here, and not 0`);
    if (this.#do('VFIO_CHECK_EXTENSION', container, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) !== 1) {
      throw new DriverUsageError('the container has no IOMMU of type 1: modprobe vfio_iommu_type1');
    }
  }

  #checkGroup(group: CallPlace, path: string): void {
    const status = encodeStructure(vfioGroupStatus, { argsz: vfioGroupStatus.size, flags: 0 });
    this.#do('VFIO_GROUP_GET_STATUS', group, vfioGroupRequests.VFIO_GROUP_GET_STATUS, status);
    const flags = decodeStructure(vfioGroupStatus, status)?.flags ?? 0;
    if ((flags & VFIO_GROUP_FLAGS_VIABLE) !== 0) return;
    throw new DriverUsageError(`${path} is not viable: a device of the group is bound to a driver outside VFIO`);
  }

  #do(what: string, place: CallPlace, request: number, argument: number | Uint8Array): number {
    const { on, descriptor, calls } = place;
    const told = typeof argument === 'number' ? bytesOfInt(argument) : argument;
    calls?.begin(on, request, told);
    try {
      const result = this.#kernel.ioctl(descriptor, request, argument);
      calls?.end(result, told);
      return result;
    } catch (error) {
      if (error instanceof SystemCallError) calls?.end(-error.errno, told);
      throw error instanceof SystemCallError ? new DriverUsageError(`${what}: ${error.errnoName}`) : error;
    }
  }
}

const bytesOfInt = (value: number): Uint8Array => new Uint8Array(Int32Array.of(value).buffer);
