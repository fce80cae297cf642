/** Layouts and numbers of virtio over PCI (virtio 4.1) and of what it uses of PCI configuration space. */

export const PCI_CONFIG_SIZE = 256;
/** Where fields of the configuration header lie. */
export const pciHeader = {
  vendorId: 0x00,
  deviceId: 0x02,
  command: 0x04,
  status: 0x06,
  revisionId: 0x08,
  subsystemId: 0x2e,
  capabilities: 0x34,
} as const;

/** Bits of the command register. */
export const pciCommand = { MEMORY: 1 << 1, BUS_MASTER: 1 << 2 } as const;
/** Bits of the status register. */
export const pciStatus = { INTERRUPT: 1 << 3, CAPABILITY_LIST: 1 << 4 } as const;

export const PCI_CAP_ID_VNDR = 0x09;
export const PCI_CAP_ID_MSIX = 0x11;
/** Bits of the message control of MSI-X that are its table size, less one. */
export const MSIX_TABLE_SIZE_MASK = 0x7ff;
export const MSIX_ENABLE = 0x8000;

export const VIRTIO_PCI_VENDOR_ID = 0x1af4;
/** The device id of a non-transitional device is this and its virtio device id. */
export const VIRTIO_PCI_FIRST_DEVICE_ID = 0x1040;
export const VIRTIO_PCI_LAST_DEVICE_ID = 0x107f;
/** Transitional device ids, by virtio device id. */
export const transitionalDeviceIds: Readonly<Record<number, number>> = {
  1: 0x1000,
  2: 0x1001,
  3: 0x1003,
  4: 0x1005,
  5: 0x1002,
  8: 0x1004,
  9: 0x1009,
};

/** Types of structures that capabilities show. */
export const virtioPciCapabilities = {
  VIRTIO_PCI_CAP_COMMON_CFG: 1,
  VIRTIO_PCI_CAP_NOTIFY_CFG: 2,
  VIRTIO_PCI_CAP_ISR_CFG: 3,
  VIRTIO_PCI_CAP_DEVICE_CFG: 4,
  VIRTIO_PCI_CAP_PCI_CFG: 5,
  VIRTIO_PCI_CAP_SHARED_MEMORY_CFG: 8,
  VIRTIO_PCI_CAP_VENDOR_CFG: 9,
} as const;

/** Where fields of struct virtio_pci_cap lie, from its first byte on. */
export const virtioPciCap = {
  vendor: 0,
  next: 1,
  length: 2,
  type: 3,
  bar: 4,
  id: 5,
  offset: 8,
  structureLength: 12,
} as const;
export const VIRTIO_PCI_CAP_SIZE = 16;
/** Bytes behind struct virtio_pci_cap, by type: the multiplier, the window, and the upper halves. */
export const virtioPciCapExtra: Readonly<Record<number, number>> = {
  [virtioPciCapabilities.VIRTIO_PCI_CAP_NOTIFY_CFG]: 4,
  [virtioPciCapabilities.VIRTIO_PCI_CAP_PCI_CFG]: 4,
  [virtioPciCapabilities.VIRTIO_PCI_CAP_SHARED_MEMORY_CFG]: 8,
};
/** The highest number of a BAR. */
export const PCI_LAST_BAR = 5;

export const VIRTIO_MSI_NO_VECTOR = 0xffff;

/** struct virtio_pci_common_cfg. */
export const commonConfig = {
  deviceFeatureSelect: { at: 0, bytes: 4 },
  deviceFeature: { at: 4, bytes: 4 },
  driverFeatureSelect: { at: 8, bytes: 4 },
  driverFeature: { at: 12, bytes: 4 },
  configMsixVector: { at: 16, bytes: 2 },
  numQueues: { at: 18, bytes: 2 },
  deviceStatus: { at: 20, bytes: 1 },
  configGeneration: { at: 21, bytes: 1 },
  queueSelect: { at: 22, bytes: 2 },
  queueSize: { at: 24, bytes: 2 },
  queueMsixVector: { at: 26, bytes: 2 },
  queueEnable: { at: 28, bytes: 2 },
  queueNotifyOff: { at: 30, bytes: 2 },
  queueDescLow: { at: 32, bytes: 4 },
  queueDescHigh: { at: 36, bytes: 4 },
  queueDriverLow: { at: 40, bytes: 4 },
  queueDriverHigh: { at: 44, bytes: 4 },
  queueDeviceLow: { at: 48, bytes: 4 },
  queueDeviceHigh: { at: 52, bytes: 4 },
  queueNotifConfigData: { at: 56, bytes: 2 },
  queueReset: { at: 58, bytes: 2 },
} as const satisfies Readonly<Record<string, CommonConfigPlace>>;

export interface CommonConfigPlace {
  readonly at: number;
  readonly bytes: 1 | 2 | 4;
}

/** A field of the common configuration; one of 64 bits is two. */
export type CommonConfigField = keyof typeof commonConfig;

/** Bytes up to the end of `queueReset`: fields of administration queues would follow. */
export const COMMON_CONFIG_SIZE = 60;

/** Bits of the ISR status. */
export const isrStatus = { QUEUE: 1, CONFIGURATION: 2 } as const;
