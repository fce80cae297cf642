import { type IotlbRules, iotlbRules } from '../vhost-kernel/address-spaces.ts';
import {
  type CoreCallRules,
  type CoreFeatureRules,
  type CoreLifeRules,
  type CoreRingRules,
  type CoreRules,
  coreRules,
} from '../vhost-kernel/core-rules.ts';
import { errno } from '../wire/errno.ts';

/** Opening, owning and closing. */
export interface VdpaLifeRules extends CoreLifeRules {
  /** The error number with which an open is refused, or 0. `opens` counts the files that are open already. */
  readonly openError: (opens: number) => number;
  readonly statusAtOpen: number;
  /** Whether a close lets go of events. */
  readonly dropsEvents: boolean;
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

export interface VdpaCallRules extends CoreCallRules {
  readonly logCall: number;
}

export interface VdpaFeatureRules extends CoreFeatureRules {
  /** What is offered of what the parent supports. */
  readonly offered: (ofParent: bigint) => bigint;
  readonly changesAfterFeaturesOk: boolean;
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

export interface VdpaRingRules extends CoreRingRules {
  /** Whether addresses and base change while the device runs and is not suspended. */
  readonly changesWhileRunning: boolean;
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
export interface VdpaRules extends CoreRules {
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
    ...coreRules.life,
    statusAtOpen: 0,
    dropsEvents: true,
  },
  identity: {
    deviceId: (id) => id,
    queueCount: (count) => count,
    largestSize: (size) => size,
    configSize: (size) => size,
    range: (range) => range,
    groupOf: (index) => index,
  },
  calls: { ...coreRules.calls, logCall: errno.ENOTTY },
  features: {
    ...coreRules.features,
    offered: (ofParent) => ofParent,
    changesAfterFeaturesOk: false,
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
    ...coreRules.ring,
    changesWhileRunning: false,
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
