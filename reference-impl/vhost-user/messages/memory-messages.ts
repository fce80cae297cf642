import { messageByName } from '../../wire/vhost-user-messages.ts';
import { emptyPayload, memoryRegionsPayload, singleMemoryRegionPayload } from '../../wire/vhost-user-payloads.ts';
import { done, refused } from '../handled.ts';
import { describeRule, type MessageTable } from '../message-rule.ts';
import { u64Bytes } from '../reply-payloads.ts';

/**
 * Descriptors of regions are closed once the region is mapped: the mapping keeps the memory.
 * Rings that run are found anew in the memory that changed, before what is gone is unmapped.
 */
export const memoryMessages: MessageTable = [
  describeRule(messageByName('VHOST_USER_SET_MEM_TABLE'), {
    name: 'VHOST_USER_SET_MEM_TABLE',
    payload: [memoryRegionsPayload],
    handle: (session, { regions }, { descriptors }) => {
      const why = session.memory.replace(regions, descriptors, () => session.rings.reattach());
      return why === undefined ? done : refused(why);
    },
  }),
  describeRule(messageByName('VHOST_USER_GET_MAX_MEM_SLOTS'), {
    name: 'VHOST_USER_GET_MAX_MEM_SLOTS',
    payload: [emptyPayload],
    answer: 'own-reply',
    handle: (session) => ({
      kind: 'reply',
      payload: u64Bytes(BigInt(session.rules.memory.toldSlots(session.rules.memory.slots))),
    }),
  }),
  describeRule(messageByName('VHOST_USER_ADD_MEM_REG'), {
    name: 'VHOST_USER_ADD_MEM_REG',
    payload: [singleMemoryRegionPayload],
    handle: (session, region, { descriptors: [token] }) => {
      const why = token === undefined ? 'no descriptor' : session.memory.add(region, token);
      if (why !== undefined) return refused(why);
      session.rings.reattach();
      return done;
    },
  }),
  describeRule(messageByName('VHOST_USER_REM_MEM_REG'), {
    name: 'VHOST_USER_REM_MEM_REG',
    payload: [singleMemoryRegionPayload],
    // A front-end should pass none; one is tolerated, and closed unused.
    descriptors: () => ({ minimum: 0, maximum: 1 }),
    handle: (session, region) => {
      const why = session.memory.remove(region, () => session.rings.reattach());
      return why === undefined ? done : refused(why);
    },
  }),
];
