import { type Codec, compileLayout } from './compile-layout.ts';
import {
  bytes,
  i64,
  type Layout,
  padding,
  repeated,
  structurePadding,
  tail,
  u8,
  u16,
  u32,
  u64,
  words,
} from './layout.ts';
import { VHOST_USER_MEMORY_REGIONS_MAXIMUM, VHOST_USER_SHMEM_REGIONS } from './vhost-user-constants.ts';

/** The value that a codec reads and writes. */
export type PayloadValue<C> = C extends Codec<infer Value> ? Value : never;

/** No payload at all; `size` in the header is 0. */
export const emptyPayload = compileLayout('no payload', []);

export const u64Payload = compileLayout('u64', [u64('u64')]);

/** SET_VRING_KICK, _CALL, _ERR: bits 0-7 are the vring index, bit 8 says that no descriptor travels along. */
export const vringDescriptorPayload = compileLayout('u64 (vring index, no-fd flag)', [
  u64('u64', 0xffff_ffff_ffff_fe00n),
]);

export const vringStatePayload = compileLayout('vring state description', [u32('index'), u32('num')]);

/** VRING_KICK, BACKEND_VRING_CALL and _ERR, and the request of GET_VRING_BASE: `num` is reserved. */
export const vringIndexPayload = compileLayout('vring state description, num reserved', [
  u32('index'),
  u32('num', 0xffff_ffff),
]);

/** Start index of a split ring: the upper 16 bits of `num` are reserved. */
export const vringBaseSplitPayload = compileLayout('vring descriptor index for split virtqueues', [
  u32('index'),
  u32('num', 0xffff_0000),
]);

/** Start indices and wrap counters of a packed ring in `num`; see `packedVringBase`. */
export const vringBasePackedPayload = compileLayout('vring descriptor indices for packed virtqueues', [
  u32('index'),
  u32('num'),
]);

/** Ring addresses are user addresses, or I/O virtual ones with VIRTIO_F_ACCESS_PLATFORM. */
export const vringAddressPayload = compileLayout('vring address description', [
  u32('index'),
  u32('flags'),
  u64('descriptor'),
  u64('used'),
  u64('available'),
  u64('log'),
]);

const memoryRegionFields = [
  u64('guestAddress'),
  u64('size'),
  u64('userAddress'),
  u64('mmapOffset'),
] as const satisfies Layout;

const xenMemoryRegionFields = [...memoryRegionFields, u32('xenMmapFlags'), u32('domid')] as const satisfies Layout;

export const singleMemoryRegionPayload = compileLayout('single memory region description', [
  padding(8),
  ...memoryRegionFields,
]);

export const singleXenMemoryRegionPayload = compileLayout('single memory region description (XEN_MMAP)', [
  padding(8),
  ...xenMemoryRegionFields,
]);

export const memoryRegionsPayload = compileLayout('multiple memory regions description', [
  u32('numRegions'),
  padding(4),
  repeated('regions', 'numRegions', VHOST_USER_MEMORY_REGIONS_MAXIMUM, memoryRegionFields),
]);

export const xenMemoryRegionsPayload = compileLayout('multiple memory regions description (XEN_MMAP)', [
  u32('numRegions'),
  padding(4),
  repeated('regions', 'numRegions', VHOST_USER_MEMORY_REGIONS_MAXIMUM, xenMemoryRegionFields),
]);

export const logPayload = compileLayout('log description', [u64('logSize'), u64('logOffset')]);

/** struct vhost_iotlb_msg: 26 bytes of fields, 32 with the padding of the C structure. */
export const iotlbPayload = compileLayout('IOTLB message', [
  u64('iova'),
  u64('size'),
  u64('userAddress'),
  u8('permissions'),
  u8('type'),
  structurePadding(6),
]);

/** The same without the padding of the structure, as the text's field list adds up. */
export const packedIotlbPayload = compileLayout('IOTLB message, without structure padding', [
  u64('iova'),
  u64('size'),
  u64('userAddress'),
  u8('permissions'),
  u8('type'),
]);

export const configPayload = compileLayout('virtio device config space', [
  u32('offset'),
  u32('size'),
  u32('flags'),
  tail('payload', 'size'),
]);

export const vringAreaPayload = compileLayout('vring area description', [
  u64('u64', 0xffff_ffff_ffff_fe00n),
  u64('size'),
  u64('offset'),
]);

/** 20 bytes of fields; implementations send the C structure, 24 with its padding. */
export const inflightPayload = compileLayout('inflight description', [
  u64('mmapSize'),
  u64('mmapOffset'),
  u16('numQueues'),
  u16('queueSize'),
  structurePadding(4),
]);

/** The same without the padding of the structure, as the text's field list adds up. */
export const packedInflightPayload = compileLayout('inflight description, without structure padding', [
  u64('mmapSize'),
  u64('mmapOffset'),
  u16('numQueues'),
  u16('queueSize'),
]);

/** A UUID whose first three components (u32, u16, u16) are big endian. */
export const sharedObjectPayload = compileLayout('VhostUserShared', [bytes('uuid', 16)]);

export const deviceStatePayload = compileLayout('device state transfer parameters', [
  u32('transferDirection'),
  u32('migrationPhase'),
]);

export const mmapPayload = compileLayout('MMAP request', [
  u8('shmid'),
  padding(7),
  u64('fdOffset'),
  u64('shmOffset'),
  u64('len'),
  u64('flags'),
]);

export const shmemConfigPayload = compileLayout('VIRTIO shared memory region configuration', [
  u32('numRegions'),
  padding(4),
  words('memorySizes', VHOST_USER_SHMEM_REGIONS),
]);

/**
 * The text names a crypto session description without giving its fields. Earlier implementations agree on these sizes,
 * 632 bytes, but not on the parameters: QEMU up to 7.0 and DPDK begin them with an operation code, QEMU 7.1 and 7.2 do
 * not and have padding at the end instead.
 */
export const cryptoSessionPayload = compileLayout('crypto session description', [
  i64('sessionId'),
  bytes('parameters', 48),
  bytes('cipherKey', 64),
  bytes('authKey', 512),
]);

/**
 * The structure of later implementations, 1072 bytes: the operation code decides whether the parameters are those of a
 * symmetric session (48 bytes, cipher key of 64 and authentication key of 512) or of an asymmetric one.
 */
export const cryptoSessionByOperationPayload = compileLayout('crypto session description (by operation)', [
  u64('opCode'),
  bytes('parameters', 1056),
  i64('sessionId'),
]);
