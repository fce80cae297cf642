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

/** Bits of the protocol feature word. */
export const vhostUserProtocolFeatures = {
  VHOST_USER_PROTOCOL_F_MQ: 0,
  VHOST_USER_PROTOCOL_F_LOG_SHMFD: 1,
  VHOST_USER_PROTOCOL_F_RARP: 2,
  VHOST_USER_PROTOCOL_F_REPLY_ACK: 3,
  VHOST_USER_PROTOCOL_F_MTU: 4,
  VHOST_USER_PROTOCOL_F_BACKEND_REQ: 5,
  VHOST_USER_PROTOCOL_F_CROSS_ENDIAN: 6,
  VHOST_USER_PROTOCOL_F_CRYPTO_SESSION: 7,
  VHOST_USER_PROTOCOL_F_PAGEFAULT: 8,
  VHOST_USER_PROTOCOL_F_CONFIG: 9,
  VHOST_USER_PROTOCOL_F_BACKEND_SEND_FD: 10,
  VHOST_USER_PROTOCOL_F_HOST_NOTIFIER: 11,
  VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD: 12,
  VHOST_USER_PROTOCOL_F_RESET_DEVICE: 13,
  VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS: 14,
  VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS: 15,
  VHOST_USER_PROTOCOL_F_STATUS: 16,
  VHOST_USER_PROTOCOL_F_XEN_MMAP: 17,
  VHOST_USER_PROTOCOL_F_SHARED_OBJECT: 18,
  VHOST_USER_PROTOCOL_F_DEVICE_STATE: 19,
  VHOST_USER_PROTOCOL_F_GET_VRING_BASE_INFLIGHT: 20,
  VHOST_USER_PROTOCOL_F_GPA_ADDRESSES: 21,
  VHOST_USER_PROTOCOL_F_SHMEM: 22,
  VHOST_USER_PROTOCOL_F_GET_VRING_BASE_SKIP_DRAIN: 23,
} as const;

export type VhostUserProtocolFeature = keyof typeof vhostUserProtocolFeatures;

/** Bits of the virtio feature word that vhost-user itself reads. */
export const vhostUserVirtioFeatures = {
  VIRTIO_NET_F_MTU: 3,
  VHOST_F_LOG_ALL: 26,
  VHOST_USER_F_PROTOCOL_FEATURES: 30,
  VIRTIO_F_ACCESS_PLATFORM: 33,
  VIRTIO_F_RING_PACKED: 34,
} as const;

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
