import type { Span } from '../../memory/span.ts';
import { type GuestRing, positionOf, type RingPosition, type SplitPosition, splitPosition } from '../ring.ts';
import { type AreaSpans, placeAreas, type RingMemory, type RingPlacement } from '../ring-placement.ts';
import { splitAlignment, splitSizes } from './layout.ts';
import { SplitRing } from './ring-memory.ts';

/** A split ring that a Guest holds: its memory, and the addresses of its areas. */
export class GuestSplitRing extends SplitRing implements GuestRing {
  readonly layout = 'split';
  readonly areas: AreaSpans;
  #position: SplitPosition = splitPosition(0);

  constructor(size: number, areas: AreaSpans) {
    super(size, { descriptor: areas.descriptor.view, driver: areas.driver.view, device: areas.device.view });
    this.areas = areas;
  }

  get position(): SplitPosition {
    return this.#position;
  }

  /** The descriptor table. */
  get desc(): Span {
    return this.areas.descriptor;
  }
  /** The available ring. */
  get avail(): Span {
    return this.areas.driver;
  }
  /** The used ring. */
  get used(): Span {
    return this.areas.device;
  }

  /** Begins again as a ring that was migrated at `position`. */
  reset(position: RingPosition = splitPosition(0)): void {
    this.#position = positionOf('split', position);
    for (const span of [this.desc, this.avail, this.used]) span.fill(0);
    this.setAvailIdx(this.#position.avail);
    this.setUsedIdx(this.#position.used);
    // Where the device that ran it before wanted its next kick, if EVENT_IDX was negotiated.
    this.setAvailEvent(this.#position.avail);
    for (const span of [this.avail, this.used]) span.wroteThroughView();
  }
}

/** Zeroed, with the idx of `position`. Throws DriverUsageError where the memory has no such room. */
export function placeSplitRing(
  memory: RingMemory,
  size: number,
  position: RingPosition,
  placement: RingPlacement,
): GuestSplitRing {
  const shapes = { sizes: splitSizes(size), alignment: splitAlignment };
  const ring = new GuestSplitRing(size, placeAreas(memory, shapes, placement));
  ring.reset(position);
  return ring;
}
