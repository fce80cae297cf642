import { type GuestRing, type PackedPosition, packedPosition, positionOf, type RingPosition } from '../ring.ts';
import { type AreaSpans, placeAreas, type RingMemory, type RingPlacement } from '../ring-placement.ts';
import { packedAlignment, packedSizes, usedBits } from './layout.ts';
import { PackedRing } from './ring-memory.ts';

/** A packed ring that a Guest holds: its memory, and the addresses of its areas. */
export class GuestPackedRing extends PackedRing implements GuestRing {
  readonly layout = 'packed';
  readonly areas: AreaSpans;
  #position: PackedPosition = packedPosition(0);

  constructor(size: number, areas: AreaSpans) {
    super(size, { descriptor: areas.descriptor.view, driver: areas.driver.view, device: areas.device.view });
    this.areas = areas;
  }

  get position(): PackedPosition {
    return this.#position;
  }

  /** Begins again as a ring that was migrated at `position`: every slot was last used, in this round or the one before. */
  reset(position: RingPosition = packedPosition(0)): void {
    this.#position = positionOf('packed', position);
    const { used, usedWrap } = this.#position;
    for (const span of [this.areas.descriptor, this.areas.driver, this.areas.device]) span.fill(0);
    const [passed, coming] = usedWrap === 1 ? [usedBits(1), usedBits(0)] : [usedBits(0), usedBits(1)];
    for (let slot = 0; slot < this.size; slot++) {
      const flags = slot < used ? passed : coming;
      if (flags !== 0) this.setFlags(slot, flags);
    }
    this.areas.descriptor.wroteThroughView();
  }
}

/** Throws DriverUsageError where the memory has no such room. */
export function placePackedRing(
  memory: RingMemory,
  size: number,
  position: RingPosition,
  placement: RingPlacement,
): GuestPackedRing {
  const shapes = { sizes: packedSizes(size), alignment: packedAlignment };
  const ring = new GuestPackedRing(size, placeAreas(memory, shapes, placement));
  ring.reset(position);
  return ring;
}
