import { describeMessages, protocolGate, virtioGate } from './message-description.ts';
import { VHOST_USER_MEMORY_REGIONS_MAXIMUM } from './vhost-user-constants.ts';
import {
  configPayload,
  cryptoSessionByOperationPayload,
  cryptoSessionPayload,
  deviceStatePayload,
  emptyPayload,
  inflightPayload,
  iotlbPayload,
  logPayload,
  memoryRegionsPayload,
  packedInflightPayload,
  packedIotlbPayload,
  sharedObjectPayload,
  shmemConfigPayload,
  singleMemoryRegionPayload,
  singleXenMemoryRegionPayload,
  u64Payload,
  vringAddressPayload,
  vringBasePackedPayload,
  vringBaseSplitPayload,
  vringDescriptorPayload,
  vringIndexPayload,
  vringStatePayload,
  xenMemoryRegionsPayload,
} from './vhost-user-payloads.ts';

const none = { codec: emptyPayload } as const;
const word = { codec: u64Payload } as const;
const state = { codec: vringStatePayload } as const;
const index = { codec: vringIndexPayload } as const;
const descriptorWord = { codec: vringDescriptorPayload } as const;

const xenMmap = protocolGate('VHOST_USER_PROTOCOL_F_XEN_MMAP');
const regions = [
  { codec: memoryRegionsPayload, when: { gate: xenMmap, isSet: false } },
  { codec: xenMemoryRegionsPayload, when: { gate: xenMmap, isSet: true } },
] as const;
const region = [
  { codec: singleMemoryRegionPayload, when: { gate: xenMmap, isSet: false } },
  { codec: singleXenMemoryRegionPayload, when: { gate: xenMmap, isSet: true } },
] as const;

const ringPacked = virtioGate('VIRTIO_F_RING_PACKED');
const vringBase = [
  { codec: vringBaseSplitPayload, when: { gate: ringPacked, isSet: false } },
  { codec: vringBasePackedPayload, when: { gate: ringPacked, isSet: true } },
] as const;

const inflight = [{ codec: inflightPayload }, { codec: packedInflightPayload }] as const;
const iotlb = [{ codec: iotlbPayload }, { codec: packedIotlbPayload }] as const;
const cryptoSession = [{ codec: cryptoSessionPayload }, { codec: cryptoSessionByOperationPayload }] as const;

const protocolFeaturesOffered = virtioGate('VHOST_USER_F_PROTOCOL_FEATURES', 'offered');
const logShmfd = protocolGate('VHOST_USER_PROTOCOL_F_LOG_SHMFD');
const pagefault = protocolGate('VHOST_USER_PROTOCOL_F_PAGEFAULT');
const config = protocolGate('VHOST_USER_PROTOCOL_F_CONFIG');
const crypto = protocolGate('VHOST_USER_PROTOCOL_F_CRYPTO_SESSION');
const inflightShmfd = protocolGate('VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD');
const memorySlots = protocolGate('VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS');
const status = protocolGate('VHOST_USER_PROTOCOL_F_STATUS');
const deviceState = protocolGate('VHOST_USER_PROTOCOL_F_DEVICE_STATE');

const frontEnd = describeMessages('front-end', [none]);

/** All requests of the front-end, in order of their ids (Front-end message types). */
export const frontEndMessages = [
  frontEnd(1, 'VHOST_USER_GET_FEATURES', { reply: [word] }),
  frontEnd(2, 'VHOST_USER_SET_FEATURES', { request: [word] }),
  frontEnd(3, 'VHOST_USER_SET_OWNER', {}),
  frontEnd(4, 'VHOST_USER_RESET_OWNER', {}),
  frontEnd(5, 'VHOST_USER_SET_MEM_TABLE', {
    request: regions,
    reply: regions,
    ownReply: 'after-postcopy-listen',
    fds: [0, VHOST_USER_MEMORY_REGIONS_MAXIMUM],
    fdRule: 'one-per-region',
  }),
  frontEnd(6, 'VHOST_USER_SET_LOG_BASE', {
    request: [
      { codec: logPayload, when: { gate: logShmfd, isSet: true } },
      { codec: u64Payload, when: { gate: logShmfd, isSet: false } },
    ],
    // The text demands a reply and gives it no payload: some send an empty one, some a u64.
    reply: [none, word],
    ownReply: 'with-log-shmfd',
    fds: [0, 1],
  }),
  frontEnd(7, 'VHOST_USER_SET_LOG_FD', { fds: [1, 1] }),
  frontEnd(8, 'VHOST_USER_SET_VRING_NUM', { request: [state] }),
  frontEnd(9, 'VHOST_USER_SET_VRING_ADDR', { request: [{ codec: vringAddressPayload }] }),
  frontEnd(10, 'VHOST_USER_SET_VRING_BASE', { request: vringBase }),
  frontEnd(11, 'VHOST_USER_GET_VRING_BASE', { request: [index], reply: vringBase }),
  frontEnd(12, 'VHOST_USER_SET_VRING_KICK', { request: [descriptorWord], fds: [0, 1], fdRule: 'unless-no-fd-flag' }),
  frontEnd(13, 'VHOST_USER_SET_VRING_CALL', { request: [descriptorWord], fds: [0, 1], fdRule: 'unless-no-fd-flag' }),
  frontEnd(14, 'VHOST_USER_SET_VRING_ERR', { request: [descriptorWord], fds: [0, 1], fdRule: 'unless-no-fd-flag' }),
  frontEnd(15, 'VHOST_USER_GET_PROTOCOL_FEATURES', { reply: [word], gate: [protocolFeaturesOffered] }),
  frontEnd(16, 'VHOST_USER_SET_PROTOCOL_FEATURES', { request: [word], gate: [protocolFeaturesOffered] }),
  frontEnd(17, 'VHOST_USER_GET_QUEUE_NUM', { reply: [word], gate: [protocolGate('VHOST_USER_PROTOCOL_F_MQ')] }),
  frontEnd(18, 'VHOST_USER_SET_VRING_ENABLE', {
    request: [state],
    gate: [virtioGate('VHOST_USER_F_PROTOCOL_FEATURES')],
  }),
  frontEnd(19, 'VHOST_USER_SEND_RARP', { request: [word], gate: [protocolGate('VHOST_USER_PROTOCOL_F_RARP')] }),
  frontEnd(20, 'VHOST_USER_NET_SET_MTU', {
    request: [word],
    gate: [protocolGate('VHOST_USER_PROTOCOL_F_MTU'), virtioGate('VIRTIO_NET_F_MTU')],
  }),
  frontEnd(21, 'VHOST_USER_SET_BACKEND_REQ_FD', {
    previousName: 'VHOST_USER_SET_SLAVE_REQ_FD',
    fds: [1, 1],
    gate: [protocolGate('VHOST_USER_PROTOCOL_F_BACKEND_REQ')],
  }),
  frontEnd(22, 'VHOST_USER_IOTLB_MSG', {
    request: iotlb,
    reply: [word],
    gate: [virtioGate('VIRTIO_F_ACCESS_PLATFORM')],
  }),
  frontEnd(23, 'VHOST_USER_SET_VRING_ENDIAN', {
    request: [state],
    gate: [protocolGate('VHOST_USER_PROTOCOL_F_CROSS_ENDIAN')],
  }),
  // A reply without payload says that the back-end failed.
  frontEnd(24, 'VHOST_USER_GET_CONFIG', {
    request: [{ codec: configPayload }],
    reply: [{ codec: configPayload }, none],
    gate: [config],
  }),
  frontEnd(25, 'VHOST_USER_SET_CONFIG', { request: [{ codec: configPayload }], gate: [config] }),
  frontEnd(26, 'VHOST_USER_CREATE_CRYPTO_SESSION', { request: cryptoSession, reply: cryptoSession, gate: [crypto] }),
  frontEnd(27, 'VHOST_USER_CLOSE_CRYPTO_SESSION', { request: [word], gate: [crypto] }),
  // The text names the userfaultfd and no payload beside it.
  frontEnd(28, 'VHOST_USER_POSTCOPY_ADVISE', { reply: [none, word], replyFds: [1, 1], gate: [pagefault] }),
  frontEnd(29, 'VHOST_USER_POSTCOPY_LISTEN', { gate: [pagefault] }),
  frontEnd(30, 'VHOST_USER_POSTCOPY_END', { reply: [word], gate: [pagefault] }),
  frontEnd(31, 'VHOST_USER_GET_INFLIGHT_FD', {
    request: inflight,
    reply: inflight,
    replyFds: [1, 1],
    gate: [inflightShmfd],
  }),
  frontEnd(32, 'VHOST_USER_SET_INFLIGHT_FD', { request: inflight, fds: [1, 1], gate: [inflightShmfd] }),
  frontEnd(33, 'VHOST_USER_GPU_SET_SOCKET', { fds: [1, 1] }),
  frontEnd(34, 'VHOST_USER_RESET_DEVICE', { gate: [protocolGate('VHOST_USER_PROTOCOL_F_RESET_DEVICE')] }),
  frontEnd(35, 'VHOST_USER_VRING_KICK', {
    request: [index],
    gate: [protocolGate('VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS')],
  }),
  frontEnd(36, 'VHOST_USER_GET_MAX_MEM_SLOTS', { reply: [word], gate: [memorySlots] }),
  frontEnd(37, 'VHOST_USER_ADD_MEM_REG', {
    request: region,
    reply: region,
    ownReply: 'after-postcopy-listen',
    fds: [1, 1],
    gate: [memorySlots],
  }),
  // A front-end should pass no descriptor; a back-end may accept one, and closes it unused.
  frontEnd(38, 'VHOST_USER_REM_MEM_REG', { request: region, toleratedFds: 1, gate: [memorySlots] }),
  frontEnd(39, 'VHOST_USER_SET_STATUS', { request: [word], gate: [status] }),
  frontEnd(40, 'VHOST_USER_GET_STATUS', { reply: [word], gate: [status] }),
  // The reply is a dma-buf descriptor, or none; the text gives it no payload, implementations return the request's.
  frontEnd(41, 'VHOST_USER_GET_SHARED_OBJECT', {
    request: [{ codec: sharedObjectPayload }],
    reply: [none, word, { codec: sharedObjectPayload }],
    replyFds: [0, 1],
    gate: [protocolGate('VHOST_USER_PROTOCOL_F_SHARED_OBJECT')],
  }),
  frontEnd(42, 'VHOST_USER_SET_DEVICE_STATE_FD', {
    request: [{ codec: deviceStatePayload }],
    reply: [descriptorWord],
    fds: [1, 1],
    replyFds: [0, 1],
    replyFdRule: 'unless-no-fd-flag',
    gate: [deviceState],
  }),
  frontEnd(43, 'VHOST_USER_CHECK_DEVICE_STATE', { reply: [word], gate: [deviceState] }),
  frontEnd(44, 'VHOST_USER_GET_SHMEM_CONFIG', {
    reply: [{ codec: shmemConfigPayload }],
    gate: [protocolGate('VHOST_USER_PROTOCOL_F_SHMEM')],
  }),
  frontEnd(45, 'VHOST_USER_GET_VRING_BASE_SKIP_DRAIN', {
    request: [index],
    reply: vringBase,
    gate: [protocolGate('VHOST_USER_PROTOCOL_F_GET_VRING_BASE_SKIP_DRAIN')],
    newestOnly: true,
  }),
] as const;
