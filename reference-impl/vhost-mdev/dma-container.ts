import { type IotlbPermission, MemoryMap } from '../memory/memory-map.ts';
import { errno } from '../wire/errno.ts';
import { decodeStructure } from '../wire/structure.ts';
import {
  VFIO_DMA_MAP_FLAG_READ,
  VFIO_DMA_MAP_FLAG_WRITE,
  vfioDmaMap,
  vfioDmaUnmap,
  vfioRequests,
} from '../wire/vfio-structures.ts';
import type { MdevEdge } from './mdev-edge.ts';

export interface DmaMapping {
  readonly ioVirtualAddress: bigint;
  readonly userAddress: bigint;
  readonly size: bigint;
  readonly permission: IotlbPermission;
  readonly bytes: Uint8Array;
}

export interface DmaRequest {
  readonly flags: number;
  readonly ioVirtualAddress: bigint;
  readonly userAddress: bigint;
  readonly size: bigint;
}

export interface DmaRules {
  /** The error number of a call whose argument lies in memory that is not there. */
  readonly badPointer: number;
  /** Whether a structure of `size` bytes may say that it has so many. */
  readonly acceptsArgsz: (argsz: number, size: number) => boolean;
  /** The error number with which a mapping is refused, or 0. */
  readonly mapError: (request: DmaRequest, mappings: readonly DmaMapping[], pageSize: bigint) => number;
  /** The same of taking a range away. */
  readonly unmapError: (
    request: Pick<DmaRequest, 'flags' | 'ioVirtualAddress' | 'size'>,
    mappings: readonly DmaMapping[],
    pageSize: bigint,
  ) => number;
  /** What the device may do there, by the flags of a mapping that is not refused. */
  readonly permissionOf: (flags: number) => IotlbPermission;
  /** Bytes that an unmapping tells, of those that were mapped in the range. */
  readonly unmappedBytes: (gone: bigint, asked: bigint) => bigint;
  /** Whether a mapping stays that was taken away. */
  readonly keepsUnmapped: (mapping: DmaMapping) => boolean;
}

const END = 1n << 64n;
const KNOWN_FLAGS = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;

interface Range {
  readonly ioVirtualAddress: bigint;
  readonly size: bigint;
}

const endOf = ({ ioVirtualAddress, size }: Range): bigint => ioVirtualAddress + size;
const overlaps = (a: Range, b: Range): boolean => a.ioVirtualAddress < endOf(b) && b.ioVirtualAddress < endOf(a);
const isWithin = (inner: Range, outer: Range): boolean =>
  outer.ioVirtualAddress <= inner.ioVirtualAddress && endOf(inner) <= endOf(outer);

function isLawful(range: Range, pageSize: bigint): boolean {
  return range.size > 0n && endOf(range) <= END && (range.size | range.ioVirtualAddress) % pageSize === 0n;
}

/** What a VFIO container of type 1, version 2, allows. */
export const dmaRules: DmaRules = {
  badPointer: errno.EFAULT,
  acceptsArgsz: (argsz, size) => argsz >= size,
  mapError: (request, mappings, pageSize) => {
    if (request.flags === 0 || (request.flags & ~KNOWN_FLAGS) !== 0) return errno.EINVAL;
    if (!isLawful(request, pageSize) || request.userAddress % pageSize !== 0n) return errno.EINVAL;
    return mappings.some((one) => overlaps(one, request)) ? errno.EEXIST : 0;
  },
  unmapError: (request, mappings, pageSize) => {
    if (request.flags !== 0 || !isLawful(request, pageSize)) return errno.EINVAL;
    return mappings.some((one) => overlaps(one, request) && !isWithin(one, request)) ? errno.EINVAL : 0;
  },
  permissionOf: (flags) => (flags === KNOWN_FLAGS ? 'read-write' : flags === VFIO_DMA_MAP_FLAG_READ ? 'read' : 'write'),
  unmappedBytes: (gone) => gone,
  keepsUnmapped: () => false,
};

/** The container that a device of layout L2 has its memory from: I/O-virtual addresses to those of the user. */
export class DmaContainer {
  readonly #edge: MdevEdge;
  readonly #rules: DmaRules;
  readonly #changed: () => void;
  #mappings: readonly DmaMapping[] = [];

  /** `changed` is called after each change, before the call that made it returns. */
  constructor(edge: MdevEdge, rules: DmaRules, changed: () => void) {
    this.#edge = edge;
    this.#rules = rules;
    this.#changed = changed;
  }

  get mappings(): readonly DmaMapping[] {
    return this.#mappings;
  }

  /** A new map of all that is mapped: a device reaches nothing else. */
  memoryMap(): MemoryMap {
    const at = ({ ioVirtualAddress, size, bytes }: DmaMapping) => ({
      guestAddress: ioVirtualAddress,
      // One user address may be mapped twice: the I/O-virtual address stands for it, which is mapped once.
      userAddress: ioVirtualAddress,
      size,
      bytes,
    });
    const map = new MemoryMap(this.#mappings.map(at));
    for (const { ioVirtualAddress, size, permission } of this.#mappings) {
      map.updateIotlb({ ioVirtualAddress, userAddress: ioVirtualAddress, size, permission });
    }
    return map;
  }

  /** An ioctl on the container: 0, or an error negated. */
  ioctl(request: number, argument: Uint8Array): number {
    // Not negated: that of 0 is another number.
    return 0 - this.#errorOf(request, argument);
  }

  /** Takes everything away, as the end of the container does. A device that a close does not stop loses its memory. */
  clear(): void {
    this.#mappings = [];
    this.#changed();
  }

  #errorOf(request: number, argument: Uint8Array): number {
    switch (request) {
      case vfioRequests.VFIO_IOMMU_MAP_DMA:
        return this.#map(argument);
      case vfioRequests.VFIO_IOMMU_UNMAP_DMA:
        return this.#unmap(argument);
    }
    return errno.ENOTTY;
  }

  #map(argument: Uint8Array): number {
    const request = decodeStructure(vfioDmaMap, argument);
    if (request === undefined) return this.#rules.badPointer;
    if (!this.#rules.acceptsArgsz(request.argsz, vfioDmaMap.size)) return errno.EINVAL;
    const error = this.#rules.mapError(request, this.#mappings, BigInt(this.#edge.pageSize));
    if (error !== 0) return error;
    const { ioVirtualAddress, userAddress, size, flags } = request;
    const bytes = this.#edge.userMemory(userAddress, size);
    const permission = this.#rules.permissionOf(flags);
    if (bytes === undefined) return errno.EFAULT;
    this.#mappings = [...this.#mappings, { ioVirtualAddress, userAddress, size, permission, bytes }];
    this.#changed();
    return 0;
  }

  /** Writes the bytes that were mapped into the size of the argument. */
  #unmap(argument: Uint8Array): number {
    const request = decodeStructure(vfioDmaUnmap, argument);
    if (request === undefined) return this.#rules.badPointer;
    if (!this.#rules.acceptsArgsz(request.argsz, vfioDmaUnmap.size)) return errno.EINVAL;
    const error = this.#rules.unmapError(request, this.#mappings, BigInt(this.#edge.pageSize));
    if (error !== 0) return error;
    const found = this.#mappings.filter((one) => isWithin(one, request));
    const size = this.#rules.unmappedBytes(
      found.reduce((total, one) => total + one.size, 0n),
      request.size,
    );
    vfioDmaUnmap.encode({ ...request, size }, new DataView(argument.buffer, argument.byteOffset), 0);
    this.#mappings = this.#mappings.filter((one) => this.#rules.keepsUnmapped(one) || !isWithin(one, request));
    this.#changed();
    return 0;
  }
}
