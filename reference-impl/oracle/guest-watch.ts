import type { RequirementSlug } from '../catalogue/catalogue.ts';
import { type AddressSpace, addressIn } from '../memory/addresses.ts';
import type { Guest } from '../memory/guest.ts';
import type { Region } from '../memory/region.ts';
import type { Span } from '../memory/span.ts';
import type { WriteJournal } from '../memory/write-journal.ts';
import type { GuestRing } from '../virtqueue/ring.ts';
import type { Segment } from '../virtqueue/segment.ts';
import { differences, type Extent, merged, outside } from './extents.ts';
import { type InvariantViolation, requirementOfInvariant } from './invariants.ts';
import { MemoryShadow } from './memory-shadow.ts';

const PAGE = 4096;
const HINT_SIZE = 2;
/** Chains from which on their buffers are kept as merged extents. */
const manyChains = 1024;

/** How memory is read and compared; a port knows ways that do not give pages to holes of a memory file. */
export interface MemoryAccess {
  current(region: Region): Uint8Array;
  equals(left: Uint8Array, right: Uint8Array): boolean;
}

/** A part of memory that no device may write, and why. */
interface Guarded extends Extent {
  readonly requirement: RequirementSlug;
  readonly name: string;
}

interface RegionWatch {
  readonly shadow: MemoryShadow;
  /** What a device may write or may have written, and what the driver writes untold. */
  allowed: Extent[];
  guarded: Guarded[];
}

interface Lent {
  readonly chain: readonly Segment[];
  readonly space: AddressSpace;
  readonly requirement: RequirementSlug | undefined;
}

/**
 * The memory of a Guest under watch: what the driver wrote, and what devices may write. Fresh memory is zero, so that
 * memory can be compared at any time without a copy of it.
 */
export class GuestWatch implements WriteJournal {
  readonly guest: Guest;
  readonly #regions: RegionWatch[];
  /** Chains whose buffers are already among those below; of lists that are given again and again. */
  readonly #known = new Set<readonly Segment[]>();
  #lent: Lent[] = [];

  /** The memory must be zero. */
  constructor(guest: Guest) {
    this.guest = guest;
    this.#regions = guest.regions.map((region) => ({ shadow: new MemoryShadow(region), allowed: [], guarded: [] }));
    for (const region of guest.regions) region.journal = this;
  }

  wrote(region: number, offset: number, length: number): void {
    this.#regions[region]?.shadow.take(offset, length);
  }

  viewed(region: number, offset: number, length: number): void {
    this.#regions[region]?.allowed.push({ start: offset, end: offset + length });
  }

  /** A ring lies there, zeroed but for where it begins. */
  placed(ring: GuestRing): void {
    const { descriptor, driver, device } = ring.areas;
    this.#guard(ring, 'descriptorArea', descriptor, 'the descriptor table');
    this.#allow(device);
    if (ring.layout === 'split') {
      this.#guard(ring, 'driverArea', driver, 'the available ring');
      // Flags and used_event are hints, which the driver changes at any time.
      const { start, end } = extentOf(driver);
      const allowed = this.#regions[driver.region.index]?.allowed;
      allowed?.push({ start, end: start + HINT_SIZE }, { start: end - HINT_SIZE, end });
    } else this.#allow(driver);
  }

  /** The buffers of a chain are the device's until the chain is used, and hold from then on what it wrote. */
  lend(chain: readonly Segment[], space: AddressSpace, requirement: RequirementSlug | undefined): void {
    if (this.#known.has(chain)) return;
    this.#known.add(chain);
    this.#lent.push({ chain, space, requirement });
    if (this.#lent.length >= manyChains) this.#settleLent();
  }

  /**
   * What was written by none of the driver and no device that was allowed to. Violations are named once: what is told
   * now is not told again.
   */
  violations({ current, equals }: MemoryAccess, outsideRequirement: RequirementSlug | undefined): InvariantViolation[] {
    this.#settleLent();
    const found: InvariantViolation[] = [];
    for (const { shadow, allowed, guarded } of this.#regions) {
      const now = current(shadow.region);
      for (const run of differingRuns(now, shadow.bytes, equals)) {
        for (const extent of outside(run, allowed)) {
          const guard = guarded.findLast(({ start, end }) => start < extent.end && extent.start < end);
          const requirement = guard?.requirement ?? outsideRequirement;
          if (requirement === undefined) continue;
          found.push({
            requirement,
            what: guard?.name ?? 'memory outside rings and writable buffers',
            expected: 'as the driver left it',
            actual: `${extent.end - extent.start} bytes written at offset ${extent.start} of region ${shadow.region.index}`,
          });
          allowed.push(extent);
        }
      }
    }
    return found;
  }

  /** Gives memory back, unwatched. */
  release(): void {
    for (const { shadow } of this.#regions) {
      shadow.region.journal = undefined;
      shadow.release();
    }
  }

  #guard(ring: GuestRing, invariant: 'descriptorArea' | 'driverArea', span: Span, name: string): void {
    const requirement = requirementOfInvariant(invariant, ring.layout);
    if (requirement === undefined) this.#allow(span);
    else this.#regions[span.region.index]?.guarded.push({ ...extentOf(span), requirement, name });
  }

  /** False for an I/O-virtual address that entries of an IOTLB lead elsewhere: the buffer lies at its user address still. */
  #holds(space: AddressSpace, segment: Segment): boolean {
    if (space !== 'io-virtual') return true;
    const first = addressIn(space, segment);
    return this.#regions.some(({ shadow: { region } }) => {
      const base = addressIn(space, region);
      return first >= base && first < base + BigInt(region.size);
    });
  }

  #allow(span: Span): void {
    this.#regions[span.region.index]?.allowed.push(extentOf(span));
  }

  #settleLent(): void {
    for (const { chain, space, requirement } of this.#lent) {
      for (const segment of chain) this.#settle(segment, space, requirement);
    }
    this.#lent = [];
    this.#known.clear();
    for (const region of this.#regions) {
      region.allowed = merged(region.allowed);
      if (region.guarded.length > manyChains) region.guarded = distinct(region.guarded);
    }
  }

  #settle(segment: Segment, told: AddressSpace, requirement: RequirementSlug | undefined): void {
    const space = this.#holds(told, segment) ? told : 'user';
    const first = addressIn(space, segment);
    const end = first + BigInt(segment.length);
    for (const { shadow, allowed, guarded } of this.#regions) {
      const base = addressIn(space, shadow.region);
      const from = first < base ? base : first;
      const limit = base + BigInt(shadow.region.size);
      const to = end < limit ? end : limit;
      if (from >= to) continue;
      const extent = { start: Number(from - base), end: Number(to - base) };
      if (segment.writable) allowed.push(extent);
      else if (requirement !== undefined) guarded.push({ ...extent, requirement, name: 'a readable buffer' });
    }
  }
}

const extentOf = ({ offset, length }: Span): Extent => ({ start: offset, end: offset + length });

function distinct(guarded: readonly Guarded[]): Guarded[] {
  const byPlace = new Map(guarded.map((one) => [`${one.start} ${one.end} ${one.requirement}`, one]));
  return [...byPlace.values()];
}

function* differingRuns(
  now: Uint8Array,
  before: Uint8Array,
  equals: MemoryAccess['equals'],
): Generator<Extent, void, undefined> {
  for (let from = 0; from < now.length; from += PAGE) {
    const to = Math.min(from + PAGE, now.length);
    if (!equals(now.subarray(from, to), before.subarray(from, to))) yield* differences(now, before, from, to);
  }
}

/** Memory of this process, compared byte by byte. */
export const plainAccess: MemoryAccess = {
  current: ({ bytes }) => bytes,
  equals: (left, right) => left.every((byte, at) => byte === right[at]),
};
