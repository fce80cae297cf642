import type { Offer } from '../oracle/observed/front-end/story.ts';
import {
  configPayload,
  deviceStatePayload,
  inflightPayload,
  iotlbPayload,
  logPayload,
  sharedObjectPayload,
  singleMemoryRegionPayload,
  vringAddressPayload,
  vringIndexPayload,
} from '../wire/vhost-user-payloads.ts';
import {
  addresses,
  lawful,
  memoryTable,
  negotiatedFeatures,
  negotiatedProtocol,
  offer,
  plain,
  protocolWord,
  region,
  type Said,
  said,
  state,
  u64Said,
  word,
} from './observed-conversation.ts';

/** What a front-end does wrong: the lawful conversation, changed in one thing. */
export interface Misbehaviour {
  readonly messages: readonly Said[];
  /** Where the usual offer would not do. */
  readonly offer?: Offer;
}

const at = (name: Said['name']): number => lawful.findIndex((one) => one.name === name);
const replaced = (name: Said['name'], ...by: Said[]): Said[] => lawful.toSpliced(at(name), 1, ...by);
const without = (name: Said['name']): Said[] => lawful.toSpliced(at(name), 1);
const before = (name: Said['name'], ...more: Said[]): Said[] => lawful.toSpliced(at(name), 0, ...more);
/** The same with other protocol features negotiated. */
const negotiating = (protocol: bigint, ...more: Said[]): Said[] => [
  ...replaced('VHOST_USER_SET_PROTOCOL_FEATURES', u64Said('VHOST_USER_SET_PROTOCOL_FEATURES', protocol)),
  ...more,
];
const lacking = (feature: Parameters<typeof protocolWord>[0], ...more: Said[]): Misbehaviour => ({
  messages: negotiating(negotiatedProtocol & ~protocolWord(feature), ...more),
});
/** The same where the back-end does not offer the feature. */
const unoffered = (feature: Parameters<typeof protocolWord>[0], ...more: Said[]): Misbehaviour => ({
  ...lacking(feature, ...more),
  offer: { ...offer, protocolFeatures: offer.protocolFeatures & ~protocolWord(feature) },
});

const elsewhere = { ...region, guestAddress: 0x1000_0000n, userAddress: 0x7e00_0000_0000n };
const added = (one: typeof region): Said =>
  said('VHOST_USER_ADD_MEM_REG', singleMemoryRegionPayload, one, { descriptors: 1 });
const removed = (one: typeof region, descriptors = 0): Said =>
  said('VHOST_USER_REM_MEM_REG', singleMemoryRegionPayload, one, { descriptors });
const config = (flags: number): Said =>
  said('VHOST_USER_SET_CONFIG', configPayload, { offset: 32, size: 1, flags, payload: Uint8Array.of(1) });
const inflight = { mmapSize: 0n, mmapOffset: 0n, numQueues: 1, queueSize: 128 };
const iotlb = (userAddress: bigint): Said =>
  said('VHOST_USER_IOTLB_MSG', iotlbPayload, { iova: 0n, size: 0x1000n, userAddress, permissions: 3, type: 2 });
const log = (logSize: bigint): Said =>
  said('VHOST_USER_SET_LOG_BASE', logPayload, { logSize, logOffset: 0n }, { descriptors: 1 });
const ringKick = (num: number): Said => said('VHOST_USER_VRING_KICK', vringIndexPayload, { index: 0, num });
const inBand = negotiatedProtocol | protocolWord('VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS');
const features = (bits: bigint): Said => u64Said('VHOST_USER_SET_FEATURES', bits);
const packed = replaced('VHOST_USER_SET_FEATURES', features(negotiatedFeatures | word(34)));

/** By the requirement that each breaks. */
export const misbehaviours: Readonly<Record<string, Misbehaviour>> = {
  'vu-front-end/version-is-1': {
    messages: replaced('VHOST_USER_SET_OWNER', plain('VHOST_USER_SET_OWNER', { flags: 2 })),
  },
  'vu-front-end/reply-flag-clear': {
    messages: replaced('VHOST_USER_SET_OWNER', plain('VHOST_USER_SET_OWNER', { flags: 5 })),
  },
  'vu-front-end/need-reply-needs-reply-ack': lacking('VHOST_USER_PROTOCOL_F_REPLY_ACK'),
  'vu-front-end/request-is-defined': { messages: [...lawful, { name: 99 }] },
  'vu-front-end/payload-fits-request': {
    messages: [...lawful, { name: 'VHOST_USER_SET_STATUS', payload: new Uint8Array(7) }],
  },
  'vu-front-end/descriptors-fit-request': {
    messages: replaced('VHOST_USER_SET_VRING_CALL', u64Said('VHOST_USER_SET_VRING_CALL', 0n)),
  },
  'vu-front-end/removed-region-without-descriptor': { messages: [...lawful, removed(region, 1)] },
  'vu-front-end/memory-table-holds-at-most-eight-regions': {
    messages: [...lawful, { name: 'VHOST_USER_SET_MEM_TABLE', payload: nineRegions(), descriptors: 8 }],
  },
  'vu-front-end/owner-set-before-set-up': { messages: without('VHOST_USER_SET_OWNER') },
  'vu-front-end/reset-owner-not-used': { messages: [...lawful, plain('VHOST_USER_RESET_OWNER')] },
  'vu-front-end/features-within-offer': {
    messages: replaced('VHOST_USER_SET_FEATURES', features(negotiatedFeatures | word(26))),
  },
  'vu-front-end/protocol-features-within-offer': {
    messages: negotiating(negotiatedProtocol | protocolWord('VHOST_USER_PROTOCOL_F_RARP')),
  },
  'vu-front-end/protocol-features-need-offered-bit': { messages: without('VHOST_USER_GET_FEATURES') },
  'vu-front-end/inband-with-its-prerequisites': {
    messages: negotiating(
      (inBand & ~protocolWord('VHOST_USER_PROTOCOL_F_BACKEND_REQ')) | protocolWord('VHOST_USER_PROTOCOL_F_REPLY_ACK'),
    ),
  },
  'vu-front-end/queue-num-needs-mq': unoffered('VHOST_USER_PROTOCOL_F_MQ'),
  'vu-front-end/vring-enable-needs-protocol-features': {
    messages: replaced('VHOST_USER_SET_FEATURES', features(word(32))),
  },
  'vu-front-end/rarp-needs-rarp': { messages: [...lawful, u64Said('VHOST_USER_SEND_RARP', 0n)] },
  'vu-front-end/set-mtu-needs-mtu': { messages: [...lawful, u64Said('VHOST_USER_NET_SET_MTU', 1500n)] },
  'vu-front-end/backend-req-fd-needs-backend-req': unoffered(
    'VHOST_USER_PROTOCOL_F_BACKEND_REQ',
    plain('VHOST_USER_SET_BACKEND_REQ_FD', { descriptors: 1 }),
  ),
  'vu-front-end/iotlb-needs-access-platform': { messages: [...lawful, iotlb(region.userAddress)] },
  'vu-front-end/vring-endian-needs-cross-endian': lacking(
    'VHOST_USER_PROTOCOL_F_CROSS_ENDIAN',
    state('VHOST_USER_SET_VRING_ENDIAN', 0, 0),
  ),
  'vu-front-end/config-needs-config': lacking('VHOST_USER_PROTOCOL_F_CONFIG', config(0)),
  'vu-front-end/crypto-needs-crypto-session': lacking(
    'VHOST_USER_PROTOCOL_F_CRYPTO_SESSION',
    u64Said('VHOST_USER_CLOSE_CRYPTO_SESSION', 1n),
  ),
  'vu-front-end/postcopy-needs-pagefault': lacking(
    'VHOST_USER_PROTOCOL_F_PAGEFAULT',
    plain('VHOST_USER_POSTCOPY_ADVISE'),
  ),
  'vu-front-end/inflight-needs-inflight-shmfd': lacking(
    'VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD',
    said('VHOST_USER_GET_INFLIGHT_FD', inflightPayload, inflight),
  ),
  'vu-front-end/reset-device-needs-reset-device': unoffered(
    'VHOST_USER_PROTOCOL_F_RESET_DEVICE',
    plain('VHOST_USER_RESET_DEVICE'),
  ),
  'vu-front-end/vring-kick-needs-inband': {
    messages: before('VHOST_USER_GET_VRING_BASE', ringKick(0)),
  },
  'vu-front-end/memory-slots-need-configure-mem-slots': lacking(
    'VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS',
    added(elsewhere),
  ),
  'vu-front-end/status-needs-status': lacking('VHOST_USER_PROTOCOL_F_STATUS'),
  'vu-front-end/device-state-needs-device-state': lacking(
    'VHOST_USER_PROTOCOL_F_DEVICE_STATE',
    said(
      'VHOST_USER_SET_DEVICE_STATE_FD',
      deviceStatePayload,
      { transferDirection: 0, migrationPhase: 0 },
      { descriptors: 1 },
    ),
  ),
  'vu-front-end/shared-object-needs-shared-object': lacking(
    'VHOST_USER_PROTOCOL_F_SHARED_OBJECT',
    said('VHOST_USER_GET_SHARED_OBJECT', sharedObjectPayload, { uuid: new Uint8Array(16) }),
  ),
  'vu-front-end/shmem-config-needs-shmem': lacking('VHOST_USER_PROTOCOL_F_SHMEM', plain('VHOST_USER_GET_SHMEM_CONFIG')),
  'vu-front-end/skip-drain-needs-skip-drain': lacking(
    'VHOST_USER_PROTOCOL_F_GET_VRING_BASE_SKIP_DRAIN',
    said('VHOST_USER_GET_VRING_BASE_SKIP_DRAIN', vringIndexPayload, { index: 0, num: 0 }),
  ),
  'vu-front-end/memory-regions-disjoint': {
    messages: [...lawful, memoryTable(region, { ...elsewhere, guestAddress: 0xf_f000n })],
  },
  'vu-front-end/memory-slots-within-limit': {
    messages: [
      ...lawful,
      ...[1n, 2n, 3n].map((n) =>
        added({ ...region, guestAddress: n << 32n, userAddress: region.userAddress + (n << 32n) }),
      ),
    ],
  },
  'vu-front-end/removed-region-was-added': { messages: [...lawful, removed({ ...region, size: 0x1000n })] },
  'vu-front-end/ring-described-before-start': { messages: without('VHOST_USER_SET_VRING_ADDR') },
  'vu-front-end/ring-lies-in-memory': { messages: before('VHOST_USER_GET_VRING_BASE', memoryTable(elsewhere)) },
  'vu-front-end/vring-index-below-queue-count': { messages: [...lawful, state('VHOST_USER_SET_VRING_NUM', 2, 128)] },
  'vu-front-end/vring-size-is-lawful': { messages: [...lawful, state('VHOST_USER_SET_VRING_NUM', 0, 100)] },
  'vu-front-end/vring-enable-is-zero-or-one': { messages: [...lawful, state('VHOST_USER_SET_VRING_ENABLE', 0, 2)] },
  'vu-front-end/vring-kick-num-is-zero': {
    messages: negotiating(inBand, addresses(0), ringKick(1)),
  },
  'vu-front-end/config-flags-are-defined': { messages: [...lawful, config(2)] },
  'vu-front-end/log-covers-memory': { messages: [...lawful, log(31n)] },
  'vu-front-end/iotlb-update-lies-in-memory': {
    messages: [
      ...replaced('VHOST_USER_SET_FEATURES', features(negotiatedFeatures | word(33))),
      iotlb(elsewhere.userAddress),
    ],
  },
  'split/parts-aligned': { messages: [...lawful, addresses(1, region.userAddress + 8n)] },
  'packed/parts-aligned': {
    messages: [
      ...packed,
      said('VHOST_USER_SET_VRING_ADDR', vringAddressPayload, {
        index: 1,
        flags: 0,
        descriptor: region.userAddress,
        available: region.userAddress + 0x4002n,
        used: region.userAddress + 0x5000n,
        log: 0n,
      }),
    ],
  },
  'features/only-offered-bits-accepted': {
    messages: replaced('VHOST_USER_SET_FEATURES', features(negotiatedFeatures | word(40))),
  },
  'features/accepted-feature-has-prerequisite': {
    messages: replaced('VHOST_USER_SET_FEATURES', features(negotiatedFeatures | word(11))),
    offer: { ...offer, device: 'net', features: offer.features | word(0, 11) },
  },
  'vu-front-end/features-fixed-after-features-ok': {
    messages: [...lawful, features(negotiatedFeatures | word(9))],
  },
  'vu-front-end/status-in-sequence': {
    messages: replaced('VHOST_USER_SET_STATUS', u64Said('VHOST_USER_SET_STATUS', 0x09n)),
  },
  'vu-front-end/status-bits-never-cleared-singly': { messages: [...lawful, u64Said('VHOST_USER_SET_STATUS', 0x0bn)] },
  'vu-front-end/reset-after-failed': {
    messages: [...lawful, u64Said('VHOST_USER_SET_STATUS', 0x8fn), u64Said('VHOST_USER_SET_STATUS', 0xcfn)],
  },
};

function nineRegions(): Uint8Array {
  const bytes = new Uint8Array(8 + 9 * 32);
  new DataView(bytes.buffer).setUint32(0, 9, true);
  return bytes;
}
