import { featureMask } from '../catalogue/feature-set.ts';
import {
  VIRTIO_NET_F_CSUM,
  VIRTIO_NET_F_CTRL_MAC_ADDR,
  VIRTIO_NET_F_CTRL_VQ,
  VIRTIO_NET_F_MAC,
  VIRTIO_NET_F_MQ,
  VIRTIO_NET_F_MTU,
  VIRTIO_NET_F_SPEED_DUPLEX,
  VIRTIO_NET_F_STATUS,
} from '../devices/net-layout.ts';
import { type IotlbRules, iotlbRules } from '../vhost-kernel/address-spaces.ts';
import { type CoreFeatureRules, type CoreRingRules, type CoreRules, coreRules } from '../vhost-kernel/core-rules.ts';
import { type LogRules, logRules } from '../vhost-user/dirty-log.ts';
import { errno } from '../wire/errno.ts';
import { VHOST_IOTLB_MSG, VHOST_IOTLB_MSG_V2 } from '../wire/vdpa-structures.ts';

/** A range of addresses. */
export interface AddressRange {
  readonly address: bigint;
  readonly size: bigint;
}

export interface VhostNetFeatureRules extends CoreFeatureRules {
  /** What is offered of what the device supports: nothing that the driver would find in configuration space. */
  readonly offered: (ofDevice: bigint) => bigint;
  readonly accepts: (word: bigint, offered: bigint) => boolean;
}

/** The memory table. */
export interface VhostNetMemoryRules {
  readonly acceptsPadding: (padding: number) => boolean;
  /** Regions of one table. */
  readonly mostRegions: number;
  /** Whether guest-physical addresses may lie so. */
  readonly acceptsRange: (range: AddressRange) => boolean;
  /** Whether the table is in force once it was taken. */
  readonly replaces: boolean;
}

export interface VhostNetRingRules extends CoreRingRules {
  /** Whether size and base change while a ring has a backend. */
  readonly changesWhileActive: boolean;
}

/** What carries the frames of a ring. */
export interface VhostNetBackendRules {
  /** The error of a ring number behind the last. */
  readonly ringIndex: number;
  /** The error where the ring does not lie in memory. */
  readonly noRing: number;
  /** The error of a descriptor that is neither a socket nor a tap. */
  readonly noNetwork: number;
}

/** What becomes of the owner's device. */
export interface VhostNetOwnerRules {
  /** Whether RESET_OWNER takes the owner away, and all that was told. */
  readonly resets: boolean;
  readonly forgets: boolean;
}

/** Messages that tell of missing translations. */
export interface VhostNetMissRules {
  readonly tells: boolean;
  /** The address that a message is about. */
  readonly addressOf: (ioVirtualAddress: bigint) => bigint;
  /** The type of the message, by whether VHOST_BACKEND_F_IOTLB_MSG_V2 is accepted. */
  readonly typeOf: (hasVersion2: boolean) => number;
  /** Whether a ring goes on once its translation has come. */
  readonly continues: boolean;
}

export interface VhostNetLogRules extends LogRules {
  /** Whether a log that lies at these addresses can be written. */
  readonly reaches: (range: AddressRange) => boolean;
  /** Whether the event of the log is signalled when a page is marked. */
  readonly signals: boolean;
  /** Where a buffer is marked whose addresses are translated, if anywhere; given its own, and that in its descriptor. */
  readonly translatedBuffer: (guestAddress: bigint | undefined, inDescriptor: bigint) => bigint | undefined;
  /** The same of a used ring, given the log address that was told for it. */
  readonly translatedUsedRing: (guestAddress: bigint | undefined, told: bigint) => bigint | undefined;
}

/**
 * Everything that vhost-net does by choice, in tables by area. The reference reads them and decides nothing beside them; a
 * fault is a copy with one entry replaced.
 */
export interface VhostNetRules extends CoreRules {
  readonly owner: VhostNetOwnerRules;
  readonly features: VhostNetFeatureRules;
  readonly memory: VhostNetMemoryRules;
  readonly ring: VhostNetRingRules;
  readonly backend: VhostNetBackendRules;
  readonly iotlb: IotlbRules;
  readonly miss: VhostNetMissRules;
  readonly log: VhostNetLogRules;
}

const LOG_ALL = featureMask('VHOST_F_LOG_ALL');

/** Features of fields, of a control queue, and of offloads that the user arranges with the tap. */
const ofConfiguration =
  VIRTIO_NET_F_CSUM |
  VIRTIO_NET_F_MTU |
  VIRTIO_NET_F_MAC |
  VIRTIO_NET_F_STATUS |
  VIRTIO_NET_F_CTRL_VQ |
  VIRTIO_NET_F_MQ |
  VIRTIO_NET_F_CTRL_MAC_ADDR |
  VIRTIO_NET_F_SPEED_DUPLEX;

/** User addresses are below it. */
const endOfUserAddresses = 1n << 47n;

/** As Linux 6.12 has it, over a device that can all that there is. */
export const vhostNetRules: VhostNetRules = {
  ...coreRules,
  owner: { resets: true, forgets: true },
  features: {
    ...coreRules.features,
    offered: (ofDevice) => (ofDevice & ~ofConfiguration) | LOG_ALL,
    accepts: (word, offered) => (word & ~offered) === 0n,
  },
  memory: {
    acceptsPadding: (padding) => padding === 0,
    mostRegions: 64,
    acceptsRange: ({ address, size }) => size > 0n && address + size <= 1n << 64n,
    replaces: true,
  },
  ring: { ...coreRules.ring, changesWhileActive: false },
  backend: { ringIndex: errno.ENOBUFS, noRing: errno.EFAULT, noNetwork: errno.ENOTSOCK },
  // An update takes the place of what it overlaps, and memory is looked for when it is used.
  iotlb: { ...iotlbRules, acceptsOverlap: true, takesBatches: false, missing: () => new Uint8Array() },
  miss: {
    tells: true,
    addressOf: (ioVirtualAddress) => ioVirtualAddress,
    typeOf: (hasVersion2) => (hasVersion2 ? VHOST_IOTLB_MSG_V2 : VHOST_IOTLB_MSG),
    continues: true,
  },
  log: {
    ...logRules,
    reaches: ({ address, size }) => address + size <= endOfUserAddresses,
    signals: true,
    translatedBuffer: (guestAddress) => guestAddress,
    translatedUsedRing: (guestAddress) => guestAddress,
  },
};
