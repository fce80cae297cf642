import type { EventLog } from '../../reference-impl/observations/event-log.ts';
import { type FramingProblem, MessageAssembler } from '../../reference-impl/wire/framing.ts';
import { flagsAt, payloadSizeAt, requestAt } from '../../reference-impl/wire/vhost-user-codec.ts';
import { VHOST_USER_HEADER_SIZE } from '../../reference-impl/wire/vhost-user-constants.ts';
import { messageById } from '../../reference-impl/wire/vhost-user-messages.ts';
import { describeWireProblem } from '../../reference-impl/wire/wire-problem.ts';
import type { ReceivedMessage } from '../port/port.ts';
import type { WaitSet, WaitSource } from '../session/wait-set.ts';
import type { Channel, ChannelExchange, CutMessage } from './channel.ts';

const maximumPayload = 1 << 16;
const receiveBytes = 4096;
/** For the common reply; longer ones are put together elsewhere. */
const replyBytes = 512;
/** No message of a back-end has more than one descriptor. The kernel drops what is more than this. */
const mostDescriptors = 16;
/** Messages that wait to be taken: who sends more than are asked for is not read any further. */
const mostWaiting = 4096;
const noPayload = new Uint8Array(0);
const noDescriptors: readonly number[] = Object.freeze([]);

/** Shared by all streams: each is emptied before anything else is received. */
const receivedDescriptors = new Int32Array(mostDescriptors);
const outcome: ChannelExchange = { sent: 0, received: 0, descriptors: 0, isClosed: false };
const cut: CutMessage = { sent: 0, isClosed: false };
const reply = new Uint8Array(replyBytes);
const replyView = new DataView(reply.buffer);

/** To tell whose descriptors they are where one receive joins two messages. */
const replyHasDescriptors = (request: number): boolean =>
  (messageById('front-end', request)?.replyDescriptors.maximum ?? 0) > 0;
const requestHasDescriptors = (request: number): boolean =>
  (messageById('back-end', request)?.requestDescriptors.maximum ?? 0) > 0;

export interface MessageStreamOptions {
  readonly channel: Channel;
  readonly log: EventLog;
  readonly set: WaitSet;
  /** 0 for the front-end's channel, 1 for the back-end's, as the event log numbers them. */
  readonly side: 0 | 1;
  readonly session: number;
  /** Takes over the descriptors of each message. False where they are too many, and closed. */
  readonly adopt: (descriptors: readonly number[]) => boolean;
}

/** The messages of one channel, both ways, each of them logged as it passes. It waits for nothing itself. */
export class MessageStream implements WaitSource {
  /** Messages that came and were not taken yet, oldest first. */
  readonly inbox: ReceivedMessage[] = [];
  /** Called for each message that comes, after it entered the inbox. */
  onMessage: (() => void) | undefined;
  /** Of the messages of the last `sendAll`. */
  sentWhole = 0;
  readonly #channel: Channel;
  readonly #log: EventLog;
  readonly #set: WaitSet;
  readonly #side: 0 | 1;
  readonly #session: number;
  readonly #adopt: (descriptors: readonly number[]) => boolean;
  #ownAssembler: MessageAssembler | undefined;
  #state: 'open' | 'closed-by-iut' | 'closed-by-us' = 'open';
  #broken: string | undefined;

  constructor(options: MessageStreamOptions) {
    this.#channel = options.channel;
    this.#log = options.log;
    this.#set = options.set;
    this.#side = options.side;
    this.#session = options.session;
    this.#adopt = options.adopt;
    this.#set.add(this);
  }

  get pollFd(): number {
    return this.#channel.pollFd;
  }

  get state(): 'open' | 'closed-by-iut' | 'closed-by-us' {
    return this.#state;
  }

  /**
   * Why the bytes that come are not read any more, or could not be cut into messages when the peer closed; undefined
   * while all is well. The connection stays open where it is we who stopped: that is no refusal of the peer's.
   */
  get broken(): string | undefined {
    return this.#broken;
  }

  /** Bytes that came of a message that is not whole yet. */
  get pendingBytes(): number {
    return this.#ownAssembler?.pendingBytes ?? 0;
  }

  /** Sends bytes as they are; `sent` only where all of them went in time. */
  send(
    bytes: Uint8Array,
    offset: number,
    length: number,
    descriptors: Int32Array | null,
    descriptorCount: number,
    deadlineUs: number,
  ): 'sent' | 'closed' | 'deadline' {
    if (this.#state !== 'open') return 'closed';
    const sent = this.#channel.send(bytes, offset, length, descriptors, descriptorCount, deadlineUs);
    if (sent < 0) return this.#refusedToSend();
    this.#log.message(this.#side, 0, this.#session, bytes, offset, sent, descriptorCount);
    return sent === length ? 'sent' : 'deadline';
  }

  /** `send` for messages that lie one after the other; `sent` only where all went in time. `sentWhole` counts them. */
  sendAll(
    bytes: Uint8Array,
    lengths: Int32Array,
    descriptors: Int32Array,
    descriptorCounts: Int32Array,
    count: number,
    deadlineUs: number,
  ): 'sent' | 'closed' | 'deadline' {
    this.sentWhole = 0;
    if (this.#state !== 'open') return 'closed';
    const whole = this.#channel.sendAll(bytes, lengths, descriptors, descriptorCounts, count, deadlineUs, cut);
    this.sentWhole = whole;
    let at = 0;
    for (let n = 0; n < whole; n++) {
      const length = lengths[n] ?? 0;
      this.#log.message(this.#side, 0, this.#session, bytes, at, length, descriptorCounts[n] ?? 0);
      at += length;
    }
    if (whole === count) return 'sent';
    if (cut.isClosed) return this.#refusedToSend();
    this.#log.message(this.#side, 0, this.#session, bytes, at, cut.sent, descriptorCounts[whole] ?? 0);
    return 'deadline';
  }

  /**
   * Sends a whole message and waits for the first that comes back, in one step where the channel can: afterwards it is
   * in the inbox, unless the wait ended before. Otherwise sends and does not wait. `expectedLength` is that of the
   * reply with its header, where it is known, else 0.
   */
  exchange(
    bytes: Uint8Array,
    length: number,
    descriptors: Int32Array | null,
    descriptorCount: number,
    expectedLength: number,
    deadlineUs: number,
  ): 'sent' | 'closed' | 'deadline' {
    const channel = this.#channel;
    const others = this.#set.others();
    const isIdle =
      this.#state === 'open' && this.#broken === undefined && this.inbox.length === 0 && this.pendingBytes === 0;
    if (channel.exchange === undefined || others === undefined || !isIdle) {
      return this.send(bytes, 0, length, descriptors, descriptorCount, deadlineUs);
    }
    // Before it is sent: its time in the log is not that of the answer.
    this.#log.message(this.#side, 0, this.#session, bytes, 0, length, descriptorCount);
    channel.exchange(
      bytes,
      length,
      descriptors,
      descriptorCount,
      reply,
      receivedDescriptors,
      expectedLength,
      deadlineUs,
      others,
      outcome,
    );
    const { sent, received, isClosed } = outcome;
    if (sent < length) this.#log.note(`${sent} of ${length} bytes were sent`);
    if (received > 0 && !this.#acceptWhole(reply, received, outcome.descriptors)) {
      this.#assembler.push(reply, 0, received, this.#received(outcome.descriptors));
      this.#cut();
    }
    if (isClosed) this.#ended();
    if (sent === length) return 'sent';
    return isClosed ? 'closed' : 'deadline';
  }

  onReady(): void {
    this.#receive();
    if (this.inbox.length > mostWaiting) this.#giveUp(`${this.inbox.length} messages came that were not asked for`);
  }

  shutdown(how: 'write' | 'both'): void {
    if (this.#state === 'open') this.#channel.shutdown(how);
  }

  close(): void {
    if (this.#state === 'closed-by-us') return;
    const wasOpen = this.#state === 'open';
    this.#state = 'closed-by-us';
    if (!wasOpen) return;
    this.#set.remove(this);
    this.#adopt(this.#ownAssembler?.takePendingDescriptors() ?? noDescriptors);
    this.#channel.close();
    if (this.#side === 0) this.#observe('closed-by-us', '');
  }

  #refusedToSend(): 'closed' {
    // What the peer said before it went is still to be read.
    while (this.#state === 'open' && this.#receive());
    this.#ended();
    return 'closed';
  }

  /** Made when it is first needed: most connections see nothing but whole messages. */
  get #assembler(): MessageAssembler {
    this.#ownAssembler ??= new MessageAssembler({
      maximumPayload,
      capacity: 2 * receiveBytes,
      acceptsDescriptors: this.#side === 0 ? replyHasDescriptors : requestHasDescriptors,
    });
    return this.#ownAssembler;
  }

  /** Receives once what waits; false where nothing did. */
  #receive(): boolean {
    if (this.#broken !== undefined) return false;
    const assembler = this.#assembler;
    const at = assembler.reserve(receiveBytes);
    const received = this.#channel.receive(assembler.buffer, at, receiveBytes, receivedDescriptors);
    if (received === 0) return false;
    if (received < 0) {
      this.#ended();
      return false;
    }
    assembler.commit(received, this.#received(this.#channel.receivedDescriptors));
    return this.#cut();
  }

  #received(count: number): readonly number[] | undefined {
    return count === 0 ? undefined : Array.from(receivedDescriptors.subarray(0, count));
  }

  /** Takes all whole messages out of the assembler; false where they cannot be told apart any more. */
  #cut(): boolean {
    const assembler = this.#assembler;
    for (let frame = assembler.next(); frame !== undefined; frame = assembler.next()) {
      if (frame.kind === 'problem') {
        this.#refuse(frame);
        return false;
      }
      const { buffer, offset, length, request, flags, size } = frame;
      const descriptors = frame.descriptors.length === 0 ? noDescriptors : [...frame.descriptors];
      this.#accept(request, flags, size, buffer, offset, length, descriptors);
    }
    return true;
  }

  /** The common case without the assembler: exactly one message came, and no descriptors. */
  #acceptWhole(bytes: Uint8Array, length: number, descriptors: number): boolean {
    if (descriptors > 0 || length < VHOST_USER_HEADER_SIZE) return false;
    const size = payloadSizeAt(replyView, 0);
    if (length !== VHOST_USER_HEADER_SIZE + size) return false;
    const request = requestAt(replyView, 0);
    this.#accept(request, flagsAt(replyView, 0), size, bytes, 0, length, noDescriptors);
    return true;
  }

  #accept(
    request: number,
    flags: number,
    size: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    descriptors: readonly number[],
  ): void {
    const seq = this.#log.message(this.#side, 1, this.#session, bytes, offset, length, descriptors.length);
    if (descriptors !== noDescriptors && !this.#adopt(descriptors)) {
      this.#giveUp('more descriptors came than a case can have use for');
      return;
    }
    const payload = size === 0 ? noPayload : bytes.slice(offset + length - size, offset + length);
    this.inbox.push({ request, flags, size, payload, descriptors, seq });
    this.onMessage?.();
  }

  /** A header that cannot be believed: what follows it cannot be read either. */
  #refuse(problem: FramingProblem): void {
    const { request, flags, size, descriptors } = problem;
    const why = describeWireProblem(problem.problem);
    this.#adopt(descriptors);
    const seq = this.#log.note(`message ${request}: ${why}`);
    this.inbox.push({ request, flags, size, payload: noPayload, descriptors, seq });
    this.#giveUp(why);
    this.onMessage?.();
  }

  /** Reads nothing more, and leaves the connection open. */
  #giveUp(why: string): void {
    this.#broken = why;
    this.#log.note(why);
    this.#set.remove(this);
  }

  #ended(): void {
    if (this.#state !== 'open') return;
    this.#state = 'closed-by-iut';
    this.#set.remove(this);
    const cut = this.#ownAssembler?.endOfStream();
    if (cut !== undefined) this.#broken = describeWireProblem(cut);
    this.#adopt(this.#ownAssembler?.takePendingDescriptors() ?? noDescriptors);
    this.#channel.close();
    this.#observe('closed-by-iut', this.#broken ?? '');
  }

  #observe(state: 'closed-by-iut' | 'closed-by-us', detail: string): void {
    const side = this.#side === 1 ? 'back-end channel' : '';
    this.#log.observe({ kind: 'connection', state, session: this.#session, detail: detail === '' ? side : detail });
  }
}
