import { packedPosition, type RingPosition, splitPosition } from '../../reference-impl/virtqueue/ring.ts';
import type { CallOf } from './program.ts';

/** Entries of the largest ring that a program gets. */
const largest = 32_768;

/** Entries that the layout can have: the next lower number of them. */
export function sizeOfRing({ layout, size }: CallOf<'ring'>): number {
  const bounded = Math.min(Math.max(size, 1), largest);
  return layout === 'split' ? 2 ** Math.floor(Math.log2(bounded)) : bounded;
}

export function positionOfRing(call: CallOf<'ring'>): RingPosition {
  const { layout, avail, used = avail } = call;
  if (layout === 'split') return splitPosition(avail, used);
  const size = sizeOfRing(call);
  return packedPosition(avail % size, call.availWrap ? 1 : 0, used % size, call.usedWrap ? 1 : 0);
}
