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
  /** Whether calls on rings and messages of the IOTLB wait for an owner. */
  readonly needsOwner: boolean;
  /** Whether a close lets go of events. */
  readonly dropsEvents: boolean;
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
  /** The group of a ring, by its number. */
  readonly groupOf: (index: number) => number;
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
  /** What is offered of what the parent supports. */
  readonly offered: (ofParent: bigint) => bigint;
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
  /** Whether what is written is written. */
  readonly takesWrites: boolean;
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
  /** Whether an event that was taken away is signalled no more. */
  readonly forgetsUnbound: boolean;
  /** Whether an event that another took the place of, or that was taken away, is held no more. */
  readonly releasesReplaced: boolean;
  /** Whether a ring may run by the device's state: DRIVER_OK, suspended, and the ring enabled. */
  readonly runs: (state: { driverOk: boolean; suspended: boolean; enabled: boolean }) => boolean;
  /** Whether SET_VRING_ENABLE with a number enables its ring. */
  readonly enables: (num: number, isRunning: boolean) => boolean;
}

export interface VdpaSuspendRules {
  /** What else happens to rings at SUSPEND and RESUME: nothing. */
  readonly settles: (rings: readonly { base: number }[], suspended: boolean) => void;
}

export interface VdpaGroupRules {
  readonly acceptsSpace: (space: number, spaces: number) => boolean;
  /** The address space in which the rings of a group lie. */
  readonly spaceOf: (space: number) => number;
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

/**
 * As Linux 6.12 has it, over a parent driver that can all that there is. Calls that tell of sizes of rings and of groups
 * of descriptors are later ones.
 */
export const vdpaRules: VdpaRules = {
  life: {
    openError: (opens) => (opens > 0 ? errno.EBUSY : 0),
    statusAtOpen: 0,
    needsOwner: true,
    dropsEvents: true,
    secondOwnerError: errno.EBUSY,
  },
  identity: {
    deviceId: (id) => id,
    queueCount: (count) => count,
    largestSize: (size) => size,
    configSize: (size) => size,
    range: (range) => range,
    groupOf: (index) => index,
  },
  calls: {
    badPointer: errno.EFAULT,
    unknownCall: errno.ENOTTY,
    logCall: errno.ENOTTY,
    ringIndex: errno.ENOBUFS,
  },
  features: {
    offered: (ofParent) => ofParent,
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
    takesWrites: true,
    accepts: (offset, length, size) => length > 0 && length <= size - offset,
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
    forgetsUnbound: true,
    releasesReplaced: true,
    runs: ({ driverOk, suspended, enabled }) => driverOk && !suspended && enabled,
    enables: (num) => num !== 0,
  },
  suspend: { settles: () => {} },
  groups: {
    acceptsSpace: (space, spaces) => space < spaces,
    spaceOf: (space) => space,
  },
  iotlb: iotlbRules,
  doorbell: {
    accepts: ({ page, length, isShared, isReadable }, pageSize) =>
      length === pageSize && isShared && !isReadable && page >>> 16 === 0,
    refusesWithoutPage: true,
    queueOf: (stored) => stored,
  },
};
