import { featureNumbers as numbersOf } from '../catalogue/feature-set.ts';
import { allFeatures, type FeatureName } from '../catalogue/features.ts';

/** Bytes of a message header: request, flags and size (Message Specification, Header). */
export const VHOST_USER_HEADER_SIZE = 12;

export const VHOST_USER_VERSION = 1;
export const VHOST_USER_VERSION_MASK = 0x3;
export const VHOST_USER_REPLY_MASK = 1 << 2;
export const VHOST_USER_NEED_REPLY_MASK = 1 << 3;

/** Flags of a request, of a request that asks for a reply, and of a reply. */
export const VHOST_USER_REQUEST_FLAGS = VHOST_USER_VERSION;
export const VHOST_USER_NEED_REPLY_FLAGS = VHOST_USER_VERSION | VHOST_USER_NEED_REPLY_MASK;
export const VHOST_USER_REPLY_FLAGS = VHOST_USER_VERSION | VHOST_USER_REPLY_MASK;

/** SET_VRING_KICK, _CALL, _ERR, host notifiers and SET_DEVICE_STATE_FD: no descriptor travels along. */
export const VHOST_USER_VRING_NOFD_MASK = 1n << 8n;

/** Regions that a memory table can hold (Multiple Memory regions description). */
export const VHOST_USER_MEMORY_REGIONS_MAXIMUM = 8;
/** Shared memory sizes in a GET_SHMEM_CONFIG reply. */
export const VHOST_USER_SHMEM_REGIONS = 256;

type ProtocolFeature = Extract<FeatureName, `VHOST_USER_PROTOCOL_F_${string}`>;

/** Bits of the protocol feature word. */
export const vhostUserProtocolFeatures = numbersOf(
  allFeatures()
    .map(({ name }) => name)
    .filter((name): name is ProtocolFeature => name.startsWith('VHOST_USER_PROTOCOL_F_')),
);

export type VhostUserProtocolFeature = keyof typeof vhostUserProtocolFeatures;

/** Bits of the virtio feature word that vhost-user itself reads. */
export const vhostUserVirtioFeatures = numbersOf([
  'VIRTIO_NET_F_MTU',
  'VHOST_F_LOG_ALL',
  'VHOST_USER_F_PROTOCOL_FEATURES',
  'VIRTIO_F_ACCESS_PLATFORM',
  'VIRTIO_F_RING_PACKED',
]);

export type VhostUserVirtioFeature = keyof typeof vhostUserVirtioFeatures;

/** Device status bits, as SET_STATUS and GET_STATUS carry them (virtio 2.1). */
export const virtioDeviceStatus = {
  ACKNOWLEDGE: 1,
  DRIVER: 2,
  DRIVER_OK: 4,
  FEATURES_OK: 8,
  SUSPEND: 16,
  DEVICE_NEEDS_RESET: 64,
  FAILED: 128,
} as const;

/** `flags` of SET_VRING_ADDR: writes to the used ring are logged. */
export const VHOST_VRING_F_LOG = 1;

/** `type` of an IOTLB message. */
export const vhostIotlbType = {
  VHOST_IOTLB_MISS: 1,
  VHOST_IOTLB_UPDATE: 2,
  VHOST_IOTLB_INVALIDATE: 3,
  VHOST_IOTLB_ACCESS_FAIL: 4,
} as const;

/** `permissions` of an IOTLB message. */
export const vhostIotlbPermissions = { none: 0, readOnly: 1, writeOnly: 2, readWrite: 3 } as const;

/** `flags` of SET_CONFIG. */
export const vhostUserConfigFlags = { writable: 0, liveMigration: 1 } as const;

export function bit(index: number): bigint {
  return 1n << BigInt(index);
}

export function hasBit(word: bigint, index: number): boolean {
  return ((word >> BigInt(index)) & 1n) === 1n;
}
