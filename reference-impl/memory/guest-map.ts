import type { Guest } from './guest.ts';
import { MemoryMap } from './memory-map.ts';

/** All of a guest as a device side in this process knows it, its I/O-virtual addresses mapped read-write. */
export function mapOf(guest: Guest): MemoryMap {
  const map = new MemoryMap(
    guest.regions.map(({ guestAddress, userAddress, size, bytes }) => ({
      guestAddress,
      userAddress,
      size: BigInt(size),
      bytes,
    })),
  );
  for (const { ioVirtualAddress, userAddress, size } of guest.regions) {
    map.updateIotlb({ ioVirtualAddress, userAddress, size: BigInt(size), permission: 'read-write' });
  }
  return map;
}
