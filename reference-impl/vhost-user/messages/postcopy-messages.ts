import { messageByName } from '../../wire/vhost-user-messages.ts';
import { emptyPayload } from '../../wire/vhost-user-payloads.ts';
import { done } from '../handled.ts';
import { describeRule, type MessageTable } from '../message-rule.ts';
import { u64Bytes } from '../reply-payloads.ts';

/** Migration that goes on while the device runs already (vhost-user, "VHOST_USER_POSTCOPY_ADVISE" and those behind it). */
export const postcopyMessages: MessageTable = [
  describeRule(messageByName('VHOST_USER_POSTCOPY_ADVISE'), {
    name: 'VHOST_USER_POSTCOPY_ADVISE',
    payload: [emptyPayload],
    answer: 'own-reply',
    handle: ({ postcopy }) => {
      const descriptors = postcopy.advise();
      if (descriptors === undefined) return { kind: 'close-connection', why: 'no userfaultfd is to be had' };
      return { kind: 'reply', payload: new Uint8Array(0), descriptors };
    },
  }),
  describeRule(messageByName('VHOST_USER_POSTCOPY_LISTEN'), {
    name: 'VHOST_USER_POSTCOPY_LISTEN',
    payload: [emptyPayload],
    isUntimely: ({ postcopy }) => (postcopy.isAdvised ? undefined : 'no POSTCOPY_ADVISE came before'),
    handle: ({ postcopy }) => {
      postcopy.listen();
      return done;
    },
  }),
  describeRule(messageByName('VHOST_USER_POSTCOPY_END'), {
    name: 'VHOST_USER_POSTCOPY_END',
    payload: [emptyPayload],
    answer: 'own-reply',
    handle: ({ postcopy }) => ({ kind: 'reply', payload: u64Bytes(postcopy.end()) }),
  }),
];
