import {
  type PackedPosition,
  packedPosition,
  type RingLayout,
  type RingPosition,
  splitPosition,
} from '../virtqueue/ring.ts';

const slotMask = 0x7fff;
const wrapBit = 0x8000;

/** One half of a packed base: slot in bits 0 to 14, wrap counter in bit 15. */
const half = (slot: number, wrap: 0 | 1): number => (slot & slotMask) | (wrap === 1 ? wrapBit : 0);
const wrapOf = (half: number): 0 | 1 => ((half & wrapBit) === 0 ? 0 : 1);

/**
 * The `num` of SET_VRING_BASE and of the reply to GET_VRING_BASE. Split: the available idx. Packed: the next available
 * slot in the lower half, the next used one in the upper half ("Vring descriptor indices for packed virtqueues").
 */
export function encodeVringBase(position: RingPosition): number {
  switch (position.layout) {
    case 'split':
      return position.avail;
    case 'packed': {
      const { avail, availWrap, used, usedWrap } = position;
      return ((half(used, usedWrap) << 16) | half(avail, availWrap)) >>> 0;
    }
  }
}

export function decodeVringBase(layout: RingLayout, num: number): RingPosition {
  switch (layout) {
    case 'split':
      return splitPosition(num);
    case 'packed':
      return decodePackedVringBase(num);
  }
}

export function decodePackedVringBase(num: number): PackedPosition {
  const used = num >>> 16;
  return packedPosition(num & slotMask, wrapOf(num), used & slotMask, wrapOf(used));
}

export interface VringDescriptorWord {
  readonly index: number;
  readonly hasDescriptor: boolean;
}

/** The `u64` of SET_VRING_KICK, _CALL and _ERR: vring index in bits 0-7, and bit 8 when no descriptor travels along. */
export function decodeVringDescriptorWord(word: bigint): VringDescriptorWord {
  return { index: Number(word & 0xffn), hasDescriptor: (word & 0x100n) === 0n };
}
