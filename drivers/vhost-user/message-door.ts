import { hasOwnReply } from '../../reference-impl/wire/message-description.ts';
import {
  VHOST_USER_NEED_REPLY_MASK,
  VHOST_USER_REQUEST_FLAGS,
} from '../../reference-impl/wire/vhost-user-constants.ts';
import { messageById, requestId } from '../../reference-impl/wire/vhost-user-messages.ts';
import { DriverUsageError, PeerProtocolError } from '../errors.ts';
import { maxMessageFds, monotonicUs } from '../native/native.ts';
import type {
  BackEndRequestPolicy,
  ControlOutcome,
  Exchange,
  IutExit,
  OutgoingMessage,
  PageServer,
  ReceivedMessage,
  VhostUserMessages,
} from '../port/port.ts';
import { deadlineIn } from '../session/deadline.ts';
import type { SessionContext } from '../session/session-context.ts';
import type { BackEndChannel } from './back-end-channel.ts';
import type { Channel } from './channel.ts';
import { MessageStream } from './message-stream.ts';
import { NegotiatedWords, u64Of } from './negotiated-words.ts';
import { expectedReplyLength, OutgoingBuffer, requestName, requestNumber } from './outgoing-messages.ts';
import { UserfaultServer } from './userfault-server.ts';

/** Shared by all doors: what is put there is sent before anything else is. */
const stagedDescriptors = new Int32Array(maxMessageFds);
const outgoing = new OutgoingBuffer();
const batchLimit = 16;
const stagedLengths = new Int32Array(batchLimit);
const stagedCounts = new Int32Array(batchLimit);

/** How long a piece may lie unread before the next one follows anyway. */
const pieceReadWithinUs = 50_000;

/** How long a back-end may take to close its end of a connection. */
const endedWithinUs = 100_000;

const getFeatures: OutgoingMessage = { request: requestId.VHOST_USER_GET_FEATURES };

type Gone = { readonly kind: 'closed' } | { readonly kind: 'died'; readonly exit: IutExit };

/** The raw door of one connection: any message and any bytes, and what comes back. */
export class MessageDoor implements VhostUserMessages {
  readonly words = new NegotiatedWords();
  readonly #context: SessionContext;
  readonly #channel: Channel;
  readonly #stream: MessageStream;
  /** Requests whose reply was not there at the deadline: it may still come, and answers nothing then. */
  readonly #owed: number[] = [];
  readonly #openChannel: (policy: BackEndRequestPolicy) => BackEndChannel;
  #backEnd: BackEndChannel | undefined;
  readonly #pages: UserfaultServer[] = [];
  #desync: string | undefined;
  /** The request whose reply was waited for in vain last, until the next is. */
  #unanswered: number | undefined;
  #isFenced = true;

  constructor(
    context: SessionContext,
    channel: Channel,
    session: number,
    openChannel: (policy: BackEndRequestPolicy) => BackEndChannel,
  ) {
    this.#context = context;
    this.#channel = channel;
    this.#openChannel = openChannel;
    this.#stream = new MessageStream({
      channel,
      log: context.log,
      set: context.waiting.set,
      side: 0,
      session,
      adopt: (descriptors) => context.adopt(descriptors),
    });
  }

  get isOpen(): boolean {
    return this.#stream.state === 'open';
  }

  get desync(): string | undefined {
    return this.#desync ?? this.#stream.broken;
  }

  get unanswered(): string | undefined {
    const request = this.#unanswered;
    if (request === undefined || this.#stream.inbox.some((message) => message.request === request)) return undefined;
    return requestName(request);
  }

  /** Whether all that was sent is known to have been handled. */
  get isFenced(): boolean {
    return this.#isFenced;
  }

  get backEndRequests(): readonly ReceivedMessage[] {
    return this.#backEnd?.requests ?? [];
  }

  send(message: OutgoingMessage): 'sent' | 'closed' | 'died' {
    return this.#sendWithin(message, deadlineIn(this.#context.deadlineMs));
  }

  /**
   * Sends up to 16 whole messages, one after the other in one step, and does not wait. Returns how many of them were
   * sent before the connection closed: all, unless it did.
   */
  sendAll(messages: readonly OutgoingMessage[]): number {
    const count = messages.length;
    if (count > batchLimit) throw new DriverUsageError(`${count} messages at once: at most ${batchLimit}`);
    let end = 0;
    let descriptors = 0;
    for (let n = 0; n < count; n++) {
      const message = messages[n] as OutgoingMessage;
      const length = outgoing.encode(message, this.words, end);
      this.words.sent(outgoing.view, length, end);
      stagedLengths[n] = length;
      stagedCounts[n] = message.descriptors === undefined ? 0 : this.#stage(message.descriptors, descriptors);
      descriptors += stagedCounts[n] as number;
      end += length;
    }
    this.#isFenced = false;
    const deadline = deadlineIn(this.#context.deadlineMs);
    const { bytes } = outgoing;
    const result = this.#stream.sendAll(bytes, stagedLengths, stagedDescriptors, stagedCounts, count, deadline);
    return this.#sent(result) === 'sent' ? count : this.#stream.sentWhole;
  }

  /** Sends a message and leaves it to later waits to pass over what answers it. */
  sendUnawaited(message: OutgoingMessage): void {
    const flags = VHOST_USER_REQUEST_FLAGS | (this.words.hasReplyAck ? VHOST_USER_NEED_REPLY_MASK : 0);
    if (this.send({ ...message, flags }) === 'sent') this.#owed.push(requestNumber(message.request));
  }

  sendBytes(bytes: Uint8Array, descriptors: readonly number[] = []): 'sent' | 'closed' | 'died' {
    this.#isFenced = false;
    const deadline = deadlineIn(this.#context.deadlineMs);
    return this.#sent(this.#piece(bytes, 0, bytes.length, this.#stage(descriptors), deadline));
  }

  exchange(message: OutgoingMessage, deadlineMs: number = this.#context.deadlineMs): Exchange {
    const deadline = deadlineIn(deadlineMs);
    const sent = this.#sendExpecting(message, deadline);
    if (sent !== 'sent' && this.#stream.inbox.length === 0) return this.#gone();
    const request = requestNumber(message.request);
    const result = this.#next(deadline, deadlineMs, true);
    if (result.kind === 'silent' || (result.kind === 'reply' && result.message.request !== request)) {
      if (this.#expectsReply(request, message.flags ?? VHOST_USER_REQUEST_FLAGS)) this.#owes(request, result.kind);
    } else if (result.kind === 'reply') {
      this.#isFenced = true;
    }
    return result;
  }

  receive(deadlineMs: number = this.#context.deadlineMs): Exchange {
    return this.#next(deadlineIn(deadlineMs), deadlineMs, false);
  }

  acknowledged(message: OutgoingMessage, deadlineMs: number = this.#context.deadlineMs): ControlOutcome {
    const deadline = deadlineIn(deadlineMs);
    if (!this.words.hasReplyAck) {
      const sent = this.#sendWithin(message, deadline);
      if (sent !== 'sent') return this.#gone();
      const fence = this.#fenceUntil(deadline, deadlineMs);
      return fence.kind === 'reply' ? { kind: 'done', by: 'fence' } : fence;
    }
    const flags = (message.flags ?? VHOST_USER_REQUEST_FLAGS) | VHOST_USER_NEED_REPLY_MASK;
    const sent = this.#sendExpecting({ ...message, flags }, deadline);
    if (sent !== 'sent' && this.#stream.inbox.length === 0) return this.#gone();
    const request = requestNumber(message.request);
    const answer = this.#replyTo(request, deadline, deadlineMs);
    if (answer.kind !== 'reply') return answer;
    if (answer.message.payload.length < 8) {
      throw new PeerProtocolError(
        `the acknowledgement of ${requestName(request)} has ${answer.message.size} bytes of payload and not 8`,
      );
    }
    const value = u64Of(answer.message);
    return value === 0n ? { kind: 'done', by: 'acknowledgement' } : { kind: 'refused', by: 'acknowledgement', value };
  }

  fence(deadlineMs: number = this.#context.deadlineMs): Exchange {
    return this.#fenceUntil(deadlineIn(deadlineMs), deadlineMs);
  }

  /** The reply to this very message; others that come before it are a desync and skipped. */
  replyTo(message: OutgoingMessage, deadlineMs: number = this.#context.deadlineMs): Exchange {
    const deadline = deadlineIn(deadlineMs);
    const sent = this.#sendExpecting(message, deadline);
    if (sent !== 'sent' && this.#stream.inbox.length === 0) return this.#gone();
    return this.#replyTo(requestNumber(message.request), deadline, deadlineMs);
  }

  /** An end that overtakes what was sent would leave it to chance whether that is read. */
  shutdown(how: 'write' | 'both'): void {
    if (this.isOpen && !this.#isFenced) this.#letThemRead(deadlineIn(this.#context.deadlineMs));
    this.#stream.shutdown(how);
  }

  openBackEndChannel(policy: BackEndRequestPolicy): ControlOutcome {
    this.#backEnd?.close();
    const channel = this.#openChannel(policy);
    this.#backEnd = channel;
    const descriptor = channel.takeFarEnd();
    try {
      return this.acknowledged({ request: 'VHOST_USER_SET_BACKEND_REQ_FD', descriptors: [descriptor] });
    } finally {
      channel.closeFarEnd();
    }
  }

  servePages(userfault: number): PageServer {
    const server = new UserfaultServer(this.#context, userfault);
    this.#pages.push(server);
    return server;
  }

  /** A back-end that turns away a connection while another is open must have seen the end of this one before the next. */
  close(): void {
    this.#backEnd?.close();
    for (const server of this.#pages.splice(0)) server.close();
    if (this.isOpen) {
      if (!this.#isFenced) this.#letThemRead(deadlineIn(this.#context.deadlineMs));
      if (this.#context.turnsOthersAway === true) this.#letThemEnd();
    }
    this.#stream.close();
  }

  #letThemEnd(): void {
    this.#stream.shutdown('write');
    this.#context.waiting.until(() => !this.isOpen, monotonicUs() + endedWithinUs);
  }

  #gone(): Gone {
    const exit = this.#context.exit() ?? this.#context.exitAfterClose();
    return exit === undefined ? { kind: 'closed' } : { kind: 'died', exit };
  }

  #sent(result: 'sent' | 'closed' | 'deadline'): 'sent' | 'closed' | 'died' {
    if (result === 'closed') return this.#gone().kind;
    if (result === 'deadline') this.#context.log.note('a message could be sent in part only before its deadline');
    return 'sent';
  }

  /** Puts descriptors where sendmsg takes them from, and returns how many. */
  #stage(descriptors: readonly number[], from = 0): number {
    if (from + descriptors.length > maxMessageFds) {
      throw new DriverUsageError(`Linux carries ${maxMessageFds} descriptors at most, not ${descriptors.length}`);
    }
    for (let n = 0; n < descriptors.length; n++) stagedDescriptors[from + n] = descriptors[n] as number;
    return descriptors.length;
  }

  #piece(bytes: Uint8Array, offset: number, length: number, descriptors: number, deadlineUs: number) {
    return this.#stream.send(
      bytes,
      offset,
      length,
      descriptors === 0 ? null : stagedDescriptors,
      descriptors,
      deadlineUs,
    );
  }

  /** Sends a message that is answered; the answer may be in the inbox already then. */
  #sendExpecting(message: OutgoingMessage, deadlineUs: number): 'sent' | 'closed' | 'died' {
    if (!this.#context.waiting.isRemote || message.pieces !== undefined || message.truncateTo !== undefined) {
      return this.#sendWithin(message, deadlineUs);
    }
    this.#context.waiting.keepLimit();
    const length = outgoing.encode(message, this.words);
    this.#isFenced = false;
    const count = message.descriptors === undefined ? 0 : this.#stage(message.descriptors);
    this.words.sent(outgoing.view, length);
    this.#tellOracle();
    const descriptors = count === 0 ? null : stagedDescriptors;
    const expected = expectedReplyLength(outgoing.view);
    return this.#sent(this.#stream.exchange(outgoing.bytes, length, descriptors, count, expected, deadlineUs));
  }

  #tellOracle(): void {
    switch (outgoing.view.getUint32(0, true)) {
      case requestId.VHOST_USER_SET_MEM_TABLE:
      case requestId.VHOST_USER_ADD_MEM_REG:
      case requestId.VHOST_USER_REM_MEM_REG:
        this.#context.oracle.memoryTold();
    }
  }

  #sendWithin(message: OutgoingMessage, deadlineUs: number): 'sent' | 'closed' | 'died' {
    this.#context.waiting.keepLimit();
    const whole = outgoing.encode(message, this.words);
    this.#tellOracle();
    this.#isFenced = false;
    if (message.pieces !== undefined || message.truncateTo !== undefined) {
      return this.#sendInPieces(message, outgoing.bytes.slice(0, whole), deadlineUs);
    }
    const descriptors = message.descriptors === undefined ? 0 : this.#stage(message.descriptors);
    const result = this.#piece(outgoing.bytes, 0, whole, descriptors, deadlineUs);
    if (result === 'sent') this.words.sent(outgoing.view, whole);
    return this.#sent(result);
  }

  /** `bytes` is a copy: between two pieces other messages may be sent, in answer to the back-end's requests. */
  #sendInPieces(message: OutgoingMessage, bytes: Uint8Array, deadlineUs: number): 'sent' | 'closed' | 'died' {
    const length = Math.min(message.truncateTo ?? bytes.length, bytes.length);
    const pieces = [...(message.pieces ?? [])];
    const given = pieces.reduce((sum, piece) => sum + piece, 0);
    if (given < length) pieces.push(length - given);
    let at = 0;
    for (const [number, piece] of pieces.entries()) {
      const count = Math.min(piece, length - at);
      if (count <= 0) break;
      const isCarrier = number === (message.descriptorsInPiece ?? 0) && message.descriptors !== undefined;
      const travelling = isCarrier ? this.#stage(message.descriptors) : 0;
      const result = this.#piece(bytes, at, count, travelling, deadlineUs);
      if (result !== 'sent') return this.#sent(result);
      at += count;
      if (at < length) this.#letThemRead(deadlineUs);
    }
    if (at === bytes.length) this.words.sent(new DataView(bytes.buffer), at);
    return 'sent';
  }

  /** Pieces stay pieces only if the peer reads each before the next one is there; it may also wait for the rest. */
  #letThemRead(deadlineUs: number): void {
    this.#context.waiting.until(
      () => this.#channel.isDrained(),
      Math.min(deadlineUs, monotonicUs() + pieceReadWithinUs),
    );
  }

  #fenceUntil(deadlineUs: number, deadlineMs: number): Exchange {
    const sent = this.#sendExpecting(getFeatures, deadlineUs);
    if (sent !== 'sent' && this.#stream.inbox.length === 0) return this.#gone();
    const answer = this.#replyTo(requestId.VHOST_USER_GET_FEATURES, deadlineUs, deadlineMs);
    return answer.kind === 'silent' ? { ...answer, isOfFence: true } : answer;
  }

  /** The reply was not there when it was waited for. */
  #owes(request: number, came: 'silent' | 'reply'): void {
    this.#owed.push(request);
    if (came === 'silent') this.#unanswered = request;
  }

  #replyTo(request: number, deadlineUs: number, deadlineMs: number): Exchange {
    for (;;) {
      const result = this.#next(deadlineUs, deadlineMs, true);
      if (result.kind === 'silent') this.#owes(request, result.kind);
      if (result.kind !== 'reply') return result;
      if (result.message.request === request) {
        this.#isFenced = true;
        return result;
      }
      const what = requestName(result.message.request);
      this.#desync = `an answer to ${what} came where only the one to ${requestName(request)} was due`;
      this.#context.log.note(this.#desync);
    }
  }

  #expectsReply(request: number, flags: number): boolean {
    const message = messageById('front-end', request);
    if (message !== undefined && hasOwnReply(message, this.words) === true) return true;
    return this.words.hasReplyAck && (flags & VHOST_USER_NEED_REPLY_MASK) !== 0;
  }

  /** The next message; with `skipLate`, replies that were given up earlier are passed over. */
  #next(deadlineUs: number, deadlineMs: number, skipLate: boolean): Exchange {
    const { waiting } = this.#context;
    for (;;) {
      const message = this.#take(skipLate);
      if (message !== undefined) return { kind: 'reply', message };
      if (!this.isOpen) return this.#gone();
      const exit = this.#context.exit();
      if (exit !== undefined) return { kind: 'died', exit };
      const { broken } = this.#stream;
      if (broken !== undefined)
        throw new PeerProtocolError(`what the back-end sends cannot be read any more: ${broken}`);
      const left = waiting.left(deadlineUs);
      if (left <= 0 || !waiting.once(left)) return this.#silent(deadlineMs);
    }
  }

  #silent(waitedMs: number): Exchange {
    const pending = this.#stream.pendingBytes;
    if (pending > 0) this.#desync = `at the deadline of ${waitedMs} ms only ${pending} bytes of a message had come`;
    return { kind: 'silent', waitedMs };
  }

  #take(skipLate: boolean): ReceivedMessage | undefined {
    const { inbox } = this.#stream;
    for (let message = inbox.shift(); message !== undefined; message = inbox.shift()) {
      this.words.received(message);
      if (this.#owed.length === 0) return message;
      const owed = this.#owed.indexOf(message.request);
      if (owed < 0) return message;
      this.#owed.splice(owed, 1);
      if (message.request === this.#unanswered) this.#unanswered = undefined;
      this.#context.log.note(`the answer to ${requestName(message.request)} came when nothing waited for it any more`);
      if (!skipLate) return message;
    }
    return undefined;
  }
}
