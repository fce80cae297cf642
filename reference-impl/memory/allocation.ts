import { DriverUsageError } from '../errors.ts';
import type { GuestAddress } from './addresses.ts';
import { linkRegions, type Region, type RegionMemory } from './region.ts';
import { regionsAfter, Span } from './span.ts';

const PAGE = 4096;

/** What is asked of `Guest.allocate`. */
export interface AllocationRequest {
  /** Bytes; at least 1. */
  readonly size: number;
  /** A power of two; 16 unless told. Of the guest-physical address, which the others share the low 12 bits with. */
  readonly align?: number;
  /** Bytes past the alignment: 1 makes a span that is aligned to nothing. */
  readonly skew?: number;
  /** Index of the region; unless told, regions take turns. */
  readonly region?: number;
  /** A guest-physical address, or `region-end` for the last bytes of the region. */
  readonly at?: GuestAddress | 'region-end';
  /** The span straddles a page boundary, or the boundary to the adjacent region, about in its middle. */
  readonly crossing?: 'page' | 'region';
}

interface Taken {
  readonly start: number;
  readonly end: number;
}

/** What was allocated up to now, to come back to with `release`. */
export interface AllocationMark {
  readonly next: readonly number[];
  readonly placed: readonly (readonly Taken[])[];
  readonly turn: number;
}

/**
 * Hands out the bytes of regions, always the same for the same requests: a pointer that moves up in each region, and
 * beside it the spans that were placed on request.
 */
export class Allocator {
  readonly regions: readonly Region[];
  readonly #kept: readonly number[];
  #next: number[];
  #placed: Taken[][];
  #turn = 0;

  constructor(memory: readonly RegionMemory[]) {
    this.regions = linkRegions(memory);
    // The first quarter of a region that adjoins another is kept for spans over their boundary.
    this.#next = this.regions.map((region) =>
      this.regions.some(({ adjacent }) => adjacent === region) ? region.size >> 2 : 0,
    );
    this.#kept = [...this.#next];
    this.#placed = this.regions.map(() => []);
  }

  mark(): AllocationMark {
    return { next: [...this.#next], placed: this.#placed.map((list) => [...list]), turn: this.#turn };
  }

  release(mark: AllocationMark): void {
    this.#next = [...mark.next];
    this.#placed = mark.placed.map((list) => [...list]);
    this.#turn = mark.turn;
  }

  allocate(request: AllocationRequest): Span {
    const { size, align = 16, skew = 0 } = request;
    if (!Number.isSafeInteger(size) || size < 1) throw new DriverUsageError(`cannot allocate ${size} bytes`);
    if (align < 1 || !Number.isInteger(Math.log2(align))) throw new DriverUsageError(`alignment ${align}`);
    if (request.at !== undefined) return this.#allocateAt(request.at, size, request.region);
    if (request.crossing === 'region') return this.#allocateOverBoundary(size, request.region);
    const candidates = request.region === undefined ? this.#inTurn() : [this.region(request.region)];
    for (const region of candidates) {
      const offset = this.#findRoom(region, size, align, skew, request.crossing === 'page');
      if (offset === undefined) continue;
      this.#next[region.index] = offset + size;
      return new Span(region, offset, size);
    }
    throw new DriverUsageError(`no region has ${size} bytes left`);
  }

  /** A span over memory that is not reserved by it, and may be part of other spans. */
  spanAt(address: GuestAddress, size: number): Span {
    const region = this.regions.find(
      (one) => address >= one.guestAddress && address - one.guestAddress < BigInt(one.size),
    );
    if (region === undefined) throw new DriverUsageError(`no region holds guest-physical 0x${address.toString(16)}`);
    return new Span(region, Number(address - region.guestAddress), size, regionsAfter(region));
  }

  region(index: number): Region {
    const region = this.regions[index];
    if (region === undefined) throw new DriverUsageError(`there is no region ${index}`);
    return region;
  }

  #inTurn(): Region[] {
    const turn = this.#turn++ % this.regions.length;
    return [...this.regions.slice(turn), ...this.regions.slice(0, turn)];
  }

  #findRoom(region: Region, size: number, align: number, skew: number, crossPage: boolean): number | undefined {
    const misalignment = Number(region.guestAddress & BigInt(align - 1));
    let from = this.#next[region.index] ?? 0;
    for (;;) {
      let offset = Math.ceil((from + misalignment - skew) / align) * align - misalignment + skew;
      if (crossPage) {
        const half = Math.max(1, size >> 1);
        const boundary = Math.ceil(Math.max(from + half, 1) / PAGE) * PAGE;
        offset = Math.max(from, Math.floor((boundary - half - skew) / align) * align + skew);
        if (offset >= boundary || offset + size <= boundary)
          throw new DriverUsageError(`${size} bytes cannot cross a page so`);
      }
      if (offset + size > region.size) return undefined;
      const obstacle = this.#obstacle(region, offset, size);
      if (obstacle === undefined) return offset;
      from = obstacle.end;
    }
  }

  #obstacle(region: Region, offset: number, size: number): Taken | undefined {
    return this.#placed[region.index]?.find(({ start, end }) => offset < end && start < offset + size);
  }

  /** Whether the range meets what the moving pointer has handed out. */
  #isBelowPointer(region: Region, start: number, end: number): boolean {
    return start < (this.#next[region.index] ?? 0) && end > (this.#kept[region.index] ?? 0);
  }

  #reserve(span: Span): Span {
    let { region, offset } = span;
    for (const piece of span.pieces) {
      const end = offset + piece.length;
      const obstacle = this.#obstacle(region, offset, piece.length);
      if (this.#isBelowPointer(region, offset, end) || obstacle !== undefined) {
        throw new DriverUsageError(`offset ${offset} of region ${region.index} is taken`);
      }
      this.#placed[region.index]?.push({ start: offset, end });
      if (region.adjacent === undefined) break;
      region = region.adjacent;
      offset = 0;
    }
    return span;
  }

  #allocateAt(at: GuestAddress | 'region-end', size: number, index: number | undefined): Span {
    if (at !== 'region-end') return this.#reserve(this.spanAt(at, size));
    const region = index === undefined ? this.regions.at(-1) : this.region(index);
    if (region === undefined || region.size < size) throw new DriverUsageError(`no region ends with ${size} bytes`);
    const ends = [region.size, ...(this.#placed[region.index] ?? []).map(({ start }) => start)].sort((a, b) => b - a);
    for (const end of ends) {
      const start = end - size;
      if (start >= 0 && this.#obstacle(region, start, size) === undefined) {
        return this.#reserve(new Span(region, start, size));
      }
    }
    throw new DriverUsageError(`no room for ${size} bytes at the end of region ${region.index}`);
  }

  #allocateOverBoundary(size: number, index: number | undefined): Span {
    const head = size >> 1;
    const candidates = index === undefined ? this.regions : [this.region(index)];
    for (const region of candidates) {
      const next = region.adjacent;
      if (next === undefined || head < 1 || head > region.size || size - head > next.size) continue;
      if (this.#obstacle(region, region.size - head, head) ?? this.#obstacle(next, 0, size - head)) continue;
      if (this.#isBelowPointer(region, region.size - head, region.size)) continue;
      if (this.#isBelowPointer(next, 0, size - head)) continue;
      return this.#reserve(new Span(region, region.size - head, size, [next]));
    }
    throw new DriverUsageError(`no two adjacent regions have ${size} bytes left around their boundary`);
  }
}
