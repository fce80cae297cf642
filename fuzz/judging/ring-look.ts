import type { GuestRing, RingPosition } from '../../drivers/port/port.ts';
import { VIRTQ_DESC_F_WRITE } from '../../reference-impl/virtqueue/descriptor.ts';
import { isAvailableIn, isUsedIn } from '../../reference-impl/virtqueue/packed/layout.ts';
import { PackedRing } from '../../reference-impl/virtqueue/packed/ring-memory.ts';
import { SplitRing } from '../../reference-impl/virtqueue/split/ring-memory.ts';

/** The flags by which the device says that it wants no kicks. */
export function suppressionOf(ring: GuestRing): number {
  if (ring instanceof SplitRing) return ring.usedFlags();
  return ring instanceof PackedRing ? ring.deviceEvent() >>> 16 : 0;
}

/** Whether the driver area still asks for other calls than that of a fresh ring. */
export function asksOtherwise(ring: GuestRing): boolean {
  if (ring instanceof SplitRing) return ring.availFlags() !== 0;
  return ring instanceof PackedRing && ring.driverEvent() !== 0;
}

/** 0 in a packed ring, which has none. */
export const usedEventOf = (ring: GuestRing): number => (ring instanceof SplitRing ? ring.usedEvent() : 0);

/** Whether nothing is available where a ring begins. */
export function isFresh(ring: GuestRing, position: RingPosition): boolean {
  if (position.layout === 'split') return ring instanceof SplitRing && ring.availIdx() === position.avail;
  return ring instanceof PackedRing && !isAvailableIn(ring.flags(position.avail), position.availWrap);
}

/**
 * Whether the used descriptor of a chain that begins in this slot says that something was written: of a packed ring, and
 * where it is not that of a batch.
 */
export function marksWritten(ring: GuestRing, slot: number, id: number): boolean {
  if (!(ring instanceof PackedRing) || ring.id(slot) !== id) return false;
  const flags = ring.flags(slot);
  return (flags & VIRTQ_DESC_F_WRITE) !== 0 && (isUsedIn(flags, 0) || isUsedIn(flags, 1));
}
