import { compileLayout } from './compile-layout.ts';
import { u32, u64 } from './layout.ts';

/** Numbers of the VFIO calls on a container before it has an IOMMU, and of those on a group. */
export const vfioGroupRequests = {
  VFIO_GET_API_VERSION: 0x3b64,
  VFIO_CHECK_EXTENSION: 0x3b65,
  VFIO_SET_IOMMU: 0x3b66,
  VFIO_GROUP_GET_STATUS: 0x3b67,
  VFIO_GROUP_SET_CONTAINER: 0x3b68,
  VFIO_GROUP_GET_DEVICE_FD: 0x3b6a,
} as const;

export const VFIO_API_VERSION = 0;
/** Type 1 as all use it since 2014: what was mapped as one is unmapped as one. */
export const VFIO_TYPE1v2_IOMMU = 3;
export const VFIO_GROUP_FLAGS_VIABLE = 1 << 0;

/** Numbers of the VFIO calls on a device descriptor, and of those on a container. */
export const vfioRequests = {
  VFIO_DEVICE_GET_INFO: 0x3b6b,
  VFIO_DEVICE_GET_REGION_INFO: 0x3b6c,
  VFIO_DEVICE_GET_IRQ_INFO: 0x3b6d,
  VFIO_DEVICE_SET_IRQS: 0x3b6e,
  VFIO_DEVICE_RESET: 0x3b6f,
  VFIO_IOMMU_GET_INFO: 0x3b70,
  VFIO_IOMMU_MAP_DMA: 0x3b71,
  VFIO_IOMMU_UNMAP_DMA: 0x3b72,
} as const;

export const VFIO_DEVICE_FLAGS_RESET = 1 << 0;
export const VFIO_DEVICE_FLAGS_PCI = 1 << 1;
/** Of the second RFC alone; FSL_MC in Linux today. */
export const VFIO_DEVICE_FLAGS_VHOST = 1 << 6;

export const VFIO_REGION_INFO_FLAG_READ = 1 << 0;
export const VFIO_REGION_INFO_FLAG_WRITE = 1 << 1;
export const VFIO_REGION_INFO_FLAG_MMAP = 1 << 2;

export const VFIO_IRQ_INFO_EVENTFD = 1 << 0;
export const VFIO_IRQ_INFO_MASKABLE = 1 << 1;
export const VFIO_IRQ_INFO_AUTOMASKED = 1 << 2;
export const VFIO_IRQ_INFO_NORESIZE = 1 << 3;

export const VFIO_IRQ_SET_DATA_NONE = 1 << 0;
export const VFIO_IRQ_SET_DATA_BOOL = 1 << 1;
export const VFIO_IRQ_SET_DATA_EVENTFD = 1 << 2;
export const VFIO_IRQ_SET_ACTION_MASK = 1 << 3;
export const VFIO_IRQ_SET_ACTION_UNMASK = 1 << 4;
export const VFIO_IRQ_SET_ACTION_TRIGGER = 1 << 5;
export const VFIO_IRQ_SET_DATA_TYPE_MASK = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_DATA_EVENTFD;
export const VFIO_IRQ_SET_ACTION_TYPE_MASK =
  VFIO_IRQ_SET_ACTION_MASK | VFIO_IRQ_SET_ACTION_UNMASK | VFIO_IRQ_SET_ACTION_TRIGGER;

export const VFIO_DMA_MAP_FLAG_READ = 1 << 0;
export const VFIO_DMA_MAP_FLAG_WRITE = 1 << 1;

/** Indices of regions and interrupts of a VFIO PCI device. */
export const vfioPci = {
  BAR0_REGION_INDEX: 0,
  BAR1_REGION_INDEX: 1,
  CONFIG_REGION_INDEX: 7,
  NUM_REGIONS: 9,
  INTX_IRQ_INDEX: 0,
  MSIX_IRQ_INDEX: 2,
  NUM_IRQS: 5,
} as const;

/** Bits of a file position that are the offset in a region; those above are the region's index. */
export const VFIO_REGION_SHIFT = 40;
export const VFIO_REGION_SPAN = 2 ** VFIO_REGION_SHIFT;

export const vfioDeviceInfo = compileLayout('vfio_device_info', [
  u32('argsz'),
  u32('flags'),
  u32('numRegions'),
  u32('numIrqs'),
]);

export const vfioRegionInfo = compileLayout('vfio_region_info', [
  u32('argsz'),
  u32('flags'),
  u32('index'),
  u32('capOffset'),
  u64('size'),
  u64('offset'),
]);

export const vfioIrqInfo = compileLayout('vfio_irq_info', [u32('argsz'), u32('flags'), u32('index'), u32('count')]);

/** The fixed part; data follows as the flags say: nothing, a byte or an i32 for each of `count`. */
export const vfioIrqSet = compileLayout('vfio_irq_set', [
  u32('argsz'),
  u32('flags'),
  u32('index'),
  u32('start'),
  u32('count'),
]);

export const vfioDmaMap = compileLayout('vfio_iommu_type1_dma_map', [
  u32('argsz'),
  u32('flags'),
  u64('userAddress'),
  u64('ioVirtualAddress'),
  u64('size'),
]);

export const vfioDmaUnmap = compileLayout('vfio_iommu_type1_dma_unmap', [
  u32('argsz'),
  u32('flags'),
  u64('ioVirtualAddress'),
  u64('size'),
]);

export const vfioGroupStatus = compileLayout('vfio_group_status', [u32('argsz'), u32('flags')]);

/** Places in struct vfio_iommu_type1_info, of which capabilities follow: a header of id, version and next, then data. */
export const vfioIommuInfo = { flags: 4, capabilityOffset: 16, HAS_CAPABILITIES: 1 << 1 } as const;
export const vfioIommuCapabilities = { IOVA_RANGE: 1 } as const;
