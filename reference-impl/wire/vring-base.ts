/** What SET_VRING_BASE and the reply to GET_VRING_BASE hold for a packed ring (Vring descriptor indices for packed virtqueues). */
export interface PackedVringBase {
  /** Entry of the descriptor ring that the back-end reads next, 0 to 32767. */
  readonly availIndex: number;
  readonly availWrapCounter: boolean;
  /** Entry of the descriptor ring that the back-end writes next, 0 to 32767. */
  readonly usedIndex: number;
  readonly usedWrapCounter: boolean;
}

const indexMask = 0x7fff;
const wrapCounter = 0x8000;

/** Puts the indices and wrap counters into the `num` word. Indices are taken modulo 2^15. */
export function encodePackedVringBase(base: PackedVringBase): number {
  const avail = (base.availIndex & indexMask) | (base.availWrapCounter ? wrapCounter : 0);
  const used = (base.usedIndex & indexMask) | (base.usedWrapCounter ? wrapCounter : 0);
  return ((used << 16) | avail) >>> 0;
}

export function decodePackedVringBase(num: number): PackedVringBase {
  const used = num >>> 16;
  return {
    availIndex: num & indexMask,
    availWrapCounter: (num & wrapCounter) !== 0,
    usedIndex: used & indexMask,
    usedWrapCounter: (used & wrapCounter) !== 0,
  };
}

export interface VringDescriptorWord {
  readonly index: number;
  readonly hasDescriptor: boolean;
}

/** The `u64` of SET_VRING_KICK, _CALL and _ERR: vring index in bits 0-7, and bit 8 when no descriptor travels along. */
export function decodeVringDescriptorWord(word: bigint): VringDescriptorWord {
  return { index: Number(word & 0xffn), hasDescriptor: (word & 0x100n) === 0n };
}
