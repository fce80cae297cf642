import type { AllocationRequest } from '../../memory/allocation.ts';
import type { Region } from '../../memory/region.ts';
import type { Span } from '../../memory/span.ts';
import { type SplitRingPart, splitAlignment, splitSizes } from './layout.ts';
import { SplitRing } from './ring-memory.ts';

/** How one part of a ring is to lie, beyond its size. */
export type PartPlacement = Omit<AllocationRequest, 'size'>;

/**
 * `contiguous`: one after the other in one region. `apart`: each part in another region where there are enough.
 * `region-end`: one block that is the last of the last region. Or part by part.
 */
export type RingPlacement = 'contiguous' | 'apart' | 'region-end' | Partial<Record<SplitRingPart, PartPlacement>>;

/** A split ring that a Guest holds: its memory, and the addresses at which others find it. */
export class GuestSplitRing extends SplitRing {
  readonly desc: Span;
  readonly avail: Span;
  readonly used: Span;

  constructor(size: number, parts: Readonly<Record<SplitRingPart, Span>>) {
    super(size, { desc: parts.desc.bytes, avail: parts.avail.bytes, used: parts.used.bytes });
    this.desc = parts.desc;
    this.avail = parts.avail;
    this.used = parts.used;
  }

  /** Zeroes all parts and begins again as a ring migrated at `base`. */
  reset(base = 0): void {
    for (const part of [this.desc, this.avail, this.used]) part.fill(0);
    this.setAvailIdx(base);
    this.setUsedIdx(base);
  }
}

interface Memory {
  readonly regions: readonly Region[];
  allocate(request: AllocationRequest): Span;
}

const roundUp = (value: number, align: number): number => Math.ceil(value / align) * align;

type Parts = Record<SplitRingPart, Span>;

/** One block: the table, the available ring, the used ring, each at its alignment. */
function inOneBlock(memory: Memory, size: number, where: PartPlacement): Parts {
  const sizes = splitSizes(size);
  const avail = sizes.desc;
  const used = roundUp(avail + sizes.avail, splitAlignment.used);
  const block = memory.allocate({ size: roundUp(used + sizes.used, 16), align: 16, ...where });
  return {
    desc: block.slice(0, sizes.desc),
    avail: block.slice(avail, sizes.avail),
    used: block.slice(used, sizes.used),
  };
}

function partByPart(memory: Memory, size: number, where: Partial<Record<SplitRingPart, PartPlacement>>): Parts {
  const sizes = splitSizes(size);
  const place = (part: SplitRingPart): Span => {
    const wanted = where[part] ?? {};
    // At the end of a region the size decides the address: round it up, so that the part stays aligned.
    const bytes = wanted.at === 'region-end' ? roundUp(sizes[part], splitAlignment[part]) : sizes[part];
    return memory.allocate({ size: bytes, align: splitAlignment[part], ...wanted }).slice(0, sizes[part]);
  };
  return { desc: place('desc'), avail: place('avail'), used: place('used') };
}

function placedParts(memory: Memory, size: number, placement: RingPlacement): Parts {
  if (typeof placement === 'object') return partByPart(memory, size, placement);
  const last = memory.regions.length - 1;
  switch (placement) {
    case 'contiguous':
      return inOneBlock(memory, size, {});
    case 'apart':
      return partByPart(memory, size, {
        desc: { region: 0 },
        avail: { region: Math.min(1, last) },
        used: { region: Math.min(2, last) },
      });
    case 'region-end':
      return inOneBlock(memory, size, { at: 'region-end' });
  }
}

/** Zeroed, with both idx at `base`. Throws DriverUsageError where the memory has no such room. */
export function placeSplitRing(memory: Memory, size: number, base: number, placement: RingPlacement): GuestSplitRing {
  const ring = new GuestSplitRing(size, placedParts(memory, size, placement));
  ring.reset(base);
  return ring;
}
