import type { GuestPackedRing, Queue } from '../../../drivers/port/port.ts';
import type { Check } from '../../check.ts';

/** The flags of each descriptor, by slot. */
export const flagsOf = (ring: GuestPackedRing): number[] =>
  Array.from({ length: ring.size }, (_, slot) => ring.flags(slot));

/** Each descriptor as text, by slot. */
export const descriptorsOf = (ring: GuestPackedRing): string[] =>
  Array.from({ length: ring.size }, (_, slot) => {
    const { addr, len, id, flags } = ring.readDescriptor(slot);
    return `addr 0x${addr.toString(16)} len ${len} id ${id} flags 0x${flags.toString(16)}`;
  });

/** What lies behind a stop of the ring is settled. A failure of the check where it does not stop. */
export function stops(check: Check, queue: Queue<GuestPackedRing>): boolean {
  return check.answered(queue.stop(), 'the ring stops', 'a position');
}
