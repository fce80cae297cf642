import type { GuestLayout } from '../../drivers/port/port.ts';
import { guestAddress, ioVirtualAddress, userAddress } from '../../reference-impl/memory/addresses.ts';

const low = 0x4000_0000n;
const high = 0x7e00_4000_0000n;
const size = 0x8_0000;

/** Guest-physical addresses of each region are the user addresses of the other one. */
export const exchangedLayout: GuestLayout = {
  name: 'exchanged',
  regions: [
    { guestAddress: guestAddress(low), userAddress: userAddress(high) },
    { guestAddress: guestAddress(high), userAddress: userAddress(low) },
  ].map((addresses, file) => ({
    ...addresses,
    ioVirtualAddress: ioVirtualAddress(0x3000_0000_0000n + BigInt(file * size)),
    size,
    file,
    mmapOffset: 0n,
  })),
};
