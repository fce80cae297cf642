import { protocolGate } from '../../wire/message-description.ts';
import { messageByName } from '../../wire/vhost-user-messages.ts';
import { emptyPayload, logPayload } from '../../wire/vhost-user-payloads.ts';
import { isRefusedMap } from '../back-end-edge.ts';
import { done, type Handled } from '../handled.ts';
import { describeRule, type MessageTable } from '../message-rule.ts';
import { u64Bytes } from '../reply-payloads.ts';
import type { SessionState } from '../session-state.ts';

export const logMessages: MessageTable = [
  describeRule(messageByName('VHOST_USER_SET_LOG_BASE'), {
    name: 'VHOST_USER_SET_LOG_BASE',
    // A log at an address of the front-end, without LOG_SHMFD, cannot be reached from another process.
    gate: [protocolGate('VHOST_USER_PROTOCOL_F_LOG_SHMFD')],
    payload: [logPayload],
    answer: 'own-reply',
    handle: (session, { logSize, logOffset }, { descriptors: [token] }) => {
      const answer = (isDone: boolean): Handled => logAnswer(session, isDone);
      if (token === undefined) return answer(false);
      const { size, offset } = session.rules.log.mapping(logSize, logOffset);
      const memory = session.edge.mapRegion(token, size, offset);
      if (isRefusedMap(memory)) return answer(false);
      session.marks.setLog(memory);
      return answer(true);
    },
  }),
  describeRule(messageByName('VHOST_USER_SET_LOG_FD'), {
    name: 'VHOST_USER_SET_LOG_FD',
    payload: [emptyPayload],
    // The text says nothing of what the descriptor is for: it is closed as one that nothing holds.
    handle: () => done,
  }),
];

/** The text asks for a reply and gives it no payload; a u64 says, as everywhere, how it went. */
function logAnswer(session: SessionState, isDone: boolean): Handled {
  const { success, failure } = session.rules.reply;
  return { kind: 'reply', payload: u64Bytes(isDone ? success : failure) };
}
