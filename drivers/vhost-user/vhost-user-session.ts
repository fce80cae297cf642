import type { Guest } from '../../reference-impl/memory/guest.ts';
import type { Region } from '../../reference-impl/memory/region.ts';
import { areaAddresses } from '../../reference-impl/virtqueue/area-addresses.ts';
import type { GuestRing } from '../../reference-impl/virtqueue/ring.ts';
import {
  bit,
  VHOST_USER_VRING_NOFD_MASK,
  vhostIotlbPermissions,
  vhostIotlbType,
  vhostUserVirtioFeatures,
} from '../../reference-impl/wire/vhost-user-constants.ts';
import { type MessageName, requestId } from '../../reference-impl/wire/vhost-user-messages.ts';
import { encodeVringBase } from '../../reference-impl/wire/vring-base.ts';
import { DriverUsageError, IutGoneError, PeerProtocolError, UnansweredError } from '../errors.ts';
import { describeExit } from '../iut-process/process-exit.ts';
import type {
  AttachOptions,
  ControlOutcome,
  Exchange,
  FeatureWord,
  Fence,
  Negotiated,
  Negotiation,
  OfferWord,
  OutgoingMessage,
  Queue,
  Translations,
  VhostUserMessages,
  VhostUserSession,
} from '../port/port.ts';
import { type RingSetUpMessage, ringSetUp } from '../port/ring-set-up.ts';
import { descriptorOfRegion } from '../session/guest-memory.ts';
import { driverRingOptions } from '../session/ring-features.ts';
import type { SessionContext } from '../session/session-context.ts';
import { BackEndChannel } from './back-end-channel.ts';
import type { Channel } from './channel.ts';
import { featureAnswer } from './feature-answer.ts';
import { MessageDoor } from './message-door.ts';
import { type NegotiatedWords, u64Of } from './negotiated-words.ts';
import { requestName } from './outgoing-messages.ts';
import { VhostUserDevice } from './session-device.ts';
import { VhostUserQueue } from './vhost-user-queue.ts';

/** A message of a ring that takes a descriptor, or says by a bit that there is none. */
function withDescriptor(request: number, index: number, descriptor: number): OutgoingMessage {
  const u64 = BigInt(index) | (descriptor < 0 ? VHOST_USER_VRING_NOFD_MASK : 0n);
  return { request, payload: { u64 }, descriptors: descriptor < 0 ? [] : [descriptor] };
}

const protocolFeatures = bit(vhostUserVirtioFeatures.VHOST_USER_F_PROTOCOL_FEATURES);

/** One vhost-user connection: the well-behaved front-end, and the raw door beside it. */
export class FrontEndSession implements VhostUserSession {
  readonly id: number;
  readonly device: VhostUserDevice;
  readonly #context: SessionContext;
  readonly #door: MessageDoor;
  readonly #queues: VhostUserQueue[] = [];
  #guest: Guest | undefined;
  #isPrepared = false;

  constructor(context: SessionContext, channel: Channel, id: number) {
    this.id = id;
    this.#context = context;
    this.#door = new MessageDoor(
      context,
      channel,
      id,
      (policy) =>
        new BackEndChannel(context, id, policy, {
          serveMiss: (iova) => this.#serveMiss(iova),
          notified: (what, index) => {
            for (const queue of this.#queues) {
              if (queue.index === index) queue.notifiedInBand(what);
            }
          },
        }),
    );
    this.device = new VhostUserDevice(this.#door);
  }

  get isOpen(): boolean {
    return this.#door.isOpen;
  }

  get desync(): string | undefined {
    return this.#door.desync;
  }

  get unanswered(): string | undefined {
    return this.#door.unanswered;
  }

  get negotiated(): Negotiated {
    return this.#door.words.copy();
  }

  get messages(): VhostUserMessages {
    return this.#door;
  }

  readFeatures(which: OfferWord, deadlineMs?: number): FeatureWord {
    if (which === 'backend-features') throw new DriverUsageError('vhost-user has no backend-features');
    const request = which === 'features' ? 'VHOST_USER_GET_FEATURES' : 'VHOST_USER_GET_PROTOCOL_FEATURES';
    const answer = this.#door.exchange({ request }, deadlineMs);
    if (answer.kind !== 'reply') return answer;
    return featureAnswer(answer.message, request);
  }

  fence(deadlineMs?: number): Fence {
    const answer = this.#door.fence(deadlineMs);
    return answer.kind === 'reply' ? { kind: 'passed' } : answer;
  }

  prepare({ protocol = 0n }: Negotiation): void {
    this.#sendAll(this.#preparations(protocol));
    this.#isPrepared = true;
  }

  negotiate({ device = 0n, protocol = 0n }: Negotiation): Negotiated {
    const messages = this.#isPrepared ? [] : this.#preparations(protocol);
    this.#isPrepared = false;
    const u64 = device & this.#door.words.offered;
    messages.push({ request: requestId.VHOST_USER_SET_FEATURES, payload: { u64 } });
    this.#sendAll(messages);
    return this.negotiated;
  }

  /** Becomes the owner and asks what is offered; the messages that acknowledge protocol features are still to be sent. */
  #preparations(protocol: bigint): OutgoingMessage[] {
    this.#sendAll([{ request: requestId.VHOST_USER_SET_OWNER }]);
    if ((this.#wordOf('VHOST_USER_GET_FEATURES') & protocolFeatures) === 0n) return [];
    const u64 = protocol & this.#wordOf('VHOST_USER_GET_PROTOCOL_FEATURES');
    return [{ request: requestId.VHOST_USER_SET_PROTOCOL_FEATURES, payload: { u64 } }];
  }

  shareMemory(guest: Guest, translations: Translations = 'with-memory'): ControlOutcome {
    this.#guest = guest;
    const { hasGuestAddresses } = this.#door.words;
    const regions = guest.regions.map(({ guestAddress, size, userAddress, mmapOffset }) => ({
      guestAddress,
      size: BigInt(size),
      userAddress: hasGuestAddresses ? guestAddress : userAddress,
      mmapOffset,
    }));
    const answer = this.#context.oracle.sharing(() =>
      this.#door.acknowledged({
        request: 'VHOST_USER_SET_MEM_TABLE',
        payload: { numRegions: regions.length, regions },
        descriptors: guest.regions.map(descriptorOfRegion),
      }),
    );
    if (!this.#door.words.hasAccessPlatform || translations === 'at-miss') return answer;
    for (const region of guest.regions) {
      if (answer.kind !== 'done' || !this.isOpen) return answer;
      const told = this.#door.acknowledged(iotlbUpdate(region, this.#door.words));
      if (told.kind !== 'done') return told;
    }
    return answer;
  }

  attach<R extends GuestRing>(ring: R, options: AttachOptions): Queue<R> {
    const { index, position = ring.position, enable = true, call = true, kick = true } = options;
    const { addresses: sent } = this.#door.words;
    const accepted = this.negotiated.accepted.device;
    const side = { space: sent.buffer, accepted, guest: this.#guest };
    const driver = driverRingOptions(side, position, options);
    const queue = new VhostUserQueue({
      context: this.#context,
      door: this.#door,
      session: this.id,
      ring,
      index,
      driver,
      side,
      kicks: options.kicks,
      hasCall: call,
      hasKick: kick,
      settle: () => this.#settle(),
    });
    this.#queues.push(queue);
    const { descriptor, driver: available, device: used } = areaAddresses(ring, sent);
    const num = encodeVringBase(position);
    const addresses = { index, flags: 0, descriptor, used, available, log: 0n };
    const messages: Readonly<Record<RingSetUpMessage, OutgoingMessage>> = {
      VHOST_USER_SET_VRING_NUM: {
        request: requestId.VHOST_USER_SET_VRING_NUM,
        payload: { index, num: ring.size },
      },
      VHOST_USER_SET_VRING_BASE: { request: requestId.VHOST_USER_SET_VRING_BASE, payload: { index, num } },
      VHOST_USER_SET_VRING_ADDR: { request: requestId.VHOST_USER_SET_VRING_ADDR, payload: addresses },
      VHOST_USER_SET_VRING_CALL: withDescriptor(requestId.VHOST_USER_SET_VRING_CALL, index, queue.callFd),
      VHOST_USER_SET_VRING_ERR: withDescriptor(requestId.VHOST_USER_SET_VRING_ERR, index, queue.errorFd),
      VHOST_USER_SET_VRING_KICK: withDescriptor(requestId.VHOST_USER_SET_VRING_KICK, index, queue.kickFd),
      VHOST_USER_SET_VRING_ENABLE: {
        request: requestId.VHOST_USER_SET_VRING_ENABLE,
        payload: { index, num: 1 },
      },
    };
    const enables = enable && this.#door.words.hasRingEnable;
    const order = options.order ?? this.#context.facts.setUpOrder ?? ringSetUp;
    const told = order.filter((name) => enables || name !== 'VHOST_USER_SET_VRING_ENABLE');
    this.#sendAll(told.map((name) => messages[name]));
    return queue;
  }

  close(): void {
    for (const queue of this.#queues) queue.release();
    if (this.isOpen) this.#context.closing?.();
    this.#door.close();
  }

  /** Signals at the start of rings are not calls: with a fence all of them have come, and are forgotten. */
  #settle(): void {
    if (this.isOpen && !this.#door.isFenced) this.#door.fence();
    for (const queue of this.#queues) queue.takeBaseline();
  }

  #sendAll(messages: readonly OutgoingMessage[]): void {
    const unsent = messages[this.#door.sendAll(messages)];
    if (unsent === undefined) return;
    const exit = this.#context.exit();
    this.#fail(unsent, exit === undefined ? { kind: 'closed' } : { kind: 'died', exit });
  }

  #wordOf(request: MessageName): bigint {
    const answer = this.#door.replyTo({ request });
    if (answer.kind !== 'reply') this.#fail({ request }, answer);
    if (answer.message.payload.length !== 8) {
      throw new PeerProtocolError(`the reply to ${request} has ${answer.message.size} bytes of payload and not 8`);
    }
    return u64Of(answer.message);
  }

  #fail(message: OutgoingMessage, result: Exclude<Exchange, { kind: 'reply' }>): never {
    const name = typeof message.request === 'string' ? message.request : requestName(message.request);
    switch (result.kind) {
      case 'closed':
        throw new PeerProtocolError(`the back-end closed the connection at ${name}`);
      case 'died':
        throw new IutGoneError(`the back-end died at ${name}: ${describeExit(result.exit)}`);
      case 'silent':
        throw new UnansweredError(`no reply to ${name} within ${result.waitedMs} ms`);
    }
  }

  #serveMiss(iova: bigint): boolean {
    const region = this.#guest?.regions.find(
      (one) => iova >= one.ioVirtualAddress && iova < one.ioVirtualAddress + BigInt(one.size),
    );
    if (region === undefined) return false;
    this.#door.sendUnawaited(iotlbUpdate(region, this.#door.words));
    return true;
  }
}

const iotlbUpdate = (
  { ioVirtualAddress, size, userAddress, guestAddress }: Region,
  { hasGuestAddresses }: NegotiatedWords,
): OutgoingMessage => ({
  request: 'VHOST_USER_IOTLB_MSG',
  payload: {
    iova: ioVirtualAddress,
    size: BigInt(size),
    userAddress: hasGuestAddresses ? guestAddress : userAddress,
    permissions: vhostIotlbPermissions.readWrite,
    type: vhostIotlbType.VHOST_IOTLB_UPDATE,
  },
});
