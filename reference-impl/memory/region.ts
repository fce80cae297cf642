import type { Addresses } from './addresses.ts';
import type { WriteJournal } from './write-journal.ts';

/** A region with its memory, as the edge that made the memory hands it over. */
export interface RegionMemory extends Addresses {
  readonly size: number;
  /** A view of exactly `size` bytes, over any kind of buffer. */
  readonly bytes: Uint8Array;
  /** Where the region begins in its memory file. */
  readonly mmapOffset: bigint;
  /** The edge's own handle (a memory file); never looked at here. */
  readonly backing: unknown;
}

/** A region of a Guest. `adjacent` is the region that begins, in all three address spaces, where this one ends. */
export interface Region extends RegionMemory {
  readonly index: number;
  readonly adjacent: Region | undefined;
  /** Told of writes through spans; undefined where no one asks. */
  journal: WriteJournal | undefined;
}

const adjoins = (left: Addresses, size: bigint, right: Addresses): boolean =>
  BigInt.asUintN(64, left.guestAddress + size) === right.guestAddress &&
  BigInt.asUintN(64, left.userAddress + size) === right.userAddress &&
  BigInt.asUintN(64, left.ioVirtualAddress + size) === right.ioVirtualAddress;

/** Numbers the regions and links those that are adjacent. */
export function linkRegions(memory: readonly RegionMemory[]): Region[] {
  const regions = memory.map(
    ({ guestAddress, userAddress, ioVirtualAddress, size, bytes, mmapOffset, backing }, index) => ({
      guestAddress,
      userAddress,
      ioVirtualAddress,
      size,
      bytes,
      mmapOffset,
      backing,
      index,
      adjacent: undefined as Region | undefined,
      journal: undefined as WriteJournal | undefined,
    }),
  );
  for (const region of regions) {
    region.adjacent = regions.find(
      (other) =>
        other !== region && region.guestAddress < other.guestAddress && adjoins(region, BigInt(region.size), other),
    );
  }
  return regions;
}
