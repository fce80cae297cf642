import { type MappedRegion, MemoryMap } from '../memory/memory-map.ts';
import { VHOST_USER_MEMORY_REGIONS_MAXIMUM } from '../wire/vhost-user-constants.ts';

/** A region as the front-end describes it. All values are as they came. */
export interface RegionDescription {
  readonly guestAddress: bigint;
  readonly userAddress: bigint;
  readonly size: bigint;
  readonly mmapOffset: bigint;
}

/** How regions of the front-end's memory are judged, mapped, kept and forgotten. */
export interface MemoryRules {
  /** Regions of one SET_MEM_TABLE. */
  readonly largestTable: number;
  readonly slots: number;
  /** GET_MAX_MEM_SLOTS. */
  readonly toldSlots: (slots: number) => number;
  readonly hasFreeSlot: (inUse: number, slots: number) => boolean;
  readonly acceptsDescriptorCount: (regions: number, descriptors: number) => boolean;
  readonly overlaps: (one: RegionDescription, other: RegionDescription) => boolean;
  /** Which of the descriptors maps region `index`. */
  readonly descriptorOf: (index: number, descriptors: number) => number;
  readonly mapping: (region: RegionDescription) => { readonly size: bigint; readonly offset: bigint };
  /** Where a mapped region is found from then on. */
  readonly placed: (region: RegionDescription) => RegionDescription;
  /** What translates addresses, once the regions are mapped. */
  readonly makeMap: (regions: readonly MappedRegion[]) => MemoryMap;
  /** Whether a region of before outlives a new table. */
  readonly outlives: (region: RegionDescription, table: readonly RegionDescription[]) => boolean;
  /** Whether REM_MEM_REG means this region. */
  readonly isSame: (region: RegionDescription, told: RegionDescription) => boolean;
  /** Whether a region that REM_MEM_REG named is forgotten. */
  readonly forgets: (region: RegionDescription) => boolean;
}

const meet = (one: bigint, oneSize: bigint, other: bigint, otherSize: bigint): boolean =>
  one < other + otherSize && other < one + oneSize;

export const memoryRules: MemoryRules = {
  largestTable: VHOST_USER_MEMORY_REGIONS_MAXIMUM,
  slots: 32,
  toldSlots: (slots) => slots,
  hasFreeSlot: (inUse, slots) => inUse < slots,
  acceptsDescriptorCount: (regions, descriptors) => regions === descriptors,
  overlaps: (one, other) =>
    meet(one.guestAddress, one.size, other.guestAddress, other.size) ||
    meet(one.userAddress, one.size, other.userAddress, other.size),
  descriptorOf: (index) => index,
  mapping: ({ size, mmapOffset }) => ({ size, offset: mmapOffset }),
  placed: (region) => region,
  makeMap: (regions) => new MemoryMap(regions),
  outlives: () => false,
  isSame: (region, told) =>
    region.guestAddress === told.guestAddress && region.userAddress === told.userAddress && region.size === told.size,
  forgets: () => true,
};
