import type { IotlbPermission } from '../memory/memory-map.ts';
import { VIRTIO_F_ACCESS_PLATFORM } from '../virtqueue/feature-bits.ts';
import type { RingLayout } from '../virtqueue/ring.ts';
import { isQueueSize } from '../virtqueue/split/layout.ts';
import { errno } from '../wire/errno.ts';
import { VHOST_VRING_F_LOG } from '../wire/vdpa-structures.ts';
import { type IotlbRules, iotlbRules } from './address-spaces.ts';

/** Opening, owning and closing. */
export interface VdpaLifeRules {
  /** The error number with which an open is refused, or 0. `opens` counts the files that are open already. */
  readonly openError: (opens: number) => number;
  readonly statusAtOpen: number;
  /** Whether a mapping with this permission stays behind a close. */
  readonly outlivesClose: (permission: IotlbPermission) => boolean;
  /** Whether calls on rings and messages of the IOTLB wait for an owner. */
  readonly needsOwner: boolean;
  /** What SET_OWNER fails with where there is one. */
  readonly secondOwnerError: number;
}

/** What a device tells of itself. */
export interface VdpaIdentityRules {
  readonly deviceId: (id: number) => number;
  readonly queueCount: (count: number) => number;
  readonly largestSize: (size: number) => number;
  readonly configSize: (size: number) => number;
  readonly range: (range: IovaRange) => IovaRange;
  readonly groupOf: (group: number, groups: number) => number;
}

export interface IovaRange {
  readonly first: bigint;
  readonly last: bigint;
}

export interface VdpaCallRules {
  /** What a pointer to memory that is not there comes to. */
  readonly badPointer: number;
  readonly unknownCall: number;
  readonly logCall: number;
  /** The error of a ring number behind the last. */
  readonly ringIndex: number;
}

export interface VdpaFeatureRules {
  /** What is offered of what the parent of a device id supports. */
  readonly offered: (ofParent: bigint, deviceId: number) => bigint;
  readonly accepts: (word: bigint, offered: bigint) => boolean;
  readonly changesAfterFeaturesOk: boolean;
  readonly acceptsBackend: (word: bigint, offered: bigint) => boolean;
}

export interface VdpaStatusRules {
  readonly acceptsRemoval: boolean;
  /** What is shown behind a write of 0. */
  readonly afterZero: (before: number) => number;
  /** Whether status 0 takes rings and features back. */
  readonly zeroResets: boolean;
  /** The status once a ring is broken for good. */
  readonly broken: (before: number) => number;
  /** Whether the call of configuration comes with that. */
  readonly callsWhenBroken: boolean;
}

export interface VdpaConfigRules {
  /** Whether an event for the call of configuration takes the place of the one before. */
  readonly callIsReplaced: boolean;
  readonly accepts: (offset: number, length: number, size: number) => boolean;
}

export interface VdpaRingRules {
  /** A power of two in either layout. */
  readonly acceptsSize: (size: number) => boolean;
  readonly acceptsBase: (base: number, layout: RingLayout) => boolean;
  readonly acceptsFlags: (flags: number) => boolean;
  readonly acceptsAddresses: (available: bigint, used: bigint, log: bigint) => boolean;
  /** Whether addresses and base change while the device runs and is not suspended. */
  readonly changesWhileRunning: boolean;
  readonly toldBase: (base: number) => number;
  /** The error for a descriptor of no event; 0 takes it for none. */
  readonly noEventError: number;
  /** Whether -1 takes an event away. */
  readonly unbinds: boolean;
  /** Whether a ring may run by the device's state: DRIVER_OK, suspended, and the ring enabled. */
  readonly runs: (state: { driverOk: boolean; suspended: boolean; enabled: boolean }) => boolean;
  /** Whether a ring that is enabled behind DRIVER_OK starts. */
  readonly startsLate: boolean;
}

export interface VdpaSuspendRules {
  readonly resumedBase: (base: number) => number;
}

export interface VdpaGroupRules {
  readonly acceptsSpace: (space: number, spaces: number) => boolean;
  /** The address space in which the rings of a group lie. */
  readonly spaceOf: (space: number) => number;
  /** Other spaces that the rings of a group reach whose own is this. */
  readonly alsoReached: (space: number) => readonly number[];
}

/** A page of a file that a user wants to map. */
export interface PageRequest {
  readonly page: number;
  readonly length: number;
  readonly isShared: boolean;
  readonly isReadable: boolean;
}

export interface VdpaDoorbellRules {
  readonly accepts: (request: PageRequest, pageSize: number) => boolean;
  /** Whether a doorbell that has no page of its own is refused. */
  readonly refusesWithoutPage: boolean;
  /** The queue that is notified where a number was stored; undefined for none. */
  readonly queueOf: (stored: number) => number | undefined;
}

/**
 * Everything that a vhost-vdpa device does by choice, in tables by area. The reference reads them and decides nothing
 * beside them; a fault is a copy with one entry replaced.
 */
export interface VdpaRules {
  readonly life: VdpaLifeRules;
  readonly identity: VdpaIdentityRules;
  readonly calls: VdpaCallRules;
  readonly features: VdpaFeatureRules;
  readonly status: VdpaStatusRules;
  readonly config: VdpaConfigRules;
  readonly ring: VdpaRingRules;
  readonly suspend: VdpaSuspendRules;
  readonly groups: VdpaGroupRules;
  readonly iotlb: IotlbRules;
  readonly doorbell: VdpaDoorbellRules;
}

const DEVICE_NEEDS_RESET = 0x40;
const NET_DEVICE_ID = 1;
const VIRTIO_NET_F_MQ = 1n << 22n;
const highestPage = 65_535;

/** As Linux 6.12 has it, over a parent driver that can all that there is but separate descriptor groups. */
export const vdpaRules: VdpaRules = {
  life: {
    openError: (opens) => (opens > 0 ? errno.EBUSY : 0),
    statusAtOpen: 0,
    outlivesClose: () => false,
    needsOwner: true,
    secondOwnerError: errno.EBUSY,
  },
  identity: {
    deviceId: (id) => id,
    queueCount: (count) => count,
    largestSize: (size) => size,
    configSize: (size) => size,
    range: (range) => range,
    groupOf: (group) => group,
  },
  calls: {
    badPointer: errno.EFAULT,
    unknownCall: errno.ENOTTY,
    logCall: errno.ENOTTY,
    ringIndex: errno.ENOBUFS,
  },
  features: {
    // A network device has no control queue here, by which a driver chooses how many pairs are used.
    offered: (ofParent, deviceId) => (deviceId === NET_DEVICE_ID ? ofParent & ~VIRTIO_NET_F_MQ : ofParent),
    // Memory is mapped by the driver, so a driver that does not know of that is refused.
    accepts: (word, offered) => (word & ~offered) === 0n && (word & VIRTIO_F_ACCESS_PLATFORM) !== 0n,
    changesAfterFeaturesOk: false,
    acceptsBackend: (word, offered) => (word & ~offered) === 0n,
  },
  status: {
    acceptsRemoval: false,
    afterZero: () => 0,
    zeroResets: true,
    broken: (before) => before | DEVICE_NEEDS_RESET,
    callsWhenBroken: true,
  },
  config: {
    callIsReplaced: true,
    accepts: (offset, length, size) => length > 0 && offset <= size && length <= size - offset,
  },
  ring: {
    acceptsSize: isQueueSize,
    acceptsBase: (base, layout) => layout === 'packed' || base <= 0xffff,
    acceptsFlags: (flags) => (flags & ~VHOST_VRING_F_LOG) === 0,
    acceptsAddresses: (available, used, log) => available % 2n === 0n && used % 4n === 0n && log % 4n === 0n,
    changesWhileRunning: false,
    toldBase: (base) => base,
    noEventError: errno.EINVAL,
    unbinds: true,
    runs: ({ driverOk, suspended, enabled }) => driverOk && !suspended && enabled,
    startsLate: true,
  },
  suspend: { resumedBase: (base) => base },
  groups: {
    acceptsSpace: (space, spaces) => space < spaces,
    spaceOf: (space) => space,
    alsoReached: () => [],
  },
  iotlb: iotlbRules,
  doorbell: {
    accepts: ({ page, length, isShared, isReadable }, pageSize) =>
      length === pageSize && isShared && !isReadable && page <= highestPage,
    refusesWithoutPage: true,
    queueOf: (stored) => stored,
  },
};
