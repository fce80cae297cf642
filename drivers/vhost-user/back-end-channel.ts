import { encodeU64MessageInto } from '../../reference-impl/wire/vhost-user-codec.ts';
import {
  VHOST_USER_HEADER_SIZE,
  VHOST_USER_NEED_REPLY_MASK,
  VHOST_USER_REPLY_FLAGS,
  vhostIotlbType,
} from '../../reference-impl/wire/vhost-user-constants.ts';
import { requestId } from '../../reference-impl/wire/vhost-user-messages.ts';
import { closeFd, socketPair } from '../native/native.ts';
import type { BackEndRequestPolicy, ReceivedMessage } from '../port/port.ts';
import type { SessionContext } from '../session/session-context.ts';
import { MessageStream } from './message-stream.ts';
import { u32At, u64Of } from './negotiated-words.ts';
import { SocketChannel } from './socket-channel.ts';

/** What a served request may need of the session. */
export interface BackEndServices {
  /** Answers an IOTLB miss with an update; false where no region lies there. */
  serveMiss(iova: bigint): boolean;
  /** VHOST_USER_BACKEND_VRING_CALL and _ERR: an in-band notification. */
  notified(what: 'call' | 'err', index: number): void;
}

const iotlbTypeOffset = 25;
/** What a front-end takes note of, and there is nothing to do here: cases look at what came. */
const heeded: ReadonlySet<number> = new Set([
  requestId.VHOST_USER_BACKEND_CONFIG_CHANGE_MSG,
  requestId.VHOST_USER_BACKEND_VRING_HOST_NOTIFIER_MSG,
  requestId.VHOST_USER_BACKEND_SHARED_OBJECT_ADD,
  requestId.VHOST_USER_BACKEND_SHARED_OBJECT_REMOVE,
  requestId.VHOST_USER_BACKEND_SHMEM_MAP,
  requestId.VHOST_USER_BACKEND_SHMEM_UNMAP,
]);
/** Requests that are kept for cases to look at. */
const mostRequests = 4096;

/** Our side of the channel on which the back-end makes requests; each is answered as it comes, by the policy. */
export class BackEndChannel {
  readonly requests: ReceivedMessage[] = [];
  readonly #policy: BackEndRequestPolicy;
  readonly #services: BackEndServices;
  readonly #stream: MessageStream;
  readonly #reply = new Uint8Array(VHOST_USER_HEADER_SIZE + 8);
  readonly #replyView = new DataView(this.#reply.buffer);
  #farEnd: number;
  #isAnswering = false;
  /** The back-end does not read our replies. */
  #isDeaf = false;

  constructor(context: SessionContext, session: number, policy: BackEndRequestPolicy, services: BackEndServices) {
    this.#policy = policy;
    this.#services = services;
    const [near, far] = socketPair();
    this.#farEnd = far;
    this.#stream = new MessageStream({
      channel: new SocketChannel(near),
      log: context.log,
      set: context.waiting.set,
      side: 1,
      session,
      adopt: (descriptors) => context.adopt(descriptors),
    });
    this.#stream.onMessage = () => this.#answerAll();
  }

  /** The end to pass to the back-end. Close ours with `closeFarEnd` once it is sent. */
  takeFarEnd(): number {
    return this.#farEnd;
  }

  closeFarEnd(): void {
    if (this.#farEnd < 0) return;
    closeFd(this.#farEnd);
    this.#farEnd = -1;
  }

  close(): void {
    this.closeFarEnd();
    this.#stream.close();
  }

  /** Not again from within: what is sent meanwhile may bring further requests. */
  #answerAll(): void {
    if (this.#isAnswering) return;
    this.#isAnswering = true;
    const { inbox } = this.#stream;
    for (let message = inbox.shift(); message !== undefined; message = inbox.shift()) {
      if (this.requests.length < mostRequests) this.requests.push(message);
      this.#answer(message);
    }
    this.#isAnswering = false;
  }

  #answer(message: ReceivedMessage): void {
    const answer = this.#answerOf(message);
    if (this.#isDeaf || answer === 'withhold' || (message.flags & VHOST_USER_NEED_REPLY_MASK) === 0) return;
    const length = encodeU64MessageInto(this.#replyView, 0, message.request, VHOST_USER_REPLY_FLAGS, answer);
    // A reply that the back-end leaves unread would hold us up, and those behind it.
    if (this.#stream.send(this.#reply, 0, length, null, 0, 0) !== 'sent') this.#isDeaf = true;
  }

  #answerOf(message: ReceivedMessage): bigint | 'withhold' {
    switch (this.#policy.kind) {
      case 'serve':
        return this.#serve(message) ? 0n : 1n;
      case 'withhold':
        return 'withhold';
      case 'refuse':
        return 1n;
      case 'script':
        return this.#policy.answer(message);
    }
  }

  #serve(message: ReceivedMessage): boolean {
    switch (message.request) {
      case requestId.VHOST_USER_BACKEND_IOTLB_MSG:
        if (message.payload[iotlbTypeOffset] !== vhostIotlbType.VHOST_IOTLB_MISS) return true;
        return this.#services.serveMiss(u64Of(message));
      case requestId.VHOST_USER_BACKEND_VRING_CALL:
        this.#services.notified('call', u32At(message, 0));
        return true;
      case requestId.VHOST_USER_BACKEND_VRING_ERR:
        this.#services.notified('err', u32At(message, 0));
        return true;
    }
    return heeded.has(message.request);
  }
}
