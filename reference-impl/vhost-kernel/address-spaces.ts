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
import type { VhostEdge } from './vhost-edge.ts';

export interface IotlbRange {
  readonly ioVirtualAddress: bigint;
  readonly size: bigint;
}

export interface IotlbMapping extends IotlbRange {
  readonly userAddress: bigint;
  readonly permission: IotlbPermission;
  readonly bytes: Uint8Array;
}

/** Space that may be mapped. */
interface Bounds {
  readonly first: bigint;
  readonly last: bigint;
}

export interface IotlbRules {
  /** Whether a write that is shorter than a message is taken. */
  readonly takesShort: boolean;
  readonly acceptsType: (type: number) => boolean;
  /** Whether a message is taken that asks for nothing that a user may ask for. */
  readonly takesAnyRequest: boolean;
  readonly acceptsRange: (range: IotlbRange, bounds: Bounds) => boolean;
  readonly acceptsOverlap: boolean;
  /** The address space that a message is for, of its number, and whether such a message carries one. */
  readonly spaceOf: (asid: number, carriesSpace: boolean) => number;
  readonly acceptsSpace: (space: number, spaces: number) => boolean;
  /** Whether updates may come in batches. */
  readonly takesBatches: boolean;
  /** Whether a message for one address space is taken within the batch of another. */
  readonly mixesBatches: boolean;
  /** What is mapped in place of memory that the user does not have; undefined refuses the update. */
  readonly missing: (size: bigint) => Uint8Array | undefined;
  readonly permissionOf: (permission: number) => IotlbPermission;
  /** Of the mappings that an invalidation names, those that go. */
  readonly forgets: (mapping: IotlbMapping) => boolean;
  /** Whether the device reaches what is not mapped any more. */
  readonly reachesUnmapped: boolean;
  readonly outliveReset: boolean;
  /** Whether a mapping with this permission stays behind a close. */
  readonly outlivesClose: (permission: IotlbPermission) => boolean;
  /** Whether a batch outlives the file on which it began. */
  readonly batchOutlivesClose: boolean;
  /** Other spaces that the rings of a space reach. */
  readonly alsoReached: (space: number) => readonly number[];
  /** Whether what is mapped within a batch counts behind its end, where these mappings were there before. */
  readonly batchCounts: (before: readonly IotlbMapping[] | undefined) => boolean;
}

const permissions: Readonly<Record<number, IotlbPermission>> = {
  [VHOST_ACCESS_RO]: 'read',
  [VHOST_ACCESS_WO]: 'write',
  [VHOST_ACCESS_RW]: 'read-write',
};

export const iotlbRules: IotlbRules = {
  takesShort: false,
  acceptsType: (type) => type === VHOST_IOTLB_MSG || type === VHOST_IOTLB_MSG_V2,
  takesAnyRequest: false,
  acceptsRange: ({ ioVirtualAddress, size }, { first, last }) =>
    size > 0n && ioVirtualAddress >= first && ioVirtualAddress + size - 1n <= last,
  acceptsOverlap: false,
  spaceOf: (asid, carriesSpace) => (carriesSpace ? asid : 0),
  acceptsSpace: (space, spaces) => space < spaces,
  takesBatches: true,
  mixesBatches: false,
  missing: () => undefined,
  permissionOf: (permission) => permissions[permission] ?? 'none',
  forgets: () => true,
  reachesUnmapped: false,
  outliveReset: true,
  outlivesClose: () => false,
  batchOutlivesClose: false,
  alsoReached: () => [],
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
  readonly edge: VhostEdge;
  readonly rules: IotlbRules;
  readonly spaces: number;
  readonly bounds: Bounds;
  /** Whether messages carry the number of an address space. */
  readonly carriesSpace: () => boolean;
  /** Called after each change, before the message that made it returns. One of a batch counts at once. */
  readonly changed: () => void;
}

/** The address spaces of a device: I/O-virtual addresses to the memory of the user, told by messages of the IOTLB. */
export class AddressSpaces {
  readonly #options: AddressSpacesOptions;
  readonly #mappings: (readonly IotlbMapping[])[];
  /** What is not mapped any more, and a fault still reaches. */
  #stale: readonly IotlbMapping[] = [];
  #batch: { readonly asid: number; readonly before: readonly IotlbMapping[] } | undefined;

  constructor(options: AddressSpacesOptions) {
    this.#options = options;
    this.#mappings = Array.from({ length: options.spaces }, () => []);
  }

  /** All that a ring of this space reaches. */
  memoryMap(space: number): MemoryMap {
    const { rules } = this.#options;
    const all: IotlbMapping[] = [...this.#of(space)];
    const reachAlso = (mappings: readonly IotlbMapping[]): void => {
      for (const one of mappings) if (!all.some((other) => overlaps(one, other))) all.push(one);
    };
    for (const other of rules.alsoReached(space)) reachAlso(this.#of(other));
    if (rules.reachesUnmapped) reachAlso(this.#stale);
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

  /** What an address of this space is for the user; undefined where it is not mapped. */
  userAddressOf(space: number, ioVirtualAddress: bigint): bigint | undefined {
    const mapping = this.#of(space).findLast((one) => overlaps(one, { ioVirtualAddress, size: 1n }));
    return mapping === undefined ? undefined : mapping.userAddress + ioVirtualAddress - mapping.ioVirtualAddress;
  }

  /** Takes everything away: the file was closed. */
  clear(): void {
    const { rules } = this.#options;
    this.#stale = [];
    if (!rules.batchOutlivesClose) this.#batch = undefined;
    for (const [space, mappings] of this.#mappings.entries()) {
      this.#mappings[space] = mappings.filter(({ permission }) => rules.outlivesClose(permission));
    }
  }

  /** A write of the device file: bytes taken, or an error number negated. */
  write(bytes: Uint8Array): number {
    const { rules } = this.#options;
    const message = decodeStructure(iotlbMessageV2, bytes);
    if (message === undefined) return rules.takesShort ? bytes.length : -errno.EINVAL;
    if (!rules.acceptsType(message.type)) return -errno.EINVAL;
    const carries = message.type === VHOST_IOTLB_MSG_V2 && this.#options.carriesSpace();
    // What the handler of messages answers, its caller turns into EFAULT.
    return this.#handle({ ...message, asid: rules.spaceOf(message.asid, carries) })
      ? IOTLB_MESSAGE_SIZE
      : -errno.EFAULT;
  }

  #handle(message: Message): boolean {
    const { rules, spaces } = this.#options;
    if (!rules.acceptsSpace(message.asid, spaces)) return false;
    const asid = message.asid % spaces;
    if (this.#batch !== undefined && this.#batch.asid !== asid && !rules.mixesBatches) return false;
    switch (message.request) {
      case iotlbMessageTypes.VHOST_IOTLB_UPDATE:
        return this.#update(asid, message);
      case iotlbMessageTypes.VHOST_IOTLB_INVALIDATE:
        this.#invalidate(asid, message);
        return true;
      case iotlbMessageTypes.VHOST_IOTLB_BATCH_BEGIN:
        if (!rules.takesBatches) return rules.takesAnyRequest;
        this.#batch = { asid, before: this.#of(asid) };
        return true;
      case iotlbMessageTypes.VHOST_IOTLB_BATCH_END:
        if (!rules.takesBatches) return rules.takesAnyRequest;
        if (!rules.batchCounts(this.#batch?.before)) this.#mappings[asid] = this.#batch?.before ?? [];
        this.#batch = undefined;
        return true;
    }
    return rules.takesAnyRequest;
  }

  #of(space: number): readonly IotlbMapping[] {
    return this.#mappings[space] as readonly IotlbMapping[];
  }

  #update(asid: number, { ioVirtualAddress, size, userAddress, permission }: Message): boolean {
    const { rules, edge, bounds, changed } = this.#options;
    const range = { ioVirtualAddress, size };
    const mappings = this.#of(asid);
    if (!rules.acceptsRange(range, bounds)) return false;
    if (!rules.acceptsOverlap && mappings.some((one) => overlaps(one, range))) return false;
    const bytes = edge.userMemory(userAddress, size) ?? rules.missing(size);
    if (bytes === undefined) return false;
    this.#mappings[asid] = [...mappings, { ...range, userAddress, permission: rules.permissionOf(permission), bytes }];
    changed();
    return true;
  }

  /** Each mapping that lies in the range in part goes as a whole. */
  #invalidate(asid: number, range: IotlbRange): void {
    const { rules, changed } = this.#options;
    const mappings = this.#of(asid);
    const gone = mappings.filter((one) => overlaps(one, range) && rules.forgets(one));
    this.#mappings[asid] = mappings.filter((one) => !gone.includes(one));
    if (rules.reachesUnmapped) this.#stale = [...this.#stale, ...gone];
    changed();
  }
}
