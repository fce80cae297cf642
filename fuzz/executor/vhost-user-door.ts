import {
  type Exchange,
  type Guest,
  type OutgoingMessage,
  PeerProtocolError,
  type VhostUserMessages,
  type VhostUserSession,
} from '../../drivers/port/port.ts';
import { VHOST_USER_NEED_REPLY_MASK, vhostIotlbType } from '../../reference-impl/wire/vhost-user-constants.ts';
import { messageById, requestId } from '../../reference-impl/wire/vhost-user-messages.ts';
import { memoryRegionsPayload, singleMemoryRegionPayload } from '../../reference-impl/wire/vhost-user-payloads.ts';
import type { CallOf } from '../program/program.ts';
import { type DoorOutcome, sent, type ToldMapping, type ToldRegion, type TransportDoor } from './transport-door.ts';

const getFeatures: OutgoingMessage = { request: requestId.VHOST_USER_GET_FEATURES };
/** Descriptors that travel with one message of Linux. */
const mostDescriptors = 250;
/** Answers that are read to a message, before the fence behind it counts as unanswered. */
const mostAnswers = 8;

/** The raw door of vhost-user. Behind each message stands a fence, so that none is waited for in vain. */
export class VhostUserDoor implements TransportDoor {
  readonly vfio = undefined;
  readonly #session: VhostUserSession;
  readonly #messages: VhostUserMessages;

  constructor(session: VhostUserSession) {
    this.#session = session;
    this.#messages = session.messages;
  }

  shareUntold(guest: Guest): DoorOutcome {
    return this.#session.shareMemory(guest, 'at-miss');
  }

  negotiateExactly({ device, protocol }: CallOf<'negotiate'>): DoorOutcome {
    const messages = this.#messages;
    messages.send({ request: requestId.VHOST_USER_SET_OWNER });
    // Its answer is read here: a later fence would take it for its own.
    const offer = messages.exchange(getFeatures);
    if (offer.kind !== 'reply') return offer;
    messages.send({ request: requestId.VHOST_USER_SET_PROTOCOL_FEATURES, payload: { u64: protocol } });
    return fenced(messages, { request: requestId.VHOST_USER_SET_FEATURES, payload: { u64: device } });
  }

  message(
    { request, flags, declared, truncate, piece, unfenced }: CallOf<'message'>,
    payload: Uint8Array,
    descriptors: readonly number[],
  ): DoorOutcome {
    const message: OutgoingMessage = {
      request,
      flags,
      payload,
      descriptors: descriptors.slice(0, mostDescriptors),
      ...(declared === undefined ? {} : { declaredSize: declared }),
      ...(truncate === undefined ? {} : { truncateTo: truncate }),
      ...(piece === undefined ? {} : { pieces: [piece] }),
    };
    return unfenced ? merelySent(this.#messages, message) : fenced(this.#messages, message);
  }

  bytes(bytes: Uint8Array, descriptors: readonly number[]): DoorOutcome {
    const result = this.#messages.sendBytes(bytes, descriptors.slice(0, mostDescriptors));
    return result === 'sent' ? sent : gone(this.#messages);
  }

  memoryTable(regions: readonly ToldRegion[], count: number): DoorOutcome {
    const payload = new Uint8Array(memoryRegionsPayload.sizeOf({ numRegions: count, regions }));
    memoryRegionsPayload.encode({ numRegions: count, regions }, new DataView(payload.buffer), 0);
    const request = requestId.VHOST_USER_SET_MEM_TABLE;
    return fenced(this.#messages, { request, payload, descriptors: filesOf(regions) });
  }

  memorySlot(how: 'add' | 'remove', region: ToldRegion): DoorOutcome {
    const payload = new Uint8Array(singleMemoryRegionPayload.size);
    singleMemoryRegionPayload.encode(region, new DataView(payload.buffer), 0);
    if (how === 'remove') return fenced(this.#messages, { request: requestId.VHOST_USER_REM_MEM_REG, payload });
    return fenced(this.#messages, {
      request: requestId.VHOST_USER_ADD_MEM_REG,
      payload,
      descriptors: filesOf([region]),
    });
  }

  translate({ ioVirtualAddress, userAddress, size }: ToldMapping, permissions: number): DoorOutcome {
    const type = vhostIotlbType.VHOST_IOTLB_UPDATE;
    const payload = { iova: ioVirtualAddress, size, userAddress, permissions, type };
    // The driver may answer a miss meanwhile: it tells its answer from that one.
    return this.#messages.acknowledged({ request: requestId.VHOST_USER_IOTLB_MSG, payload });
  }

  dropTranslation({ ioVirtualAddress, userAddress, size }: ToldMapping): DoorOutcome {
    const type = vhostIotlbType.VHOST_IOTLB_INVALIDATE;
    const payload = { iova: ioVirtualAddress, size, userAddress, permissions: 0, type };
    return this.#messages.acknowledged({ request: requestId.VHOST_USER_IOTLB_MSG, payload });
  }

  channel(policy: CallOf<'channel'>['policy']): DoorOutcome {
    return this.#messages.openBackEndChannel({ kind: policy });
  }

  shutdown(how: 'write' | 'both'): DoorOutcome {
    this.#messages.shutdown(how);
    return sent;
  }
}

const filesOf = (regions: readonly ToldRegion[]): number[] =>
  regions.flatMap(({ descriptor }) => (descriptor < 0 ? [] : [descriptor])).slice(0, mostDescriptors);

function merelySent(messages: VhostUserMessages, message: OutgoingMessage): DoorOutcome {
  return messages.send(message) === 'sent' ? sent : gone(messages);
}

/** What is behind a failure to send: the end of the connection, or of the process. */
function gone(messages: VhostUserMessages): DoorOutcome {
  const answer = messages.receive(0);
  return answer.kind === 'reply' ? { kind: 'closed' } : answer;
}

/**
 * Sends, then fences. The first message ahead of the answer to the fence is the reply. Where the fence is not answered, that
 * is what came of it.
 */
function fenced(messages: VhostUserMessages, message: OutgoingMessage): DoorOutcome {
  if (messages.send(message) !== 'sent') return gone(messages);
  const asksFeatures = Number(message.request) === requestId.VHOST_USER_GET_FEATURES;
  let reply: Uint8Array | undefined;
  let answer: Exchange = messages.exchange(getFeatures);
  for (let answers = 0; answers < mostAnswers; answers++) {
    if (answer.kind !== 'reply') return answer;
    const isOfFence = answer.message.request === requestId.VHOST_USER_GET_FEATURES;
    if (isOfFence && (!asksFeatures || reply !== undefined)) {
      return reply === undefined ? { kind: 'done', by: 'fence' } : outcomeOf(message, reply);
    }
    reply ??= answer.message.payload;
    answer = messages.receive();
  }
  throw new PeerProtocolError(`${mostAnswers} messages came ahead of the answer to a fence`);
}

/** Eight bytes in answer to a message that has no reply of its own are its acknowledgement. */
function outcomeOf({ request, flags = 1 }: OutgoingMessage, reply: Uint8Array): DoorOutcome {
  const hasOwnReply = messageById('front-end', Number(request))?.reply !== undefined;
  if (hasOwnReply || (flags & VHOST_USER_NEED_REPLY_MASK) === 0 || reply.length !== 8) {
    return { kind: 'answered', bytes: reply };
  }
  const value = new DataView(reply.buffer, reply.byteOffset).getBigUint64(0, true);
  return value === 0n ? { kind: 'done', by: 'acknowledgement' } : { kind: 'refused', by: 'acknowledgement', value };
}
