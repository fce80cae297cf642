/** A region as SET_MEM_TABLE or ADD_MEM_REG tells it, with the memory behind it. Addresses are what was told. */
export interface MappedRegion {
  readonly guestAddress: bigint;
  readonly userAddress: bigint;
  /** Bytes as told; `bytes` may be shorter, and what lies beyond it is out of reach. */
  readonly size: bigint;
  /** The region's memory, from its first byte on. */
  readonly bytes: Uint8Array;
  /** Of a region whose pages may still have to arrive: which have. Absent where all are there. */
  readonly arrivals?: PageArrivals | undefined;
}

/** Pages of a region that come from elsewhere while it is in use. */
export interface PageArrivals {
  /** Whether all pages of the range are there. Those that are not are asked for, and no byte of them may be touched. */
  areThere(offset: number, length: number): boolean;
}
