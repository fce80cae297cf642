import { vhostNetFault } from './vhost-net-fault.ts';

/** The memory table. */
export const vhostNetMemoryFaults = {
  'vhost-net-padding-is-taken': vhostNetFault(
    'vk-memory/padding-refused',
    'a memory table with padding is taken',
    'memory',
    { acceptsPadding: () => true },
  ),
  'vhost-net-one-region-more-is-taken': vhostNetFault(
    'vk-memory/too-many-regions-refused',
    'a memory table of one region more is taken',
    'memory',
    { mostRegions: 65 },
  ),
  'vhost-net-empty-regions-are-taken': vhostNetFault(
    'vk-memory/empty-or-overflowing-region-refused',
    'a region of no bytes is taken',
    'memory',
    { acceptsRange: ({ address, size }) => address + size <= 1n << 64n },
  ),
  'vhost-net-overflowing-regions-are-taken': vhostNetFault(
    'vk-memory/empty-or-overflowing-region-refused',
    'a region beyond the end of the address space is taken',
    'memory',
    { acceptsRange: ({ size }) => size > 0n },
  ),
} as const;
