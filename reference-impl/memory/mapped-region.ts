/** A region as SET_MEM_TABLE or ADD_MEM_REG tells it, with the memory behind it. Addresses are what was told. */
export interface MappedRegion {
  readonly guestAddress: bigint;
  readonly userAddress: bigint;
  /** Bytes as told; `bytes` may be shorter, and what lies beyond it is out of reach. */
  readonly size: bigint;
  /** The region's memory, from its first byte on. */
  readonly bytes: Uint8Array;
}
