import type { GuestPackedRing, Queue } from '../../../drivers/port/port.ts';
import { availableBits } from '../../../reference-impl/virtqueue/packed/layout.ts';
import type { Segment } from '../../../reference-impl/virtqueue/segment.ts';
import type { Check } from '../../check.ts';
import type { Place } from './place.ts';

const NEXT = 1;
const WRITE = 2;

/**
 * The flags that the driver side stores into the first descriptor of a list when it publishes it at `place`. A device
 * that polls may have used the list before they could be read from memory.
 */
export const publishedFlags = (segments: readonly Segment[], { wrap }: Place): number =>
  (segments.length > 1 ? NEXT : 0) | (segments[0]?.writable === true ? WRITE : 0) | availableBits(wrap);

/** The flags of each descriptor, by slot. */
export const flagsOf = (ring: GuestPackedRing): number[] =>
  Array.from({ length: ring.size }, (_, slot) => ring.flags(slot));

/** Each descriptor as text, by slot. With `first`, that slot as its flags will be once they are published. */
export const descriptorsOf = (ring: GuestPackedRing, first?: { slot: number; flags: number }): string[] =>
  Array.from({ length: ring.size }, (_, slot) => {
    const { addr, len, id, flags: stored } = ring.readDescriptor(slot);
    const flags = slot === first?.slot ? first.flags : stored;
    return `addr 0x${addr.toString(16)} len ${len} id ${id} flags 0x${flags.toString(16)}`;
  });

/** What lies behind a stop of the ring is settled. A failure of the check where it does not stop. */
export function stops(check: Check, queue: Queue<GuestPackedRing>): boolean {
  const { kind } = queue.stop();
  return check.holds(kind === 'stopped', 'the ring stops', { expected: 'stopped', actual: kind });
}
