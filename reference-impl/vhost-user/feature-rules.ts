import { VIRTIO_ID_CRYPTO } from '../devices/crypto-layout.ts';
import { VIRTIO_ID_NET } from '../devices/net-layout.ts';
import {
  bit,
  vhostUserProtocolFeatures as protocol,
  vhostUserVirtioFeatures as virtio,
} from '../wire/vhost-user-constants.ts';
import type { NegotiatedState } from './negotiated-state.ts';

/** What the offer depends on. */
export interface OfferingDevice {
  readonly deviceId: number;
  readonly configSize: number;
}

/** Which features are offered, and what an acknowledgement of them must be like. */
export interface FeatureRules {
  /** GET_FEATURES, given what the device itself offers. */
  readonly offered: (deviceFeatures: bigint) => bigint;
  /** GET_PROTOCOL_FEATURES, given whether accesses can be made to wait for pages. */
  readonly protocolOffered: (device: OfferingDevice, hasPageFaults: boolean) => bigint;
  /** Answer to GET_FEATURES, given the offer and what was acknowledged before. */
  readonly reported: (offered: bigint, acknowledged: bigint) => bigint;
  readonly accepts: (offered: bigint, asked: bigint) => boolean;
  readonly protocolAccepts: (offered: bigint, asked: bigint) => boolean;
  /** What counts as acknowledged. */
  readonly acknowledged: (asked: bigint) => bigint;
  readonly protocolAcknowledged: (asked: bigint) => bigint;
  /** Whether a protocol feature may be used, of which it is known whether it was acknowledged. */
  readonly isUsable: (feature: keyof typeof protocol, isAcknowledged: boolean) => boolean;
  /** GET_ and SET_PROTOCOL_FEATURES may be used. */
  readonly protocolMessagesAllowed: (session: NegotiatedState) => boolean;
  /** GET_QUEUE_NUM. */
  readonly queueCount: (queues: number) => bigint;
  /** Protocol features that cannot stand together; the connection ends. */
  readonly isIncompatible: (asked: bigint) => boolean;
}

const bits = (...features: (keyof typeof protocol)[]): bigint =>
  features.reduce((word, feature) => word | bit(protocol[feature]), 0n);

const inBand = bits('VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS');
const inBandNeeds = bits('VHOST_USER_PROTOCOL_F_BACKEND_REQ', 'VHOST_USER_PROTOCOL_F_REPLY_ACK');

const everyDevice = bits(
  'VHOST_USER_PROTOCOL_F_MQ',
  'VHOST_USER_PROTOCOL_F_LOG_SHMFD',
  'VHOST_USER_PROTOCOL_F_REPLY_ACK',
  'VHOST_USER_PROTOCOL_F_BACKEND_REQ',
  'VHOST_USER_PROTOCOL_F_CROSS_ENDIAN',
  'VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD',
  'VHOST_USER_PROTOCOL_F_RESET_DEVICE',
  'VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS',
  'VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS',
  'VHOST_USER_PROTOCOL_F_STATUS',
  'VHOST_USER_PROTOCOL_F_DEVICE_STATE',
  'VHOST_USER_PROTOCOL_F_BACKEND_SEND_FD',
  'VHOST_USER_PROTOCOL_F_HOST_NOTIFIER',
  'VHOST_USER_PROTOCOL_F_SHARED_OBJECT',
  'VHOST_USER_PROTOCOL_F_GPA_ADDRESSES',
  'VHOST_USER_PROTOCOL_F_SHMEM',
  'VHOST_USER_PROTOCOL_F_GET_VRING_BASE_INFLIGHT',
  'VHOST_USER_PROTOCOL_F_GET_VRING_BASE_SKIP_DRAIN',
);

const isWithin = (offered: bigint, asked: bigint): boolean => (asked & ~offered) === 0n;

export const featureRules: FeatureRules = {
  offered: (deviceFeatures) =>
    deviceFeatures | bit(virtio.VHOST_F_LOG_ALL) | bit(virtio.VHOST_USER_F_PROTOCOL_FEATURES),
  protocolOffered: ({ deviceId, configSize }, hasPageFaults) =>
    everyDevice |
    (hasPageFaults ? bits('VHOST_USER_PROTOCOL_F_PAGEFAULT') : 0n) |
    (configSize > 0 ? bits('VHOST_USER_PROTOCOL_F_CONFIG') : 0n) |
    (deviceId === VIRTIO_ID_CRYPTO ? bits('VHOST_USER_PROTOCOL_F_CRYPTO_SESSION') : 0n) |
    (deviceId === VIRTIO_ID_NET ? bits('VHOST_USER_PROTOCOL_F_MTU', 'VHOST_USER_PROTOCOL_F_RARP') : 0n),
  reported: (offered) => offered,
  accepts: isWithin,
  protocolAccepts: isWithin,
  acknowledged: (asked) => asked,
  protocolAcknowledged: (asked) => asked,
  isUsable: (_, isAcknowledged) => isAcknowledged,
  protocolMessagesAllowed: () => true,
  queueCount: (queues) => BigInt(queues),
  isIncompatible: (asked) => (asked & inBand) !== 0n && (asked & inBandNeeds) !== inBandNeeds,
};
