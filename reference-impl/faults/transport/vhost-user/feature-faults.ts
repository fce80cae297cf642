import { VIRTIO_F_EVENT_IDX, VIRTIO_F_INDIRECT_DESC } from '../../../virtqueue/feature-bits.ts';
import {
  bit,
  hasBit,
  vhostUserProtocolFeatures as protocol,
  vhostUserVirtioFeatures as virtio,
} from '../../../wire/vhost-user-constants.ts';
import type { VhostUserFault } from '../../fault.ts';
import { acceptingAnyFeatures } from './accepting-any-features.ts';
import { breaksDownAt, handling, inTable, onMessage, vhostUserFault } from './vhost-user-fault.ts';

const both = VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX;

export const featureFaults = {
  'get-features-drops-a-bit-later': vhostUserFault(
    'vu-features/get-features-repeatable',
    'GET_FEATURES offers one bit less each time',
    onMessage('VHOST_USER_GET_FEATURES', (entry, rules) => {
      let asked = 0;
      return {
        handle: (session, value, context) => {
          const hidden = BigInt(asked++ % 2) * bit(virtio.VHOST_F_LOG_ALL);
          const right = entry.handle(session, value, context);
          if (right.kind !== 'reply') return right;
          const payload = right.payload.slice();
          const view = new DataView(payload.buffer);
          view.setBigUint64(0, rules.features.reported(view.getBigUint64(0, true), 0n) & ~hidden, true);
          return { ...right, payload };
        },
      };
    }),
  ),
  'protocol-features-only-after-set-features': vhostUserFault(
    'vu-features/protocol-features-before-set-features',
    'protocol features are refused before both SET_OWNER and SET_FEATURES',
    inTable('features', {
      protocolMessagesAllowed: (session) => session.acknowledgedFeatures !== undefined || session.hasOwner,
    }),
  ),
  'protocol-features-dropped-without-bit-30': vhostUserFault(
    'vu-features/protocol-features-without-acknowledging-them',
    'SET_FEATURES without bit 30 ends the use of protocol features',
    inTable('features', {
      protocolMessagesAllowed: ({ acknowledgedFeatures }) =>
        acknowledgedFeatures === undefined || hasBit(acknowledgedFeatures, virtio.VHOST_USER_F_PROTOCOL_FEATURES),
    }),
  ),
  'old-front-end-not-served': vhostUserFault(
    'vu-features/front-end-without-protocol-features-served',
    'rings are not served without bit 30',
    inTable('deviceState', (right) => ({
      isLive: (session) => hasBit(session.features, virtio.VHOST_USER_F_PROTOCOL_FEATURES) && right.isLive(session),
    })),
  ),
  'unoffered-features-accepted': vhostUserFault(
    'vu-features/unoffered-features-refused',
    'SET_FEATURES accepts anything',
    acceptingAnyFeatures,
  ),
  'unoffered-protocol-features-accepted': vhostUserFault(
    'vu-features/unoffered-protocol-features-refused',
    'SET_PROTOCOL_FEATURES accepts anything',
    inTable('features', { protocolAccepts: () => true }),
  ),
  'unoffered-protocol-features-crash': vhostUserFault(
    'vu-features/unoffered-protocol-features-refused',
    'it aborts at protocol features that it does not know',
    handling<{ readonly u64: bigint }>('VHOST_USER_SET_PROTOCOL_FEATURES', (right, session, { u64 }) => {
      if ((u64 & ~session.offeredProtocolFeatures) !== 0n) session.edge.breakDown('abort');
      return right();
    }),
  ),
  'mq-not-offered': vhostUserFault(
    'vu-features/mq-always-offered',
    'MQ is not offered',
    inTable('features', (right) => ({
      protocolOffered: (...asked) => right.protocolOffered(...asked) & ~bit(protocol.VHOST_USER_PROTOCOL_F_MQ),
    })),
  ),
  'offer-without-working-message': vhostUserFault(
    'vu-features/offered-protocol-features-work',
    'CONFIGURE_MEM_SLOTS is offered and its messages are not known',
    (rules) => ({
      ...rules,
      messages: rules.messages.filter(({ name }) => name !== 'VHOST_USER_GET_MAX_MEM_SLOTS'),
    }),
  ),
  'acknowledges-before-negotiation': vhostUserFault(
    'vu-features/no-extension-before-negotiation',
    'messages are acknowledged that did not ask, before REPLY_ACK was negotiated',
    inTable('reply', (right) => ({
      wantsAcknowledgement: (flags, negotiated) => !negotiated || right.wantsAcknowledgement(flags, negotiated),
    })),
  ),
  'messages-before-set-owner-crash': vhostUserFault(
    'vu-features/messages-before-set-owner-survived',
    'it aborts at a memory table before SET_OWNER',
    handling('VHOST_USER_SET_MEM_TABLE', (right, session) => {
      if (!session.hasOwner) session.edge.breakDown('abort');
      return right();
    }),
  ),
  'messages-before-set-owner-hang': vhostUserFault(
    'vu-features/messages-before-set-owner-survived',
    'it hangs at a base before SET_OWNER',
    handling('VHOST_USER_SET_VRING_BASE', (right, session) => {
      if (!session.hasOwner) session.edge.breakDown('hang');
      return right();
    }),
  ),
  'second-set-features-refused': vhostUserFault(
    'vu-features/set-features-repeatable',
    'features can be set only once',
    onMessage('VHOST_USER_SET_FEATURES', (entry) => ({
      isUntimely: (session, value) =>
        session.acknowledgedFeatures === undefined ? entry.isUntimely(session, value) : 'they were set before',
    })),
  ),
  'queue-num-one-more': vhostUserFault(
    'vu-mq/every-queue-can-be-set-up',
    'GET_QUEUE_NUM tells one queue more than there are',
    inTable('features', { queueCount: (queues) => BigInt(queues + 1) }),
  ),
  'queue-num-zero': vhostUserFault(
    'vu-mq/get-queue-num-returns-maximum',
    'GET_QUEUE_NUM tells 0',
    inTable('features', { queueCount: () => 0n }),
  ),
  'last-queue-refused': vhostUserFault(
    'vu-mq/every-queue-can-be-set-up',
    'the last queue that was told of is refused',
    inTable('vring', { acceptsIndex: (index, rings) => index < Math.max(1, rings - 1) }),
  ),
  'no-connection-after-refusal': vhostUserFault(
    'vu-close/new-connection-accepted-after-refusal',
    'it hangs for good once it closed a connection',
    breaksDownAt('hang', ({ flags }) => (flags & 3) !== 1),
  ),
  'indirect-without-event-idx-refused': vhostUserFault(
    'features/valid-subset-accepted',
    'the connection is closed where INDIRECT_DESC was accepted and EVENT_IDX was not',
    handling('VHOST_USER_SET_FEATURES', (right, _session, { u64 }: { readonly u64: bigint }) =>
      (u64 & both) === VIRTIO_F_INDIRECT_DESC ? { kind: 'close-connection', why: 'half of a pair' } : right(),
    ),
  ),
  'accepted-set-refused-next-time': vhostUserFault(
    'features/accepted-set-accepted-again',
    'a set with both INDIRECT_DESC and EVENT_IDX is accepted once',
    onMessage('VHOST_USER_SET_FEATURES', (entry) => {
      let times = 0;
      return {
        handle: (session, value, context) => {
          const { u64 } = value as { readonly u64: bigint };
          if ((u64 & both) === both && times++ > 0) return { kind: 'close-connection', why: 'accepted before' };
          return entry.handle(session, value, context);
        },
      };
    }),
  ),
} as const satisfies Record<string, VhostUserFault>;
