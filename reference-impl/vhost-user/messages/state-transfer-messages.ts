import { messageByName } from '../../wire/vhost-user-messages.ts';
import { deviceStatePayload, emptyPayload } from '../../wire/vhost-user-payloads.ts';
import { putInto, stateOf } from '../device-state-bytes.ts';
import { describeRule, type MessageTable } from '../message-rule.ts';
import { u64Bytes } from '../reply-payloads.ts';
import { StateLoading, StateSaving, transferDirection } from '../state-transfer.ts';

/** The state of the device behind its rings: a front-end stops all of them first. */
export const stateTransferMessages: MessageTable = [
  describeRule(messageByName('VHOST_USER_SET_DEVICE_STATE_FD'), {
    name: 'VHOST_USER_SET_DEVICE_STATE_FD',
    payload: [deviceStatePayload],
    answer: 'own-reply',
    handle: (session, { transferDirection: direction, migrationPhase }, { descriptors: [token], take }) => {
      const { edge, device, rules } = session;
      const { stateTransfer } = rules;
      const isAccepted = token !== undefined && stateTransfer.accepts(direction, migrationPhase);
      if (isAccepted) {
        session.stateTransfer?.release();
        session.stateTransfer =
          direction === transferDirection.load
            ? new StateLoading(edge, take(token), stateTransfer, (state) => putInto(device, state))
            : new StateSaving(edge, take(token), stateTransfer, stateOf(device));
      }
      return { kind: 'reply', payload: u64Bytes(stateTransfer.answer(isAccepted)) };
    },
  }),
  describeRule(messageByName('VHOST_USER_CHECK_DEVICE_STATE'), {
    name: 'VHOST_USER_CHECK_DEVICE_STATE',
    payload: [emptyPayload],
    answer: 'own-reply',
    handle: ({ stateTransfer, rules }) => {
      // What the front-end wrote before it asked is there.
      stateTransfer?.step();
      return { kind: 'reply', payload: u64Bytes(rules.stateTransfer.result(stateTransfer?.hasSucceeded ?? false)) };
    },
  }),
];
