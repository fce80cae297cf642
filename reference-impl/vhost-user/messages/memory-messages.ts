import { messageByName } from '../../wire/vhost-user-messages.ts';
import {
  emptyPayload,
  memoryRegionsPayload,
  type PayloadValue,
  singleMemoryRegionPayload,
  u64Payload,
} from '../../wire/vhost-user-payloads.ts';
import { done, type Handled, refused } from '../handled.ts';
import { describeRule, type MessageTable } from '../message-rule.ts';
import type { Postcopy } from '../postcopy.ts';
import { encoded, u64Bytes } from '../reply-payloads.ts';

/** Of the reply to memory that was told of in postcopy. */
type Acknowledgement = PayloadValue<typeof emptyPayload> | PayloadValue<typeof u64Payload>;

function acknowledged(postcopy: Postcopy): Handled {
  if (!postcopy.awaitsAcknowledgement) return refused('an acknowledgement of no reply');
  postcopy.acknowledged();
  return done;
}

/**
 * Descriptors of regions are closed once the region is mapped: the mapping keeps the memory.
 * Rings that run are found anew in the memory that changed, before what is gone is unmapped.
 */
export const memoryMessages: MessageTable = [
  describeRule<PayloadValue<typeof memoryRegionsPayload> | Acknowledgement>(messageByName('VHOST_USER_SET_MEM_TABLE'), {
    name: 'VHOST_USER_SET_MEM_TABLE',
    payload: [memoryRegionsPayload, emptyPayload],
    handle: (session, value, { descriptors }) => {
      const { memory, postcopy, rings } = session;
      // The text has it empty; implementations send a table of no regions.
      if (!('regions' in value) || (postcopy.awaitsAcknowledgement && value.numRegions === 0)) {
        return acknowledged(postcopy);
      }
      const { numRegions, regions } = value;
      const why = memory.replace(regions, descriptors, () => rings.reattach());
      if (why !== undefined) return refused(why);
      if (!postcopy.isListening) return done;
      return { kind: 'reply', payload: encoded(memoryRegionsPayload, { numRegions, regions: postcopy.told(regions) }) };
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
  describeRule<PayloadValue<typeof singleMemoryRegionPayload> | Acknowledgement>(
    messageByName('VHOST_USER_ADD_MEM_REG'),
    {
      name: 'VHOST_USER_ADD_MEM_REG',
      // QEMU acknowledges all replies by one u64, where the text has an empty message.
      payload: [singleMemoryRegionPayload, emptyPayload, u64Payload],
      descriptors: (value) => ('guestAddress' in value ? { minimum: 1, maximum: 1 } : { minimum: 0, maximum: 0 }),
      handle: (session, value, { descriptors: [token] }) => {
        const { memory, postcopy, rings } = session;
        if (!('guestAddress' in value)) return acknowledged(postcopy);
        const why = token === undefined ? 'no descriptor' : memory.add(value, token);
        if (why !== undefined) return refused(why);
        rings.reattach();
        const [told] = postcopy.isListening ? postcopy.told([value]) : [];
        return told === undefined ? done : { kind: 'reply', payload: encoded(singleMemoryRegionPayload, told) };
      },
    },
  ),
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
