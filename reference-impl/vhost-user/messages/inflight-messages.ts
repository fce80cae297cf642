import { ringLayoutOf } from '../../virtqueue/feature-bits.ts';
import { messageByName } from '../../wire/vhost-user-messages.ts';
import { inflightPayload, packedInflightPayload } from '../../wire/vhost-user-payloads.ts';
import { isRefusedMap } from '../back-end-edge.ts';
import { done, refused } from '../handled.ts';
import { InflightBuffer } from '../inflight-buffer.ts';
import { describeRule, type MessageTable } from '../message-rule.ts';
import { encoded } from '../reply-payloads.ts';

/** Implementations send the C structure with its padding, 24 bytes; the text's fields add up to 20. Both are taken, and the first is sent. */
const forms = [inflightPayload, packedInflightPayload] as const;

export const inflightMessages: MessageTable = [
  describeRule(messageByName('VHOST_USER_GET_INFLIGHT_FD'), {
    name: 'VHOST_USER_GET_INFLIGHT_FD',
    payload: forms,
    answer: 'own-reply',
    handle: (session, { numQueues, queueSize }) => {
      const { inflight } = session.rules;
      const size = inflight.bufferSize(numQueues, queueSize, ringLayoutOf(session.device.features));
      const made = session.edge.createSharedMemory('vhost-user-inflight', size);
      if (made === undefined) return refused('no memory');
      const value = { ...inflight.told(size), numQueues, queueSize };
      return { kind: 'reply', payload: encoded(inflightPayload, value), descriptors: [made.token] };
    },
  }),
  describeRule(messageByName('VHOST_USER_SET_INFLIGHT_FD'), {
    name: 'VHOST_USER_SET_INFLIGHT_FD',
    payload: forms,
    handle: (session, { mmapSize, mmapOffset, queueSize }, { descriptors: [token] }) => {
      const { inflight } = session.rules;
      if (token === undefined) return refused('no descriptor');
      const memory = session.edge.mapRegion(token, mmapSize, mmapOffset);
      if (isRefusedMap(memory)) return refused(memory.refused);
      const before = session.inflight;
      session.inflight = new InflightBuffer(memory, inflight, queueSize);
      // Rings that run record in it from now on, and no more in the one before.
      session.rings.reattach();
      before?.release();
      return done;
    },
  }),
];
