import { MemoryMap } from '../memory/memory-map.ts';
import { errno } from '../wire/errno.ts';
import { decodeStructure } from '../wire/structure.ts';
import { type VhostMemoryRegion, vhostMemoryHeader, vhostMemoryRegion } from '../wire/vhost-net-structures.ts';
import type { VhostNetEdge } from './vhost-net-edge.ts';
import type { AddressRange, VhostNetRules } from './vhost-net-rules.ts';

/** A region that SET_MEM_TABLE told. */
interface ToldRegion extends VhostMemoryRegion {
  /** What is there of it: memory that is not is looked for in vain. */
  readonly bytes: Uint8Array;
}

/** Pages of one byte of a log. */
const pagesOfByte = 8n;

/** The memory of a guest, as SET_MEM_TABLE tells it: guest-physical addresses, and where they are in the user's memory. */
export class MemoryTable {
  readonly regions: readonly ToldRegion[];

  constructor(regions: readonly ToldRegion[] = []) {
    this.regions = regions;
  }

  /** The table of a call, or the error number that refuses it. */
  static of(argument: Uint8Array, edge: VhostNetEdge, { calls, memory }: VhostNetRules): MemoryTable | number {
    const header = decodeStructure(vhostMemoryHeader, argument);
    if (header === undefined) return calls.badPointer;
    if (!memory.acceptsPadding(header.padding)) return errno.EOPNOTSUPP;
    if (header.count > memory.mostRegions) return errno.E2BIG;
    const regions: ToldRegion[] = [];
    for (let n = 0; n < header.count; n++) {
      const at = vhostMemoryHeader.size + n * vhostMemoryRegion.size;
      const region = decodeStructure(vhostMemoryRegion, argument.subarray(at));
      if (region === undefined) return calls.badPointer;
      if (!memory.acceptsRange({ address: region.guestAddress, size: region.size })) return errno.EFAULT;
      regions.push({ ...region, bytes: edge.userMemory(region.userAddress, region.size) ?? new Uint8Array() });
    }
    return new MemoryTable(regions);
  }

  map(): MemoryMap {
    return new MemoryMap(this.regions);
  }

  /** Where a log of all of it lies. */
  logRange(base: bigint, pageSize: bigint): AddressRange {
    const end = this.regions.reduce((most, { guestAddress, size }) => {
      const last = guestAddress + size;
      return last > most ? last : most;
    }, 0n);
    const bits = pageSize * pagesOfByte;
    return { address: base, size: (end + bits - 1n) / bits };
  }

  /** The guest-physical address of a user's; undefined where no region has it. */
  guestAddressOf(userAddress: bigint): bigint | undefined {
    const region = this.regions.find(
      (one) => userAddress >= one.userAddress && userAddress < one.userAddress + one.size,
    );
    return region === undefined ? undefined : region.guestAddress + userAddress - region.userAddress;
  }
}
