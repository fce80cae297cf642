import { DriverUsageError } from '../errors.ts';
import { type GuestSplitRing, placeSplitRing, type RingPlacement } from '../virtqueue/split/guest-ring.ts';
import type { GuestAddress } from './addresses.ts';
import { type AllocationMark, type AllocationRequest, Allocator } from './allocation.ts';
import { defaultGuestLayout, fileSizes, type GuestLayout } from './guest-layout.ts';
import type { Region, RegionMemory } from './region.ts';
import type { Span } from './span.ts';

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

  /** A span over memory whoever owns it: reserves nothing. */
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

  /**
   * A zeroed split ring of `size` entries. With `base` it is as a migrated ring: available and used idx both `base`
   * (virtio 2.7; vhost-user "Starting and stopping rings").
   */
  splitRing(request: {
    readonly size: number;
    readonly base?: number;
    readonly placement?: RingPlacement;
  }): GuestSplitRing {
    return placeSplitRing(this, request.size, request.base ?? 0, request.placement ?? 'contiguous');
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
