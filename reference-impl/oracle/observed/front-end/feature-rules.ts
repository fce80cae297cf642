import {
  bit,
  vhostUserProtocolFeatures as protocol,
  vhostUserVirtioFeatures as virtio,
} from '../../../wire/vhost-user-constants.ts';
import { breach, keptIf } from '../judgement.ts';
import { hexWord, type ObservedMessageRule } from './message-rule.ts';

/** Bits of the feature word that the front-end itself negotiates; the others are the driver's. */
const transportBits = bit(virtio.VHOST_F_LOG_ALL) | bit(virtio.VHOST_USER_F_PROTOCOL_FEATURES);

const inBand = bit(protocol.VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS);
const inBandNeeds = bit(protocol.VHOST_USER_PROTOCOL_F_BACKEND_REQ) | bit(protocol.VHOST_USER_PROTOCOL_F_REPLY_ACK);

/** Messages that set something up, and for which a session must have begun. */
const setsUp: readonly string[] = [
  'VHOST_USER_SET_MEM_TABLE',
  'VHOST_USER_ADD_MEM_REG',
  'VHOST_USER_SET_LOG_BASE',
  'VHOST_USER_SET_VRING_NUM',
  'VHOST_USER_SET_VRING_ADDR',
  'VHOST_USER_SET_VRING_BASE',
  'VHOST_USER_SET_VRING_KICK',
  'VHOST_USER_SET_VRING_CALL',
  'VHOST_USER_SET_VRING_ERR',
  'VHOST_USER_SET_VRING_ENABLE',
  'VHOST_USER_VRING_KICK',
];

export const featureRules: readonly ObservedMessageRule[] = [
  {
    requirement: 'vu-front-end/owner-set-before-set-up',
    judge: ({ name }, { hasOwner }) => {
      if (!setsUp.includes(name)) return undefined;
      return keptIf(hasOwner, () => breach(name, 'SET_OWNER before it', 'no SET_OWNER on this connection so far'));
    },
  },
  {
    requirement: 'vu-front-end/reset-owner-not-used',
    judge: ({ name }) =>
      keptIf(name !== 'VHOST_USER_RESET_OWNER', () => breach(name, 'no such message', 'it was sent')),
  },
  {
    requirement: 'vu-front-end/features-within-offer',
    judge: (request, { offer }) => {
      if (request.name !== 'VHOST_USER_SET_FEATURES') return undefined;
      const beyond = request.value.u64 & transportBits & ~offer.features;
      return keptIf(beyond === 0n, () =>
        breach(request.name, `bits of ${hexWord(offer.features & transportBits)}`, `${hexWord(beyond)} as well`),
      );
    },
  },
  {
    requirement: 'vu-front-end/protocol-features-within-offer',
    judge: (request, { offer }) => {
      if (request.name !== 'VHOST_USER_SET_PROTOCOL_FEATURES') return undefined;
      const beyond = request.value.u64 & ~offer.protocolFeatures;
      return keptIf(beyond === 0n, () =>
        breach(request.name, `bits of ${hexWord(offer.protocolFeatures)}`, `${hexWord(beyond)} as well`),
      );
    },
  },
  {
    requirement: 'vu-front-end/inband-with-its-prerequisites',
    judge: (request) => {
      if (request.name !== 'VHOST_USER_SET_PROTOCOL_FEATURES' || (request.value.u64 & inBand) === 0n) return undefined;
      return keptIf((request.value.u64 & inBandNeeds) === inBandNeeds, () =>
        breach(request.name, 'BACKEND_REQ and REPLY_ACK with INBAND_NOTIFICATIONS', hexWord(request.value.u64)),
      );
    },
  },
];
