import { type AddressSpace, addressIn } from '../memory/addresses.ts';
import type { GuestRing, RingArea } from './ring.ts';

/** Which addresses go to a device: those of the areas of a ring, and those of buffers in descriptors. */
export interface SentAddresses {
  readonly ring: AddressSpace;
  readonly buffer: AddressSpace;
}

/**
 * What each way of sharing memory sends. `shared`: the memory is in our process, and rings go by our own addresses.
 * `translated`: the device has an IOMMU of its own between it and the memory. `guest`: rings go by the guest's addresses, too.
 */
export const sentAddresses = {
  shared: { ring: 'user', buffer: 'guest-physical' },
  translated: { ring: 'io-virtual', buffer: 'io-virtual' },
  guest: { ring: 'guest-physical', buffer: 'guest-physical' },
} as const satisfies Readonly<Record<string, SentAddresses>>;

/** The addresses of the areas of a ring. */
export function areaAddresses({ areas }: GuestRing, { ring }: SentAddresses): Readonly<Record<RingArea, bigint>> {
  return {
    descriptor: addressIn(ring, areas.descriptor),
    driver: addressIn(ring, areas.driver),
    device: addressIn(ring, areas.device),
  };
}
