import { DriverUsageError } from '../errors.ts';
import { type GuestPackedRing, placePackedRing } from '../virtqueue/packed/guest-ring.ts';
import { type RingLayout, type RingPosition, startPosition } from '../virtqueue/ring.ts';
import type { RingPlacement } from '../virtqueue/ring-placement.ts';
import { type GuestSplitRing, placeSplitRing } from '../virtqueue/split/guest-ring.ts';
import type { GuestAddress } from './addresses.ts';
import { type AllocationMark, type AllocationRequest, Allocator } from './allocation.ts';
import { defaultGuestLayout, fileSizes, type GuestLayout } from './guest-layout.ts';
import type { Region, RegionMemory } from './region.ts';
import type { Span } from './span.ts';

export interface RingRequest {
  readonly size: number;
  readonly position?: RingPosition;
  readonly placement?: RingPlacement;
}

/** The memory of a guest: what buffers and rings lie in. It outlives every connection. */
export class Guest {
  readonly #allocator: Allocator;

  /** Throws DriverUsageError where a view of a region is not as long as the region. */
  constructor(memory: readonly RegionMemory[]) {
    for (const { bytes, size } of memory) {
      if (bytes.length !== size) throw new DriverUsageError(`a region of ${size} bytes has a view of ${bytes.length}`);
    }
    this.#allocator = new Allocator(memory);
  }

  get regions(): readonly Region[] {
    return this.#allocator.regions;
  }

  /** Reserves memory; the same requests in the same order give the same spans. Contents are what they were. */
  allocate(request: AllocationRequest): Span {
    return this.#allocator.allocate(request);
  }

  /** A span over memory, also over parts that are taken: reserves nothing. */
  spanAt(address: GuestAddress, size: number): Span {
    return this.#allocator.spanAt(address, size);
  }

  /** Remembers what is allocated, so that a sweep can give back what each of its points took. */
  mark(): AllocationMark {
    return this.#allocator.mark();
  }

  release(mark: AllocationMark): void {
    this.#allocator.release(mark);
  }

  /** A fresh ring that begins at `position`, at the start of its layout without one. */
  ring(request: RingRequest & { readonly layout: 'split' }): GuestSplitRing;
  ring(request: RingRequest & { readonly layout: 'packed' }): GuestPackedRing;
  ring(request: RingRequest & { readonly layout: RingLayout }): GuestSplitRing | GuestPackedRing;
  ring(request: RingRequest & { readonly layout: RingLayout }): GuestSplitRing | GuestPackedRing {
    const { layout, size, position = startPosition(layout), placement = 'contiguous' } = request;
    switch (layout) {
      case 'split':
        return placeSplitRing(this, size, position, placement);
      case 'packed':
        return placePackedRing(this, size, position, placement);
    }
  }
}

/** The regions of a layout over memory files that the edge made: `file(number, size)` gives a view of a whole file. */
export function regionsOf(
  layout: GuestLayout,
  file: (file: number, size: number) => { readonly bytes: Uint8Array; readonly backing: unknown },
): RegionMemory[] {
  const files = fileSizes(layout).map((size, number) => file(number, size));
  return layout.regions.map(({ file: number, mmapOffset, size, guestAddress, userAddress, ioVirtualAddress }) => {
    const whole = files[number] ?? file(number, Number(mmapOffset) + size);
    const start = Number(mmapOffset);
    const bytes = whole.bytes.subarray(start, start + size);
    return { guestAddress, userAddress, ioVirtualAddress, size, mmapOffset, bytes, backing: whole.backing };
  });
}

/** A guest in memory of this process alone. */
export function plainGuest(layout: GuestLayout = defaultGuestLayout): Guest {
  return new Guest(regionsOf(layout, (_, size) => ({ bytes: new Uint8Array(size), backing: undefined })));
}
