import type { DescriptorSource } from '../../drivers/port/port.ts';
import type { CallOf } from '../program/program.ts';
import type { MadeThings } from './made-things.ts';
import type { ToldMapping, ToldRegion } from './transport-door.ts';

/** Regions as a table tells them: what the program leaves out is what it is. Those of memory that was not made are left out. */
export function toldRegions(
  made: MadeThings,
  descriptors: DescriptorSource,
  regions: CallOf<'memory-table'>['regions'],
): ToldRegion[] {
  const { addressOf } = made;
  return regions.flatMap(({ memory, region: number, guestAddress, size, userAddress, mmapOffset, file, padding }) => {
    const region = made.region(memory, number);
    if (region === undefined) return [];
    return [
      {
        guestAddress: guestAddress === undefined ? region.guestAddress : addressOf(guestAddress),
        size: size === undefined ? BigInt(region.size) : addressOf(size),
        userAddress: userAddress === undefined ? region.userAddress : addressOf(userAddress),
        ioVirtualAddress: guestAddress === undefined ? region.ioVirtualAddress : addressOf(guestAddress),
        mmapOffset: mmapOffset === undefined ? region.mmapOffset : addressOf(mmapOffset),
        padding,
        descriptor: file ? descriptors.ofRegion(region) : -1,
      },
    ];
  });
}

/** The mapping that a call tells: what it leaves out is that of the region. Undefined where the memory was not made. */
export function toldMapping(
  made: MadeThings,
  { memory, region: number, ioVirtualAddress, userAddress, size }: CallOf<'container-call' | 'iotlb'>,
): ToldMapping | undefined {
  const { addressOf } = made;
  const region = made.region(memory, number);
  if (region === undefined) return undefined;
  return {
    ioVirtualAddress: ioVirtualAddress === undefined ? region.ioVirtualAddress : addressOf(ioVirtualAddress),
    userAddress: userAddress === undefined ? region.userAddress : addressOf(userAddress),
    size: size === undefined ? BigInt(region.size) : addressOf(size),
  };
}
