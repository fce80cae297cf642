/** Request numbers of the vhost interface of the kernel, as the generic ioctl encoding makes them. */
export const vhostRequests = {
  VHOST_SET_FEATURES: 0x4008_af00,
  VHOST_GET_FEATURES: 0x8008_af00,
  VHOST_SET_OWNER: 0x0000_af01,
  VHOST_RESET_OWNER: 0x0000_af02,
  VHOST_SET_MEM_TABLE: 0x4008_af03,
  VHOST_SET_LOG_BASE: 0x4008_af04,
  VHOST_SET_VRING_NUM: 0x4008_af10,
  VHOST_SET_VRING_ADDR: 0x4028_af11,
  VHOST_SET_VRING_BASE: 0x4008_af12,
  VHOST_GET_VRING_BASE: 0xc008_af12,
  /** Of vhost-mdev alone. */
  VHOST_DEVICE_SET_STATE: 0x4008_af70,
} as const;

export type VhostRequest = keyof typeof vhostRequests;

/** Of /dev/vhost-net alone. */
export const vhostNetRequests = { VHOST_NET_SET_BACKEND: 0x4008_af30 } as const;
