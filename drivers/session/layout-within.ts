import { type IoVirtualAddress, ioVirtualAddress } from '../../reference-impl/memory/addresses.ts';
import type { GuestLayout } from '../../reference-impl/memory/guest-layout.ts';
import { DriverUsageError } from '../errors.ts';

const gigabyte = 1n << 30n;

/** Both ends included. */
interface AddressRange {
  readonly first: bigint;
  readonly last: bigint;
}

/**
 * The layout with its I/O-virtual addresses in a range, all moved by one distance, a multiple of 1 GiB.
 * @throws DriverUsageError where the range is too small.
 */
export function within(layout: GuestLayout, { first, last }: AddressRange): GuestLayout {
  const starts = layout.regions.map(({ ioVirtualAddress: start }) => start as bigint);
  const lowest = starts.reduce((a, b) => (a < b ? a : b));
  const end = layout.regions.reduce((most, one) => {
    const next = one.ioVirtualAddress + BigInt(one.size);
    return next > most ? next : most;
  }, 0n);
  if (lowest >= first && end - 1n <= last) return layout;
  // At most to the lowest whole gigabyte at which all of it is in the range.
  const target = ((first + gigabyte - 1n) / gigabyte) * gigabyte + (lowest % gigabyte);
  const distance = lowest - target;
  if (end - 1n - distance > last) {
    throw new DriverUsageError(`the layout ${layout.name} has no room in I/O-virtual addresses ${first} to ${last}`);
  }
  const moved = (address: IoVirtualAddress): IoVirtualAddress => ioVirtualAddress(address - distance);
  return {
    ...layout,
    regions: layout.regions.map((one) => ({ ...one, ioVirtualAddress: moved(one.ioVirtualAddress) })),
  };
}
