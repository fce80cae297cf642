import { compileLayout } from './compile-layout.ts';
import { structurePadding, u32, u64 } from './layout.ts';
import { encodeStructure } from './structure.ts';

/** The fixed part of vhost_memory: regions follow. */
export const vhostMemoryHeader = compileLayout('vhost_memory', [u32('count'), u32('padding')]);

export const vhostMemoryRegion = compileLayout('vhost_memory_region', [
  u64('guestAddress'),
  u64('size'),
  u64('userAddress'),
  structurePadding(8),
]);

/** A region of a memory table. */
export interface VhostMemoryRegion {
  readonly guestAddress: bigint;
  readonly size: bigint;
  readonly userAddress: bigint;
}

/** A vhost_memory with these regions, and what else it says where it says that. */
export function memoryTableBytes(
  regions: readonly VhostMemoryRegion[],
  { count = regions.length, padding = 0 }: { readonly count?: number; readonly padding?: number } = {},
): Uint8Array {
  const bytes = new Uint8Array(vhostMemoryHeader.size + regions.length * vhostMemoryRegion.size);
  bytes.set(encodeStructure(vhostMemoryHeader, { count, padding }));
  for (const [n, region] of regions.entries()) {
    bytes.set(encodeStructure(vhostMemoryRegion, region), vhostMemoryHeader.size + n * vhostMemoryRegion.size);
  }
  return bytes;
}
