import { messageByName } from '../../wire/vhost-user-messages.ts';
import { emptyPayload, u64Payload } from '../../wire/vhost-user-payloads.ts';
import type { DescriptorToken } from '../back-end-edge.ts';
import { done, refused } from '../handled.ts';
import { describeRule, type MessageTable } from '../message-rule.ts';
import { u64Bytes } from '../reply-payloads.ts';

const macSize = 6;

/** Device status, reset, MTU, announcement, and the socket for requests of the back-end. */
export const deviceMessages: MessageTable = [
  describeRule(messageByName('VHOST_USER_SET_STATUS'), {
    name: 'VHOST_USER_SET_STATUS',
    payload: [u64Payload],
    handle: (session, { u64 }) => {
      const { deviceState } = session.rules;
      if (!deviceState.acceptsStatus(u64)) return refused(`a status of ${u64}`);
      const asked = Number(u64 & 0xffn);
      if (deviceState.resetsAt(asked)) session.resetDevice();
      else session.status = deviceState.storedStatus(session.status, asked, session.areFeaturesAcceptable);
      return done;
    },
  }),
  describeRule(messageByName('VHOST_USER_GET_STATUS'), {
    name: 'VHOST_USER_GET_STATUS',
    payload: [emptyPayload],
    answer: 'own-reply',
    handle: (session) => ({
      kind: 'reply',
      payload: u64Bytes(BigInt(session.rules.deviceState.reportedStatus(session.status))),
    }),
  }),
  describeRule(messageByName('VHOST_USER_RESET_DEVICE'), {
    name: 'VHOST_USER_RESET_DEVICE',
    payload: [emptyPayload],
    handle: (session) => {
      session.resetDevice();
      return done;
    },
  }),
  describeRule(messageByName('VHOST_USER_NET_SET_MTU'), {
    name: 'VHOST_USER_NET_SET_MTU',
    payload: [u64Payload],
    handle: (session, { u64 }) => {
      if (!session.rules.deviceState.acceptsMtu(u64)) return refused(`an MTU of ${u64}`);
      return done;
    },
  }),
  describeRule(messageByName('VHOST_USER_SEND_RARP'), {
    name: 'VHOST_USER_SEND_RARP',
    payload: [u64Payload],
    handle: (session, { u64 }) => {
      session.device.announce?.(u64Bytes(u64).subarray(0, macSize));
      return done;
    },
  }),
  describeRule(messageByName('VHOST_USER_SET_BACKEND_REQ_FD'), {
    name: 'VHOST_USER_SET_BACKEND_REQ_FD',
    payload: [emptyPayload],
    handle: (session, _, { descriptors: [token], take }) => {
      const before = session.backEndChannel;
      session.backEndChannel = take(token as DescriptorToken);
      if (session.rules.descriptors.closesReplaced) session.edge.close(before);
      return done;
    },
  }),
];
