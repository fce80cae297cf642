/** Request numbers of the vhost interface of the kernel, as the generic ioctl encoding makes them. */

/** Those of every way to a vhost device by numbers of calls. */
const shared = {
  VHOST_SET_FEATURES: 0x4008_af00,
  VHOST_GET_FEATURES: 0x8008_af00,
  VHOST_SET_OWNER: 0x0000_af01,
  VHOST_SET_LOG_BASE: 0x4008_af04,
  VHOST_SET_VRING_NUM: 0x4008_af10,
  VHOST_SET_VRING_ADDR: 0x4028_af11,
  VHOST_SET_VRING_BASE: 0x4008_af12,
  VHOST_GET_VRING_BASE: 0xc008_af12,
} as const;

/** Those of devices whose memory is told in a table. */
const withTable = { VHOST_RESET_OWNER: 0x0000_af02, VHOST_SET_MEM_TABLE: 0x4008_af03 } as const;

/** Those of vhost-mdev. */
export const vhostRequests = { ...shared, ...withTable, VHOST_DEVICE_SET_STATE: 0x4008_af70 } as const;

export type VhostRequest = keyof typeof vhostRequests;

/** Those that every vhost device file of the kernel has. */
export const vhostCoreRequests = {
  ...shared,
  VHOST_SET_LOG_FD: 0x4004_af07,
  VHOST_SET_VRING_KICK: 0x4008_af20,
  VHOST_SET_VRING_CALL: 0x4008_af21,
  VHOST_SET_VRING_ERR: 0x4008_af22,
  VHOST_SET_BACKEND_FEATURES: 0x4008_af25,
  VHOST_GET_BACKEND_FEATURES: 0x8008_af26,
} as const;

export type VhostCoreRequest = keyof typeof vhostCoreRequests;

/** Those of /dev/vhost-net. */
export const vhostNetRequests = {
  ...vhostCoreRequests,
  ...withTable,
  VHOST_NET_SET_BACKEND: 0x4008_af30,
} as const;

export type VhostNetRequest = keyof typeof vhostNetRequests;
