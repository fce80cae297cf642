import {
  eventWord,
  RING_EVENT_FLAGS_DESC,
  VIRTQ_DESC_F_AVAIL,
  VIRTQ_DESC_F_USED,
} from '../../../reference-impl/virtqueue/packed/layout.ts';
import { positionOf, type RingPosition } from '../../../reference-impl/virtqueue/ring.ts';

/** A descriptor of a packed ring in one lap of a side: the slot, and the wrap counter of that lap (virtio 2.8.1). */
export interface Place {
  readonly slot: number;
  readonly wrap: 0 | 1;
}

/** Where a side comes to from `place` after `count` descriptors, at most as many as the ring has. */
export function placeAfter({ slot, wrap }: Place, count: number, size: number): Place {
  const next = slot + count;
  return next < size ? { slot: next, wrap } : { slot: next - size, wrap: wrap === 1 ? 0 : 1 };
}

/** The first places of lists of these lengths, one behind the other. */
export function placesOf(start: Place, lengths: readonly number[], size: number): Place[] {
  let place = start;
  return lengths.map((length) => {
    const at = place;
    place = placeAfter(place, length, size);
    return at;
  });
}

/** Where the next used descriptor is due. */
export function usedPlace({ position }: { readonly position: RingPosition }): Place {
  const { used, usedWrap } = positionOf('packed', position);
  return { slot: used, wrap: usedWrap };
}

/** AVAIL and USED, whatever else the flags of a descriptor hold. */
export const markBits = VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED;

/** The driver event word that asks for a call when the descriptor at `place` is used. */
export const eventAt = ({ slot, wrap }: Place): number => eventWord(RING_EVENT_FLAGS_DESC, slot, wrap);
