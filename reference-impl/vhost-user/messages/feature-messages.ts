import { hasBit, vhostUserVirtioFeatures as virtio } from '../../wire/vhost-user-constants.ts';
import { messageByName } from '../../wire/vhost-user-messages.ts';
import { emptyPayload, u64Payload } from '../../wire/vhost-user-payloads.ts';
import { done, refused } from '../handled.ts';
import { describeRule, type MessageTable } from '../message-rule.ts';
import { u64Bytes } from '../reply-payloads.ts';
import type { SessionState } from '../session-state.ts';

const protocolMessagesTooEarly = (session: SessionState): string | undefined =>
  session.rules.features.protocolMessagesAllowed(session) ? undefined : 'protocol features were not acknowledged';

export const featureMessages: MessageTable = [
  describeRule(messageByName('VHOST_USER_GET_FEATURES'), {
    name: 'VHOST_USER_GET_FEATURES',
    payload: [emptyPayload],
    answer: 'own-reply',
    handle: (session) => ({
      kind: 'reply',
      payload: u64Bytes(session.rules.features.reported(session.offeredFeatures, session.features)),
    }),
  }),
  describeRule(messageByName('VHOST_USER_SET_FEATURES'), {
    name: 'VHOST_USER_SET_FEATURES',
    payload: [u64Payload],
    handle: (session, { u64 }) => {
      const { device, rules } = session;
      const asked = rules.features.acknowledged(u64);
      session.areFeaturesAcceptable = rules.features.accepts(session.offeredFeatures, u64);
      if (!session.areFeaturesAcceptable) return refused('features that were not offered');
      device.setFeatures(asked & device.supportedFeatures);
      session.acknowledgedFeatures = asked;
      session.marks.isAcknowledged = hasBit(asked, virtio.VHOST_F_LOG_ALL);
      if (!hasBit(asked, virtio.VHOST_USER_F_PROTOCOL_FEATURES)) {
        session.rings.moveAll('enable-without-protocol-features');
      }
      return done;
    },
  }),
  describeRule(messageByName('VHOST_USER_GET_PROTOCOL_FEATURES'), {
    name: 'VHOST_USER_GET_PROTOCOL_FEATURES',
    payload: [emptyPayload],
    answer: 'own-reply',
    isUntimely: protocolMessagesTooEarly,
    handle: (session) => ({ kind: 'reply', payload: u64Bytes(session.offeredProtocolFeatures) }),
  }),
  describeRule(messageByName('VHOST_USER_SET_PROTOCOL_FEATURES'), {
    name: 'VHOST_USER_SET_PROTOCOL_FEATURES',
    payload: [u64Payload],
    isUntimely: protocolMessagesTooEarly,
    handle: (session, { u64 }) => {
      const { features } = session.rules;
      if (!features.protocolAccepts(session.offeredProtocolFeatures, u64)) {
        return refused('protocol features that were not offered');
      }
      if (features.isIncompatible(u64)) {
        return { kind: 'close-connection', why: 'notifications in band need BACKEND_REQ and REPLY_ACK' };
      }
      session.protocolFeatures = features.protocolAcknowledged(u64);
      return done;
    },
  }),
  describeRule(messageByName('VHOST_USER_SET_OWNER'), {
    name: 'VHOST_USER_SET_OWNER',
    payload: [emptyPayload],
    // It marks the start of a session: the text gives a second one no meaning.
    handle: (session) => {
      session.hasOwner = true;
      return done;
    },
  }),
  // Deprecated: to be ignored, or to disable all rings, and nothing more. It is ignored.
  describeRule(messageByName('VHOST_USER_RESET_OWNER'), {
    name: 'VHOST_USER_RESET_OWNER',
    payload: [emptyPayload],
    handle: () => done,
  }),
  describeRule(messageByName('VHOST_USER_GET_QUEUE_NUM'), {
    name: 'VHOST_USER_GET_QUEUE_NUM',
    payload: [emptyPayload],
    answer: 'own-reply',
    handle: (session) => ({
      kind: 'reply',
      payload: u64Bytes(session.rules.features.queueCount(session.device.queueCount)),
    }),
  }),
];
