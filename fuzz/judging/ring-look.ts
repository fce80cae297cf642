import type { GuestRing, RingPosition } from '../../drivers/port/port.ts';
import { isAvailableIn } from '../../reference-impl/virtqueue/packed/layout.ts';
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
