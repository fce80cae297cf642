import type { AddressSpace } from '../memory/addresses.ts';
import { MDEV_HEADER_SIZE } from '../wire/mdev-messages.ts';
import {
  VFIO_DEVICE_FLAGS_PCI,
  VFIO_DEVICE_FLAGS_RESET,
  VFIO_DEVICE_FLAGS_VHOST,
  VFIO_IRQ_INFO_EVENTFD,
  VFIO_REGION_INFO_FLAG_MMAP,
  VFIO_REGION_INFO_FLAG_READ,
  VFIO_REGION_INFO_FLAG_WRITE,
  vfioPci,
} from '../wire/vfio-structures.ts';
import { PCI_CONFIG_SIZE } from './pci-config-space.ts';

export type MdevLayoutName = 'l1' | 'l2';

/** What an access to a region reaches; `absent` has an index and no bytes. */
export type RegionUse = 'messages' | 'doorbells' | 'msix-table' | 'pci-config' | 'absent';

export interface MdevRegion {
  readonly use: RegionUse;
  /** VFIO_REGION_INFO_FLAG_*. */
  readonly flags: number;
  readonly size: (rings: number, pageSize: number) => number;
}

/** An interrupt index; `perRing` has a vector for each ring, others have none. */
export interface MdevInterrupt {
  readonly flags: number;
  readonly perRing: boolean;
}

/** Where things lie in a device, and which addresses it is told. The place in each table is the VFIO index. */
export interface MdevLayout {
  readonly name: MdevLayoutName;
  readonly deviceFlags: number;
  readonly regions: readonly MdevRegion[];
  readonly interrupts: readonly MdevInterrupt[];
  /** Bytes of payload that a message may have. */
  readonly largestPayload: number;
  /** Whether memory is what SET_MEM_TABLE tells, or what the container maps. */
  readonly memory: 'table' | 'container';
  readonly ringSpace: AddressSpace;
  readonly bufferSpace: AddressSpace;
}

const READ_WRITE = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
const wholePages = (bytes: number, pageSize: number): number => Math.ceil(bytes / pageSize) * pageSize;

const absent: MdevRegion = { use: 'absent', flags: 0, size: () => 0 };
const doorbells: MdevRegion = {
  use: 'doorbells',
  flags: READ_WRITE | VFIO_REGION_INFO_FLAG_MMAP,
  size: (rings, pageSize) => rings * pageSize,
};

/** Bytes of an entry of the MSI-X table, and where its pending bits begin. */
const MSIX_ENTRY_SIZE = 16;
export const msixPendingOffset = (vectors: number): number => vectors * MSIX_ENTRY_SIZE;

const MESSAGE_BAR_SIZE = 4096;

/**
 * The first RFC, as its client sees it. Chosen by us, for no text of the device's side was found: BAR0 is one page of
 * 4096 bytes, which a table of 64 regions fits in; the MSI-X table lies in BAR2; a message may be as long as BAR0; the
 * remaining indices of a VFIO PCI device are there without bytes.
 */
export const layoutL1: MdevLayout = {
  name: 'l1',
  deviceFlags: VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET,
  regions: Array.from({ length: vfioPci.NUM_REGIONS }, (_, index): MdevRegion => {
    switch (index) {
      case vfioPci.BAR0_REGION_INDEX:
        return { use: 'messages', flags: READ_WRITE, size: () => MESSAGE_BAR_SIZE };
      case vfioPci.BAR1_REGION_INDEX:
        return doorbells;
      case vfioPci.BAR1_REGION_INDEX + 1:
        return {
          use: 'msix-table',
          flags: READ_WRITE,
          size: (rings, pageSize) => wholePages(msixPendingOffset(rings) + Math.ceil(rings / 64) * 8, pageSize),
        };
      case vfioPci.CONFIG_REGION_INDEX:
        return { use: 'pci-config', flags: READ_WRITE, size: () => PCI_CONFIG_SIZE };
    }
    return absent;
  }),
  interrupts: Array.from({ length: vfioPci.NUM_IRQS }, (_, index) =>
    index === vfioPci.MSIX_IRQ_INDEX
      ? { flags: VFIO_IRQ_INFO_EVENTFD, perRing: true }
      : { flags: VFIO_IRQ_INFO_EVENTFD, perRing: false },
  ),
  largestPayload: MESSAGE_BAR_SIZE - MDEV_HEADER_SIZE,
  memory: 'table',
  ringSpace: 'user',
  bufferSpace: 'guest-physical',
};

const CONFIG_REGION_SIZE = 0x100_0000;

/** The second RFC: CONFIG is region 0, NOTIFY region 1, and rings have the one interrupt index. */
export const layoutL2: MdevLayout = {
  name: 'l2',
  deviceFlags: VFIO_DEVICE_FLAGS_VHOST | VFIO_DEVICE_FLAGS_RESET,
  regions: [{ use: 'messages', flags: READ_WRITE, size: () => CONFIG_REGION_SIZE }, doorbells],
  interrupts: [{ flags: VFIO_IRQ_INFO_EVENTFD, perRing: true }],
  largestPayload: 1024,
  memory: 'container',
  ringSpace: 'io-virtual',
  bufferSpace: 'io-virtual',
};
