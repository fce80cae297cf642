import { messageByName } from '../../wire/vhost-user-messages.ts';
import { emptyPayload, sharedObjectPayload } from '../../wire/vhost-user-payloads.ts';
import { describeRule, type MessageTable } from '../message-rule.ts';

/** Objects that other back-ends may use, and memory that a driver is shown. */
export const sharingMessages: MessageTable = [
  describeRule(messageByName('VHOST_USER_GET_SHARED_OBJECT'), {
    name: 'VHOST_USER_GET_SHARED_OBJECT',
    payload: [sharedObjectPayload],
    answer: 'own-reply',
    handle: ({ sharedObjects }, { uuid }) => {
      const descriptor = sharedObjects.descriptorOf(uuid);
      const payload = new Uint8Array(0);
      return { kind: 'reply', payload, descriptors: descriptor === undefined ? [] : [descriptor] };
    },
  }),
  describeRule(messageByName('VHOST_USER_GET_SHMEM_CONFIG'), {
    name: 'VHOST_USER_GET_SHMEM_CONFIG',
    payload: [emptyPayload],
    answer: 'own-reply',
    handle: ({ sharedMemory }) => ({ kind: 'reply', payload: sharedMemory.configuration() }),
  }),
];
