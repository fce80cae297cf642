import { compileLayout } from './compile-layout.ts';
import { structurePadding, u8, u16, u32, u64 } from './layout.ts';
import { vhostCoreRequests } from './vhost-requests.ts';

/** Request numbers of vhost-vdpa: those of vhost that it takes, and its own. */
export const vdpaRequests = {
  ...vhostCoreRequests,
  VHOST_VDPA_GET_DEVICE_ID: 0x8004_af70,
  VHOST_VDPA_GET_STATUS: 0x8001_af71,
  VHOST_VDPA_SET_STATUS: 0x4001_af72,
  VHOST_VDPA_GET_CONFIG: 0x8008_af73,
  VHOST_VDPA_SET_CONFIG: 0x4008_af74,
  VHOST_VDPA_SET_VRING_ENABLE: 0x4008_af75,
  VHOST_VDPA_GET_VRING_NUM: 0x8002_af76,
  VHOST_VDPA_SET_CONFIG_CALL: 0x4004_af77,
  VHOST_VDPA_GET_IOVA_RANGE: 0x8010_af78,
  VHOST_VDPA_GET_CONFIG_SIZE: 0x8004_af79,
  VHOST_VDPA_GET_AS_NUM: 0x8004_af7a,
  VHOST_VDPA_GET_VRING_GROUP: 0xc008_af7b,
  VHOST_VDPA_SET_GROUP_ASID: 0x4008_af7c,
  VHOST_VDPA_SUSPEND: 0x0000_af7d,
  VHOST_VDPA_RESUME: 0x0000_af7e,
  VHOST_VDPA_GET_VRING_DESC_GROUP: 0xc008_af7f,
  VHOST_VDPA_GET_VQS_COUNT: 0x8004_af80,
  VHOST_VDPA_GET_GROUP_NUM: 0x8004_af81,
  VHOST_VDPA_GET_VRING_SIZE: 0xc008_af82,
} as const;

export type VdpaRequest = keyof typeof vdpaRequests;

export const VHOST_VRING_F_LOG = 1 << 0;
/** The descriptor number that takes an event away. */
export const VHOST_FILE_UNBIND = 0xffff_ffff;

export const VHOST_IOTLB_MSG = 1;
export const VHOST_IOTLB_MSG_V2 = 2;

/** What a message of the IOTLB tells its reader: a translation is missing. */
export const VHOST_IOTLB_MISS = 1;

/** What a message of the IOTLB asks for. */
export const iotlbMessageTypes = {
  VHOST_IOTLB_UPDATE: 2,
  VHOST_IOTLB_INVALIDATE: 3,
  VHOST_IOTLB_BATCH_BEGIN: 5,
  VHOST_IOTLB_BATCH_END: 6,
} as const;

export const VHOST_ACCESS_RO = 1;
export const VHOST_ACCESS_WO = 2;
export const VHOST_ACCESS_RW = 3;

/** vhost_vring_file; `fd` is the number as 32 bits. */
export const vringFile = compileLayout('vhost_vring_file', [u32('index'), u32('fd')]);
/** The number of a ring, with which the argument of each call on one begins. */
export const vringIndex = compileLayout('vring index', [u32('index')]);
/** The fixed part of vhost_vdpa_config: the bytes of configuration follow. */
export const vdpaConfig = compileLayout('vhost_vdpa_config', [u32('offset'), u32('length')]);
export const vdpaIovaRange = compileLayout('vhost_vdpa_iova_range', [u64('first'), u64('last')]);
export const u8Argument = compileLayout('u8', [u8('u8')]);
export const u16Argument = compileLayout('u16', [u16('u16')]);
export const u32Argument = compileLayout('u32', [u32('u32')]);

/** vhost_msg_v2 as far as it is read: 32 bytes that are padding follow. */
export const iotlbMessageV2 = compileLayout('vhost_msg_v2', [
  u32('type'),
  u32('asid'),
  u64('ioVirtualAddress'),
  u64('size'),
  u64('userAddress'),
  u8('permission'),
  u8('request'),
  structurePadding(6),
]);

/** Bytes of a whole vhost_msg_v2, which a write of one returns. */
export const IOTLB_MESSAGE_SIZE = 72;

/** What a message of the IOTLB says; fields that it does not need are 0 unless told. */
export interface IotlbMessage {
  /** VHOST_IOTLB_UPDATE and its like, or any number. */
  readonly request: number;
  readonly asid?: number;
  readonly ioVirtualAddress?: bigint;
  readonly size?: bigint;
  readonly userAddress?: bigint;
  readonly permission?: number;
}

/** The whole message, in version 2 unless told: the fields of both lie alike. */
export function iotlbBytes(message: IotlbMessage, type: number = VHOST_IOTLB_MSG_V2): Uint8Array {
  const { request, asid = 0, ioVirtualAddress = 0n, size = 0n, userAddress = 0n, permission = 0 } = message;
  const bytes = new Uint8Array(IOTLB_MESSAGE_SIZE);
  const value = { type, asid, ioVirtualAddress, size, userAddress, permission, request };
  iotlbMessageV2.encode(value, new DataView(bytes.buffer), 0);
  return bytes;
}
