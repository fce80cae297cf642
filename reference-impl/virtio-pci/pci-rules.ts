import {
  VIRTIO_F_ACCESS_PLATFORM,
  VIRTIO_F_NOTIF_CONFIG_DATA,
  VIRTIO_F_NOTIFICATION_DATA,
  VIRTIO_F_RING_RESET,
  VIRTIO_F_VERSION_1,
} from '../virtqueue/feature-bits.ts';
import type { RingPosition } from '../virtqueue/ring.ts';
import {
  type CommonConfigField,
  VIRTIO_MSI_NO_VECTOR,
  VIRTIO_PCI_FIRST_DEVICE_ID,
  VIRTIO_PCI_VENDOR_ID,
} from '../wire/virtio-pci.ts';

/** The BAR with the table of vectors. */
export const MSIX_BAR = 2;

/** What the configuration header says of the function. */
export interface PciIdentityRules {
  readonly vendorId: number;
  readonly deviceId: (virtioDeviceId: number) => number;
  readonly revisionId: number;
  readonly subsystemId: (virtioDeviceId: number) => number;
  /** Interrupt vectors, and the BAR that the MSI-X capability tells of their table. */
  readonly vectors: number;
  readonly tableBar: number;
}

/** A structure that a capability shows, with what stands behind struct virtio_pci_cap. */
export interface ShownStructure {
  readonly type: number;
  /** 16 bits: the number of the BAR, or the vendor that data are of. */
  readonly barOrVendor: number;
  readonly offset: number;
  readonly length: number;
  /** As it stands in the capability. */
  readonly capabilityLength: number;
  /** 32 bits behind struct virtio_pci_cap. */
  readonly extra: number;
}

/** A capability in configuration space, with the type of its structure. */
export interface ListedCapability {
  readonly at: number;
  readonly type: number | undefined;
}

export interface RunningDevice {
  /** DRIVER_OK is set. */
  readonly isRunning: boolean;
}

export interface PciCapabilityRules {
  /** The structures in the order of the list. */
  readonly shown: (structures: readonly ShownStructure[]) => readonly ShownStructure[];
  /** The list as it is now. */
  readonly linked: (list: readonly ListedCapability[], device: RunningDevice) => readonly ListedCapability[];
  /** The vendor that data are of. */
  readonly vendorId: number;
  /** What a read of configuration space does to it. */
  readonly wasRead: (space: Uint8Array, offset: number, length: number) => void;
  /** Whether an access to the window of PCI_CFG is made in the BAR. */
  readonly windowReads: boolean;
  readonly windowWrites: boolean;
  /** Bytes of an access through the window. */
  readonly windowLength: (length: number) => number;
}

/** What no driver does. */
export interface PciAccessRules {
  /** A write to the common configuration where no field begins. */
  readonly ofNoField: (offset: number, length: number) => void;
  readonly ofReadOnlyField: (field: CommonConfigField) => void;
}

export interface PciFeatureRules {
  /** What is offered of what the device supports. */
  readonly offered: (ofDevice: bigint) => bigint;
  /** The window that a selector shows of the offer. */
  readonly window: (word: bigint, select: number) => number;
  /** The same of what the driver wrote. */
  readonly written: (word: bigint, select: number) => number;
  readonly accepts: (word: bigint) => boolean;
}

export interface PciStatusRules {
  /** The status that a driver writes, but for 0. */
  readonly written: (value: number) => number;
  /** What is shown behind a write of 0. */
  readonly afterZero: (before: number) => number;
  /** Whether that resets the device. */
  readonly zeroResets: boolean;
  /** The status once a ring is broken for good. */
  readonly broken: (before: number) => number;
  /** Whether a configuration change is notified with that. */
  readonly notifiesBroken: boolean;
}

export interface PciConfigRules {
  /** The generation behind a change of what is about to be read. */
  readonly nextGeneration: (before: number) => number;
  /** Whether what is written to the configuration of the device counts. */
  readonly takesWrites: boolean;
}

/** What the driver wrote of a queue. */
export interface QueueRecord {
  readonly index: number;
  readonly size: number;
  readonly vector: number;
  readonly desc: bigint;
  readonly driver: bigint;
  readonly device: bigint;
  readonly isEnabled: boolean;
  /** Reads of `queueReset` since it was reset alone; absent where it was not since the device was. */
  readonly readsOfReset?: number;
  /** A mark of faults: where its ring begins, in place of the start. */
  readonly beginsAt?: RingPosition | undefined;
}

export interface PciQueueRules {
  /** The queue that a selector means. */
  readonly selected: (select: number, count: number) => number;
  /** The size that is told of a queue. */
  readonly shownSize: (size: number, largest: number) => number;
  /** The size that is kept of one that was written. */
  readonly takenSize: (size: number) => number;
  /** An address behind a write of one half. */
  readonly withHalf: (address: bigint, half: number, isHigh: boolean) => bigint;
  readonly shownHalf: (address: bigint, isHigh: boolean) => number;
  /** Whether a ring may run by the state of device and queue. */
  readonly runs: (state: { readonly driverOk: boolean; readonly enabled: boolean }) => boolean;
  /** Whether rings that run reach memory that is mapped later. */
  readonly followsMemory: boolean;
  /** A queue behind a reset of the device. */
  readonly afterReset: (fresh: QueueRecord, before: QueueRecord) => QueueRecord;
}

export interface PciQueueResetRules {
  /** What a read of `queueReset` shows. */
  readonly shown: (queue: QueueRecord) => number;
  /** Whether the ring stands still. */
  readonly stops: boolean;
  /** Whether the device knows that the queue is not enabled any more: what comes in for it goes. */
  readonly disables: boolean;
  /** What of a change of a queue counts. */
  readonly taken: (change: Partial<QueueRecord>, before: QueueRecord) => Partial<QueueRecord>;
  /** The queue as a reset leaves it. @param stoppedAt where its ring stood. */
  readonly after: (fresh: QueueRecord, before: QueueRecord, stoppedAt: RingPosition | undefined) => QueueRecord;
}

export interface PciNotifyRules {
  readonly multiplier: number;
  readonly notifyOff: (index: number) => number;
  /** The word by which the driver names a queue, with NOTIF_CONFIG_DATA. */
  readonly configData: (index: number) => number;
  readonly acceptsLength: (length: number, features: bigint) => boolean;
  /** The word by which a notification names a queue. @param configData what the driver was told. */
  readonly wordOf: (index: number, configData: number, features: bigint) => number;
  /** The queue that is notified, by the one that the word names. */
  readonly queueOf: (named: number | undefined, isEnabled: (index: number) => boolean) => number | undefined;
}

/** What is mapped to a vector: a queue by its number, or changes of configuration. */
export type MappedEvent = number | 'configuration';

export interface MappedQueues {
  readonly count: number;
  vectorOf(index: number): number;
}

/** What is mapped to vectors by now. */
export interface MappedVectors {
  readonly queues: MappedQueues;
  readonly configuration: number;
}

export interface PciInterruptRules {
  /** ISR status where a queue has something to tell, and where configuration changed. */
  readonly queueBit: (isr: number) => number;
  readonly configurationBit: (isr: number) => number;
  readonly afterRead: (isr: number) => number;
  /** ISR status behind a reset of the device. */
  readonly isrAfterReset: (isr: number) => number;
  /** Whether the status register shows an interrupt. */
  readonly isPending: (isr: number) => boolean;
  /** The vector that is kept of one that was written; NO_VECTOR where it cannot be mapped. */
  readonly mapped: (event: MappedEvent, vector: number, vectors: number, now: MappedVectors) => number;
  /** The vector behind a reset. */
  readonly afterReset: (before: number) => number;
  /** The vector that is signalled for what is mapped to one. */
  readonly signalled: (event: MappedEvent, mapped: number) => number;
}

/**
 * Everything that a virtio device does by choice as a function on a PCI bus, in tables by area. The reference reads them
 * and decides nothing beside them; a fault is a copy with one entry replaced.
 */
export interface VirtioPciRules {
  readonly identity: PciIdentityRules;
  readonly capabilities: PciCapabilityRules;
  readonly access: PciAccessRules;
  readonly features: PciFeatureRules;
  readonly status: PciStatusRules;
  readonly config: PciConfigRules;
  readonly queue: PciQueueRules;
  readonly queueReset: PciQueueResetRules;
  readonly notify: PciNotifyRules;
  readonly interrupt: PciInterruptRules;
}

const DEVICE_NEEDS_RESET = 0x40;
const half = 0xffff_ffffn;
/** Features that no device has by itself. */
const ofTransport = VIRTIO_F_NOTIFICATION_DATA | VIRTIO_F_NOTIF_CONFIG_DATA | VIRTIO_F_RING_RESET;
/** Memory is mapped by the driver, and there is no legacy interface. */
const required = VIRTIO_F_VERSION_1 | VIRTIO_F_ACCESS_PLATFORM;

const windowOf = (word: bigint, select: number): number => Number((word >> (32n * BigInt(select))) & half);

/** A non-transitional device. Queues have words of their own for notifications, and share the last vector. */
export const virtioPciRules: VirtioPciRules = {
  identity: {
    vendorId: VIRTIO_PCI_VENDOR_ID,
    deviceId: (id) => VIRTIO_PCI_FIRST_DEVICE_ID + id,
    revisionId: 1,
    subsystemId: (id) => 0x40 | id,
    // Fewer than queues and configuration together, where there is more than one queue.
    vectors: 2,
    tableBar: MSIX_BAR,
  },
  capabilities: {
    shown: (structures) => structures,
    linked: (list) => list,
    vendorId: 0xfffe,
    wasRead: () => {},
    windowReads: true,
    windowWrites: true,
    windowLength: (length) => length,
  },
  access: { ofNoField: () => {}, ofReadOnlyField: () => {} },
  features: {
    offered: (ofDevice) => ofDevice | ofTransport,
    window: windowOf,
    written: windowOf,
    accepts: (word) => (word & required) === required,
  },
  status: {
    written: (value) => value,
    afterZero: () => 0,
    zeroResets: true,
    broken: (before) => before | DEVICE_NEEDS_RESET,
    notifiesBroken: true,
  },
  config: { nextGeneration: (before) => (before + 1) & 0xff, takesWrites: true },
  queue: {
    selected: (select) => select,
    shownSize: (size) => size,
    takenSize: (size) => size,
    withHalf: (address, value, isHigh) =>
      isHigh ? (address & half) | (BigInt(value) << 32n) : (address & ~half) | BigInt(value),
    shownHalf: (address, isHigh) => Number(isHigh ? address >> 32n : address & half),
    runs: ({ driverOk, enabled }) => driverOk && enabled,
    followsMemory: true,
    afterReset: (fresh) => fresh,
  },
  queueReset: {
    // It is over once its driver looked.
    shown: ({ readsOfReset }) => (readsOfReset === 0 ? 1 : 0),
    stops: true,
    disables: true,
    taken: (change) => change,
    after: (fresh) => fresh,
  },
  notify: {
    multiplier: 4,
    notifyOff: (index) => index + 1,
    configData: (index) => 0x100 | index,
    acceptsLength: () => true,
    wordOf: (index, configData, features) => ((features & VIRTIO_F_NOTIF_CONFIG_DATA) === 0n ? index : configData),
    // A driver writes each word where its queue is notified.
    queueOf: (named) => named,
  },
  interrupt: {
    queueBit: (isr) => isr | 1,
    configurationBit: (isr) => isr | 2,
    afterRead: () => 0,
    isrAfterReset: () => 0,
    isPending: (isr) => isr !== 0,
    // One that is not in the table signals nothing.
    mapped: (_, vector) => vector,
    afterReset: () => VIRTIO_MSI_NO_VECTOR,
    signalled: (_, mapped) => mapped,
  },
};
