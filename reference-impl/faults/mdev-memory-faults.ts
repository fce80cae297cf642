import { inMdevTable, type MdevFault, mdevFault } from './mdev-fault.ts';

/** Mappings of the container in layout L2, and the memory table of layout L1. */
export const mdevMemoryFaults = {
  'mdev-unmapped-memory-reached': mdevFault(
    'vm-memory/l2-unmapped-buffer-not-written',
    'what was unmapped is still reached',
    inMdevTable('dma', { forgetsUnmapped: false }),
  ),
  'mdev-mapping-twice-taken': mdevFault(
    'vm-memory/l2-mapping-twice-refused',
    'what is mapped already can be mapped once more',
    inMdevTable('dma', { mapError: () => 0 }),
  ),
} as const satisfies Record<string, MdevFault>;
