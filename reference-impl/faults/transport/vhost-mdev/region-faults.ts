import { errno } from '../../../wire/errno.ts';
import { VFIO_REGION_INFO_FLAG_MMAP, vfioRegionInfo, vfioRequests } from '../../../wire/vfio-structures.ts';
import type { MdevFault } from '../../fault.ts';
import { inMdevTable, mdevFault } from './mdev-fault.ts';

const CHANNEL = 0;
const DOORBELLS = 1;
const PAGE = 4096;

/** A caller with room behind the structure: the driver itself asks with none, and is told the truth. */
const isRoomy = (argsz: number): boolean => argsz > vfioRegionInfo.size;

/** What VFIO_DEVICE_GET_REGION_INFO tells, and accesses to regions that are about neither messages nor queues. */
export const mdevRegionFaults = {
  'mdev-bar-without-bytes': mdevFault(
    'vm-regions/l1-bars-have-bytes',
    'BAR1 of layout L1 has no bytes',
    inMdevTable('calls', { regionSize: (index, size) => (index === DOORBELLS ? 0 : size) }),
  ),
  'mdev-config-region-of-one-page': mdevFault(
    'vm-regions/l2-channel-size',
    'the region of messages is told to have one page in every layout',
    inMdevTable('calls', { regionSize: (index, size) => (index === CHANNEL ? PAGE : size) }),
  ),
  'mdev-channel-claims-mmap': mdevFault(
    'vm-regions/channel-is-read-and-written',
    'the region of messages claims that it can be mapped',
    inMdevTable('calls', {
      regionFlags: (index, flags) => (index === CHANNEL ? flags | VFIO_REGION_INFO_FLAG_MMAP : flags),
    }),
  ),
  'mdev-doorbells-claim-no-mmap': mdevFault(
    'vm-regions/l2-doorbells-can-be-mapped',
    'the region of doorbells is told without mmap',
    inMdevTable('calls', { regionFlags: (_, flags) => flags & ~VFIO_REGION_INFO_FLAG_MMAP }),
  ),
  'mdev-doorbell-page-too-few': mdevFault(
    'vm-regions/doorbell-page-for-each-ring',
    'the region of doorbells is told one page too small',
    inMdevTable('calls', { regionSize: (index, size) => (index === DOORBELLS ? size - PAGE : size) }),
  ),
  'mdev-offset-shifted-by-32': mdevFault(
    'vm-regions/l2-offset-is-index-shifted',
    'a caller with room for more is told offsets that are the index shifted by 32',
    inMdevTable('calls', ({ regionOffset }) => ({
      regionOffset: (index, argsz) => (isRoomy(argsz) ? index * 2 ** 32 : regionOffset(index, argsz)),
    })),
  ),
  'mdev-regions-overlap': mdevFault(
    'vm-regions/regions-lie-apart',
    'a caller with room for more is told that every region begins within the first',
    inMdevTable('calls', ({ regionOffset }) => ({
      regionOffset: (index, argsz) => (isRoomy(argsz) ? index : regionOffset(index, argsz)),
    })),
  ),
  'mdev-region-info-tells-index-zero': mdevFault(
    'vm-regions/index-is-repeated',
    'region information says index 0 for every region',
    inMdevTable('calls', { toldIndex: () => 0 }),
  ),
  'mdev-region-beyond-is-the-last': mdevFault(
    'vm-regions/index-beyond-count-refused',
    'an index that there is not is answered as the last one',
    inMdevTable('calls', { regionAskedFor: (index, count) => Math.min(index, count - 1) }),
  ),
  'mdev-region-info-short-argsz-taken': mdevFault(
    'vm-regions/short-argsz-refused',
    'region information is written whatever size the caller says',
    inMdevTable('calls', ({ acceptsArgsz }) => ({
      acceptsArgsz: (argsz, needed, request) =>
        request === vfioRequests.VFIO_DEVICE_GET_REGION_INFO || acceptsArgsz(argsz, needed, request),
    })),
  ),
  'mdev-absent-region-with-bytes': mdevFault(
    'vm-regions/l1-other-indices-are-empty',
    'an index that nothing lies behind has a page',
    inMdevTable('calls', { regionSize: (_, size) => size || PAGE }),
  ),
  'mdev-doorbell-read-gives-bytes': mdevFault(
    'vm-regions/doorbell-read-is-empty',
    'a read of the region of doorbells returns 4 bytes',
    inMdevTable('doorbell', { read: 4 }),
  ),
  'mdev-absent-region-refused': mdevFault(
    'vm-regions/absent-region-is-empty',
    'an access where no region is fails',
    inMdevTable('calls', { absentAccess: -errno.EINVAL }),
  ),
  'mdev-channel-mapped': mdevFault(
    'vm-regions/channel-cannot-be-mapped',
    'the region of messages can be mapped, and is a page of zeros',
    inMdevTable('calls', { mapElsewhere: (length) => new Uint8Array(length) }),
  ),
  'mdev-config-space-refuses-across-end': mdevFault(
    'vm-regions/config-space-ends-access',
    'an access across the end of configuration space fails',
    inMdevTable('pciConfig', {
      lengthOf: (offset, count, size) => (offset + count > size ? -errno.EINVAL : count),
    }),
  ),
  'mdev-config-space-end-is-empty': mdevFault(
    'vm-regions/config-space-end-refused',
    'an access that begins at the end of configuration space returns 0 bytes',
    inMdevTable('pciConfig', {
      lengthOf: (offset, count, size) => Math.max(0, Math.min(count, size - offset)),
    }),
  ),
  'mdev-bad-buffers-are-taken': mdevFault(
    'vm-regions/bad-buffers-refused',
    'an access to a region whose buffer is not there is said to be done',
    inMdevTable('calls', { badBuffer: 0 }),
  ),
  'mdev-msix-table-reads-from-its-start': mdevFault(
    'vm-regions/msix-table-stores',
    'a read of the MSI-X table reads its first bytes, wherever it is',
    inMdevTable('pciConfig', { tableReadAt: () => 0 }),
  ),
} as const satisfies Record<string, MdevFault>;
