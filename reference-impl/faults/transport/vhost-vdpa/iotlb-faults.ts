import { vdpaFault } from './vdpa-fault.ts';

/** Messages of the IOTLB, and the groups that its address spaces belong to. */
export const vdpaIotlbFaults = {
  'vdpa-maps-outside-its-range': vdpaFault(
    'vk-iotlb/update-outside-iova-range-refused',
    'updates outside the range are taken',
    'iotlb',
    { acceptsRange: () => true },
  ),
  'vdpa-maps-over-mappings': vdpaFault(
    'vk-iotlb/overlapping-update-refused',
    'an update that overlaps a mapping is taken',
    'iotlb',
    { acceptsOverlap: true },
  ),
  'vdpa-invalidation-has-no-effect': vdpaFault(
    'vk-iotlb/invalidated-range-is-mapped-anew',
    'an invalidation is taken and takes nothing away',
    'iotlb',
    { forgets: () => false },
  ),
  'vdpa-address-spaces-wrap': vdpaFault(
    'vk-iotlb/unknown-address-space-refused',
    'an address space beyond the count is another one',
    'iotlb',
    { acceptsSpace: () => true },
  ),
  'vdpa-batches-mix-address-spaces': vdpaFault(
    'vk-iotlb/batch-excludes-other-address-spaces',
    'a batch takes messages for other address spaces',
    'iotlb',
    { mixesBatches: true },
  ),
  'vdpa-batch-outlives-close': vdpaFault(
    'vk-close/close-resets-and-unmaps',
    'a batch goes on for who opens the device next',
    'iotlb',
    { batchOutlivesClose: true },
  ),
  'vdpa-reads-address-spaces-in-any-message': vdpaFault(
    'vk-iotlb/address-space-number-needs-its-feature',
    'each message is for the address space whose number it has',
    'iotlb',
    { spaceOf: (asid) => asid },
  ),
  'vdpa-maps-missing-memory': vdpaFault(
    'vk-iotlb/update-of-missing-memory-refused',
    'memory is mapped that the user does not have',
    'iotlb',
    { missing: (size) => new Uint8Array(Number(size)) },
  ),
  'vdpa-batches-have-no-effect': vdpaFault(
    'vk-iotlb/batch-counts-at-its-end',
    'what is mapped within a second batch is gone behind its end',
    'iotlb',
    { batchCounts: (before = []) => before.length === 0 },
  ),
  'vdpa-short-messages-are-taken': vdpaFault(
    'vk-iotlb/malformed-messages-refused',
    'a message that is cut short is taken',
    'iotlb',
    { takesShort: true },
  ),
  'vdpa-any-message-type-is-taken': vdpaFault(
    'vk-iotlb/malformed-messages-refused',
    'a message of an unknown type is taken',
    'iotlb',
    { acceptsType: () => true },
  ),
  'vdpa-any-message-request-is-taken': vdpaFault(
    'vk-iotlb/malformed-messages-refused',
    'a message that asks for nothing known is taken',
    'iotlb',
    { takesAnyRequest: true },
  ),
  'vdpa-reaches-invalidated-memory': vdpaFault(
    'vk-iotlb/unmapped-memory-is-not-reached',
    'memory is reached that was invalidated',
    'iotlb',
    { reachesUnmapped: true },
  ),
  'vdpa-writes-read-only-memory': vdpaFault(
    'vk-iotlb/permission-is-kept',
    'memory that is mapped for reading is written',
    'iotlb',
    { permissionOf: () => 'read-write' },
  ),
  'vdpa-reset-takes-mappings': vdpaFault(
    'vk-iotlb/mappings-outlive-reset',
    'a reset takes all mappings away',
    'iotlb',
    { outliveReset: false },
  ),
  'vdpa-groups-take-any-address-space': vdpaFault(
    'vk-groups/group-and-address-space-numbers-bounded',
    'a group is given any address space',
    'groups',
    { acceptsSpace: () => true },
  ),
  'vdpa-groups-share-one-address-space': vdpaFault(
    'vk-groups/rings-use-the-space-of-their-group',
    'the rings of every group are in address space 0',
    'groups',
    { spaceOf: () => 0 },
  ),
  'vdpa-control-queue-uses-mappings-for-data': vdpaFault(
    'vk-groups/rings-use-the-space-of-their-group',
    'rings of a group with an address space of its own also reach what is mapped in address space 0',
    'iotlb',
    { alsoReached: (space) => (space === 0 ? [] : [0]) },
  ),
} as const;
