import type { RequirementSlug } from '../../../catalogue/catalogue.ts';
import { type Gate, isGateOpen } from '../../../wire/message-description.ts';
import type { FrontEndMessageName } from '../../../wire/vhost-user-messages.ts';
import { breach } from '../judgement.ts';
import type { ObservedMessageRule } from './message-rule.ts';
import type { FrontEndStory } from './story.ts';

/** Messages that wait for a feature, by the requirement that says so. What they wait for stands in the table of messages. */
const gated: readonly (readonly [RequirementSlug, ...FrontEndMessageName[]])[] = [
  [
    'vu-front-end/protocol-features-need-offered-bit',
    'VHOST_USER_GET_PROTOCOL_FEATURES',
    'VHOST_USER_SET_PROTOCOL_FEATURES',
  ],
  ['vu-front-end/queue-num-needs-mq', 'VHOST_USER_GET_QUEUE_NUM'],
  ['vu-front-end/vring-enable-needs-protocol-features', 'VHOST_USER_SET_VRING_ENABLE'],
  ['vu-front-end/rarp-needs-rarp', 'VHOST_USER_SEND_RARP'],
  ['vu-front-end/set-mtu-needs-mtu', 'VHOST_USER_NET_SET_MTU'],
  ['vu-front-end/backend-req-fd-needs-backend-req', 'VHOST_USER_SET_BACKEND_REQ_FD'],
  ['vu-front-end/iotlb-needs-access-platform', 'VHOST_USER_IOTLB_MSG'],
  ['vu-front-end/vring-endian-needs-cross-endian', 'VHOST_USER_SET_VRING_ENDIAN'],
  ['vu-front-end/config-needs-config', 'VHOST_USER_GET_CONFIG', 'VHOST_USER_SET_CONFIG'],
  ['vu-front-end/crypto-needs-crypto-session', 'VHOST_USER_CREATE_CRYPTO_SESSION', 'VHOST_USER_CLOSE_CRYPTO_SESSION'],
  [
    'vu-front-end/postcopy-needs-pagefault',
    'VHOST_USER_POSTCOPY_ADVISE',
    'VHOST_USER_POSTCOPY_LISTEN',
    'VHOST_USER_POSTCOPY_END',
  ],
  ['vu-front-end/inflight-needs-inflight-shmfd', 'VHOST_USER_GET_INFLIGHT_FD', 'VHOST_USER_SET_INFLIGHT_FD'],
  ['vu-front-end/reset-device-needs-reset-device', 'VHOST_USER_RESET_DEVICE'],
  ['vu-front-end/vring-kick-needs-inband', 'VHOST_USER_VRING_KICK'],
  [
    'vu-front-end/memory-slots-need-configure-mem-slots',
    'VHOST_USER_GET_MAX_MEM_SLOTS',
    'VHOST_USER_ADD_MEM_REG',
    'VHOST_USER_REM_MEM_REG',
  ],
  ['vu-front-end/status-needs-status', 'VHOST_USER_GET_STATUS', 'VHOST_USER_SET_STATUS'],
  ['vu-front-end/device-state-needs-device-state', 'VHOST_USER_SET_DEVICE_STATE_FD', 'VHOST_USER_CHECK_DEVICE_STATE'],
  ['vu-front-end/shared-object-needs-shared-object', 'VHOST_USER_GET_SHARED_OBJECT'],
  ['vu-front-end/shmem-config-needs-shmem', 'VHOST_USER_GET_SHMEM_CONFIG'],
  ['vu-front-end/skip-drain-needs-skip-drain', 'VHOST_USER_GET_VRING_BASE_SKIP_DRAIN'],
];

/** Of these the text asks that the back-end offers the protocol feature, and not that the front-end sets it. */
const offerSuffices: readonly FrontEndMessageName[] = [
  'VHOST_USER_GET_QUEUE_NUM',
  'VHOST_USER_SEND_RARP',
  'VHOST_USER_NET_SET_MTU',
  'VHOST_USER_SET_BACKEND_REQ_FD',
  'VHOST_USER_RESET_DEVICE',
];

const byOffer = (name: FrontEndMessageName, { word }: Gate): boolean =>
  word === 'protocol' && offerSuffices.includes(name);

function isMet(name: FrontEndMessageName, gate: Gate, { context, offer }: FrontEndStory): boolean {
  const words = byOffer(name, gate) ? { ...context, protocolFeatures: offer.protocolFeatures } : context;
  return isGateOpen(gate, words) === true;
}

export const gateRules: readonly ObservedMessageRule[] = gated.map(([requirement, ...names]) => ({
  requirement,
  judge: ({ name, message }, before) => {
    if (!names.includes(name)) return undefined;
    const closed = message.gate.find((gate) => !isMet(name, gate, before));
    if (closed === undefined) return 'kept';
    const state = byOffer(name, closed) ? 'offered' : closed.state;
    return breach(name, `${closed.feature} ${state} before`, 'it was not');
  },
}));
