import { type IotlbPermission, MemoryMap } from '../memory/memory-map.ts';
import { errno } from '../wire/errno.ts';
import { decodeStructure } from '../wire/structure.ts';
import {
  IOTLB_MESSAGE_SIZE,
  iotlbMessageTypes,
  iotlbMessageV2,
  VHOST_ACCESS_RO,
  VHOST_ACCESS_RW,
  VHOST_ACCESS_WO,
  VHOST_IOTLB_MSG,
  VHOST_IOTLB_MSG_V2,
} from '../wire/vdpa-structures.ts';
import type { VdpaEdge } from './vdpa-edge.ts';

export interface IotlbRange {
  readonly ioVirtualAddress: bigint;
  readonly size: bigint;
}

export interface IotlbMapping extends IotlbRange {
  readonly permission: IotlbPermission;
  readonly bytes: Uint8Array;
}

/** Space that may be mapped. */
interface Bounds {
  readonly first: bigint;
  readonly last: bigint;
}

export interface IotlbRules {
  /** Whether a write of so many bytes holds a message. */
  readonly acceptsLength: (length: number) => boolean;
  readonly acceptsType: (type: number) => boolean;
  readonly acceptsRequest: (request: number) => boolean;
  readonly acceptsRange: (range: IotlbRange, bounds: Bounds) => boolean;
  readonly acceptsOverlap: boolean;
  readonly acceptsSpace: (space: number, spaces: number) => boolean;
  /** Whether a message for one address space is taken within the batch of another. */
  readonly mixesBatches: boolean;
  readonly permissionOf: (permission: number) => IotlbPermission | undefined;
  /** Of the mappings that an invalidation names, those that go. */
  readonly forgets: (mapping: IotlbMapping) => boolean;
  /** Whether the device reaches what is not mapped any more. */
  readonly reachesUnmapped: boolean;
  readonly outliveReset: boolean;
  /** Whether what is mapped within a batch counts behind its end, where so many mappings were there before. */
  readonly batchCounts: (before: number) => boolean;
}

const permissions: Readonly<Record<number, IotlbPermission>> = {
  [VHOST_ACCESS_RO]: 'read',
  [VHOST_ACCESS_WO]: 'write',
  [VHOST_ACCESS_RW]: 'read-write',
};
const knownRequests: readonly number[] = Object.values(iotlbMessageTypes);

export const iotlbRules: IotlbRules = {
  acceptsLength: (length) => length >= iotlbMessageV2.size,
  acceptsType: (type) => type === VHOST_IOTLB_MSG || type === VHOST_IOTLB_MSG_V2,
  acceptsRequest: (request) => knownRequests.includes(request),
  acceptsRange: ({ ioVirtualAddress, size }, { first, last }) =>
    size > 0n && ioVirtualAddress >= first && ioVirtualAddress + size - 1n <= last,
  acceptsOverlap: false,
  acceptsSpace: (space, spaces) => space < spaces,
  mixesBatches: false,
  permissionOf: (permission) => permissions[permission],
  forgets: () => true,
  reachesUnmapped: false,
  outliveReset: true,
  batchCounts: () => true,
};

const overlaps = (a: IotlbRange, b: IotlbRange): boolean =>
  a.ioVirtualAddress < b.ioVirtualAddress + b.size && b.ioVirtualAddress < a.ioVirtualAddress + a.size;

interface Message extends IotlbRange {
  readonly asid: number;
  readonly userAddress: bigint;
  readonly permission: number;
  readonly request: number;
}

export interface AddressSpacesOptions {
  readonly edge: VdpaEdge;
  readonly rules: IotlbRules;
  readonly spaces: number;
  readonly bounds: Bounds;
  /** Whether messages carry the number of an address space. */
  readonly carriesSpace: () => boolean;
  /** Called after each change that counts, before the message that made it returns. */
  readonly changed: () => void;
}

/** The address spaces of a device: I/O-virtual addresses to the memory of the user, told by messages of the IOTLB. */
export class AddressSpaces {
  readonly #options: AddressSpacesOptions;
  readonly #mappings: (readonly IotlbMapping[])[];
  /** What is not mapped any more, and a fault still reaches. */
  #stale: readonly IotlbMapping[] = [];
  #batch: number | undefined;
  #beforeBatch: readonly IotlbMapping[] = [];

  constructor(options: AddressSpacesOptions) {
    this.#options = options;
    this.#mappings = Array.from({ length: options.spaces }, () => []);
  }

  /** All that a ring of these spaces reaches: what overlaps is of the first. */
  memoryMap(spaces: readonly number[]): MemoryMap {
    const mappings: IotlbMapping[] = [];
    for (const one of spaces.flatMap((space) => this.#mappings[space] ?? [])) {
      if (!mappings.some((other) => overlaps(one, other))) mappings.push(one);
    }
    const stale = this.#stale.filter((one) => !mappings.some((other) => overlaps(one, other)));
    const all = [...mappings, ...stale];
    const map = new MemoryMap(
      all.map(({ ioVirtualAddress, size, bytes }) => ({
        guestAddress: ioVirtualAddress,
        // One user address may be mapped twice: the I/O-virtual address stands for it, which is mapped once.
        userAddress: ioVirtualAddress,
        size,
        bytes,
      })),
    );
    for (const { ioVirtualAddress, size, permission } of all) {
      map.updateIotlb({ ioVirtualAddress, userAddress: ioVirtualAddress, size, permission });
    }
    return map;
  }

  /** A reset of the device. */
  reset(): void {
    this.#batch = undefined;
    if (!this.#options.rules.outliveReset) this.clear();
  }

  /** Takes everything away but what is kept. */
  clear(keeps: (permission: IotlbPermission) => boolean = () => false): void {
    this.#stale = [];
    for (const [space, mappings] of this.#mappings.entries()) {
      this.#mappings[space] = mappings.filter(({ permission }) => keeps(permission));
    }
  }

  /** A write of the device file: bytes taken, or an error number negated. */
  write(bytes: Uint8Array): number {
    const { rules } = this.#options;
    const isWhole = bytes.length >= iotlbMessageV2.size;
    if (!rules.acceptsLength(bytes.length)) return -errno.EINVAL;
    if (!isWhole) return bytes.length;
    const message = decodeStructure(iotlbMessageV2, bytes);
    if (message === undefined || !rules.acceptsType(message.type)) return -errno.EINVAL;
    const carries = message.type === VHOST_IOTLB_MSG_V2 && this.#options.carriesSpace();
    // What the handler of messages answers, its caller turns into EFAULT.
    return this.#handle({ ...message, asid: carries ? message.asid : 0 }) ? IOTLB_MESSAGE_SIZE : -errno.EFAULT;
  }

  #handle(message: Message): boolean {
    const { rules, spaces, changed } = this.#options;
    if (!rules.acceptsSpace(message.asid, spaces)) return false;
    const asid = message.asid % spaces;
    if (this.#batch !== undefined && this.#batch !== asid && !rules.mixesBatches) return false;
    switch (message.request) {
      case iotlbMessageTypes.VHOST_IOTLB_UPDATE:
        return this.#update(asid, message) && this.#counted();
      case iotlbMessageTypes.VHOST_IOTLB_INVALIDATE:
        this.#invalidate(asid, message);
        return this.#counted();
      case iotlbMessageTypes.VHOST_IOTLB_BATCH_BEGIN:
        this.#batch = asid;
        this.#beforeBatch = this.#mappings[asid] ?? [];
        return true;
      case iotlbMessageTypes.VHOST_IOTLB_BATCH_END:
        if (!rules.batchCounts(this.#beforeBatch.length)) this.#mappings[asid] = this.#beforeBatch;
        this.#batch = undefined;
        changed();
        return true;
    }
    return rules.acceptsRequest(message.request);
  }

  /** A change counts now, or at the end of the batch. */
  #counted(): boolean {
    if (this.#batch === undefined) this.#options.changed();
    return true;
  }

  #update(asid: number, { ioVirtualAddress, size, userAddress, permission }: Message): boolean {
    const { rules, edge, bounds } = this.#options;
    const range = { ioVirtualAddress, size };
    const mappings = this.#mappings[asid] ?? [];
    if (!rules.acceptsRange(range, bounds)) return false;
    if (!rules.acceptsOverlap && mappings.some((one) => overlaps(one, range))) return false;
    const bytes = edge.userMemory(userAddress, size);
    const allowed = rules.permissionOf(permission);
    if (bytes === undefined || allowed === undefined) return false;
    this.#mappings[asid] = [...mappings, { ...range, permission: allowed, bytes }];
    return true;
  }

  /** Each mapping that lies in the range in part goes as a whole. */
  #invalidate(asid: number, range: IotlbRange): void {
    const { rules } = this.#options;
    const mappings = this.#mappings[asid] ?? [];
    const gone = mappings.filter((one) => overlaps(one, range) && rules.forgets(one));
    this.#mappings[asid] = mappings.filter((one) => !gone.includes(one));
    if (rules.reachesUnmapped) this.#stale = [...this.#stale, ...gone];
  }
}
