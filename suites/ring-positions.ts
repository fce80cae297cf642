import type { GuestRing, Queue, RingPosition, Stopped } from '../drivers/port/port.ts';
import type { Span } from '../reference-impl/memory/span.ts';
import { packedPosition, splitPosition } from '../reference-impl/virtqueue/ring.ts';
import { decodeVringBase } from '../reference-impl/wire/vring-base.ts';
import type { Check } from './check.ts';

/** A position for people: `idx 3`, or `slot 3 (wrap 1)`; available and used apart where they differ. */
export function positionText(position: RingPosition): string {
  switch (position.layout) {
    case 'split': {
      const { avail, used } = position;
      return avail === used ? `idx ${avail}` : `available idx ${avail}, used idx ${used}`;
    }
    case 'packed': {
      const avail = `slot ${position.avail} (wrap ${position.availWrap})`;
      const used = `slot ${position.used} (wrap ${position.usedWrap})`;
      return avail === used ? avail : `available ${avail}, used ${used}`;
    }
  }
}

/** What must hold of a stop before more is looked at: where the ring stopped, or a recorded failure and undefined. */
export function stoppedAt(check: Check, answer: ReturnType<Queue['stop']>, what: string): RingPosition | undefined {
  return check.answered<Stopped>(answer, what, 'a position') ? answer.position : undefined;
}

export function samePosition(check: Check, actual: RingPosition, expected: RingPosition, what: string): boolean {
  return check.equal(positionText(actual), positionText(expected), what);
}

/** With nothing outstanding: used elements go on where chains do. */
export function settled(position: RingPosition): RingPosition {
  switch (position.layout) {
    case 'split':
      return splitPosition(position.avail);
    case 'packed':
      return packedPosition(position.avail, position.availWrap);
  }
}

/**
 * Compares where chains go on, for a case that is not about the answer itself: some back-ends tell of a packed ring
 * no more than that.
 */
export function sameStop(check: Check, actual: RingPosition, expected: RingPosition, what: string): boolean {
  return samePosition(check, settled(actual), settled(expected), what);
}

/** The areas of a ring that a device writes. */
export function writtenAreas({ layout, areas }: GuestRing): Span[] {
  switch (layout) {
    case 'split':
      return [areas.device];
    case 'packed':
      return [areas.descriptor, areas.device];
  }
}

/** Whether the base that a back-end told of a ring is the one that the ring began at: no chain was taken. */
export function isAtStart({ layout, position }: GuestRing, base: number): boolean {
  return positionText(settled(decodeVringBase(layout, base))) === positionText(settled(position));
}
