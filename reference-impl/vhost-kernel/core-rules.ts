import type { RingLayout } from '../virtqueue/ring.ts';
import { isQueueSize } from '../virtqueue/split/layout.ts';
import { errno } from '../wire/errno.ts';
import { VHOST_VRING_F_LOG } from '../wire/vdpa-structures.ts';

/** Who owns a device. */
export interface CoreLifeRules {
  /** Whether calls on rings and messages of the IOTLB wait for an owner. */
  readonly needsOwner: boolean;
  /** What SET_OWNER fails with where there is one. */
  readonly secondOwnerError: number;
}

export interface CoreCallRules {
  /** What a pointer to memory that is not there comes to. */
  readonly badPointer: number;
  readonly unknownCall: number;
  /** The error of a ring number behind the last. */
  readonly ringIndex: number;
}

export interface CoreFeatureRules {
  readonly acceptsBackend: (word: bigint, offered: bigint) => boolean;
}

export interface CoreRingRules {
  /** A power of two in either layout. */
  readonly acceptsSize: (size: number) => boolean;
  readonly acceptsBase: (base: number, layout: RingLayout) => boolean;
  readonly acceptsFlags: (flags: number) => boolean;
  readonly acceptsAddresses: (available: bigint, used: bigint, log: bigint) => boolean;
  readonly toldBase: (base: number) => number;
  /** The error for a descriptor of no event; 0 takes it for none. */
  readonly noEventError: number;
  /** Whether -1 takes an event away. */
  readonly unbinds: boolean;
  /** Whether an event that was taken away is signalled no more. */
  readonly forgetsUnbound: boolean;
  /** Whether an event that another took the place of, or that was taken away, is held no more. */
  readonly releasesReplaced: boolean;
}

/** What every vhost device file of the kernel does by choice, whatever is behind it. */
export interface CoreRules {
  readonly life: CoreLifeRules;
  readonly calls: CoreCallRules;
  readonly features: CoreFeatureRules;
  readonly ring: CoreRingRules;
}

/** As Linux 6.12 has it. */
export const coreRules: CoreRules = {
  life: { needsOwner: true, secondOwnerError: errno.EBUSY },
  calls: { badPointer: errno.EFAULT, unknownCall: errno.ENOTTY, ringIndex: errno.ENOBUFS },
  features: { acceptsBackend: (word, offered) => (word & ~offered) === 0n },
  ring: {
    acceptsSize: isQueueSize,
    acceptsBase: (base, layout) => layout === 'packed' || base <= 0xffff,
    acceptsFlags: (flags) => (flags & ~VHOST_VRING_F_LOG) === 0,
    acceptsAddresses: (available, used, log) => available % 2n === 0n && used % 4n === 0n && log % 4n === 0n,
    toldBase: (base) => base,
    noEventError: errno.EINVAL,
    unbinds: true,
    forgetsUnbound: true,
    releasesReplaced: true,
  },
};
