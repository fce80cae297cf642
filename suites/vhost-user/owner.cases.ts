import type { OutgoingMessage } from '../../drivers/port/port.ts';
import { defineCase } from '../case.ts';
import { tableOf } from './memory-table.ts';
import { stillServes } from './refusal.ts';
import { setBase, setDescriptor, setEnable, setNum } from './ring-messages.ts';
import { featureBit } from './words.ts';

/** Messages before SET_OWNER, and a second one, which no text allows (vhost-user, "VHOST_USER_SET_OWNER"). */

export const beforeOwner = defineCase({
  id: 'vhost-user/owner/messages-before-set-owner-are-survived',
  title: 'messages before SET_OWNER, or between two of them, are carried out or refused, and the back-end serves on',
  proves: {
    'vu-features/messages-before-set-owner-survived': [
      'messages-before-set-owner-crash',
      'messages-before-set-owner-hang',
    ],
  },
  applies: { start: 'closed', transports: ['vhost-user'], ring: 'none' },
  run({ port, connect, guest, points, requirement }) {
    const check = requirement('vu-features/messages-before-set-owner-survived');
    const owner = { request: 'VHOST_USER_SET_OWNER' };
    const u64 = featureBit.PROTOCOL_FEATURES | featureBit.VERSION_1;
    const table = tableOf(port, guest);
    const all: { readonly key: string; readonly messages: readonly OutgoingMessage[] }[] = [
      { key: 'SET_FEATURES', messages: [{ request: 'VHOST_USER_SET_FEATURES', payload: { u64 } }] },
      { key: 'GET_PROTOCOL_FEATURES', messages: [{ request: 'VHOST_USER_GET_PROTOCOL_FEATURES' }] },
      { key: 'SET_VRING_NUM', messages: [setNum(0, 16)] },
      { key: 'SET_VRING_BASE', messages: [setBase(0, 0)] },
      { key: 'SET_VRING_CALL', messages: [setDescriptor('CALL', 0)] },
      { key: 'SET_VRING_ENABLE', messages: [setEnable(0, 0)] },
      { key: 'SET_MEM_TABLE', messages: [table] },
      { key: 'RESET_OWNER', messages: [{ request: 'VHOST_USER_RESET_OWNER' }] },
      { key: 'SET_OWNER twice', messages: [owner, owner] },
      { key: 'SET_MEM_TABLE between two SET_OWNER', messages: [owner, table, owner] },
    ];
    points(all, ({ key, messages }) => {
      const session = connect('connected');
      for (const message of messages) session.messages.send(message);
      stillServes(port, session, check, `service after ${key}`);
      session.close();
    });
  },
});
