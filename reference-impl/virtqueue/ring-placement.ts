import type { AllocationRequest } from '../memory/allocation.ts';
import type { Region } from '../memory/region.ts';
import type { Span } from '../memory/span.ts';
import type { RingArea } from './ring.ts';

/** How one area of a ring lies, beyond its size. */
export type AreaPlacement = Omit<AllocationRequest, 'size'>;

/**
 * `contiguous`: one after the other in one region. `apart`: each area in another region where there are enough.
 * `region-end`: one block that is the last of the last region. Or area by area.
 */
export type RingPlacement = 'contiguous' | 'apart' | 'region-end' | Partial<Record<RingArea, AreaPlacement>>;

/** The memory that rings are placed in. */
export interface RingMemory {
  readonly regions: readonly Region[];
  allocate(request: AllocationRequest): Span;
}

/** Sizes and alignments of the areas of a ring, in bytes. */
export interface AreaShapes {
  readonly sizes: Readonly<Record<RingArea, number>>;
  readonly alignment: Readonly<Record<RingArea, number>>;
}

export type AreaSpans = Readonly<Record<RingArea, Span>>;

const roundUp = (value: number, align: number): number => Math.ceil(value / align) * align;

/** Allocates the areas. Throws DriverUsageError where the memory has no such room. */
export function placeAreas(memory: RingMemory, shapes: AreaShapes, placement: RingPlacement): AreaSpans {
  if (typeof placement === 'object') return areaByArea(memory, shapes, placement);
  const last = memory.regions.length - 1;
  switch (placement) {
    case 'contiguous':
      return inOneBlock(memory, shapes, {});
    case 'apart':
      return areaByArea(memory, shapes, {
        descriptor: { region: 0 },
        driver: { region: Math.min(1, last) },
        device: { region: Math.min(2, last) },
      });
    case 'region-end':
      return inOneBlock(memory, shapes, { at: 'region-end' });
  }
}

/** The descriptor area is a multiple of 16 bytes long, and nothing is aligned to more. */
function inOneBlock(memory: RingMemory, { sizes, alignment }: AreaShapes, where: AreaPlacement): AreaSpans {
  const driver = sizes.descriptor;
  const device = roundUp(driver + sizes.driver, alignment.device);
  const block = memory.allocate({ size: roundUp(device + sizes.device, 16), align: 16, ...where });
  return {
    descriptor: block.slice(0, sizes.descriptor),
    driver: block.slice(driver, sizes.driver),
    device: block.slice(device, sizes.device),
  };
}

function areaByArea(
  memory: RingMemory,
  { sizes, alignment }: AreaShapes,
  where: Partial<Record<RingArea, AreaPlacement>>,
): AreaSpans {
  const place = (area: RingArea): Span => {
    const wanted = where[area] ?? {};
    // At the end of a region the size decides the address: round it up, so that the area stays aligned.
    const bytes = wanted.at === 'region-end' ? roundUp(sizes[area], alignment[area]) : sizes[area];
    return memory.allocate({ size: bytes, align: alignment[area], ...wanted }).slice(0, sizes[area]);
  };
  return { descriptor: place('descriptor'), driver: place('driver'), device: place('device') };
}
