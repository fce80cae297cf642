import { errno } from '../wire/errno.ts';
import { MDEV_HEADER_SIZE, mdevHeader } from '../wire/mdev-messages.ts';
import { decodeStructure } from '../wire/structure.ts';
import type { MdevState } from './mdev-state.ts';
import type { MdevMessageRule, MdevOutcome } from './message-rules.ts';

/** An answer that waits to be read. */
export interface MdevAnswer {
  readonly request: bigint;
  readonly payload: Uint8Array;
}

export interface WaitingAnswer {
  answer: MdevAnswer | undefined;
}

/** How the region of messages is written and read; what a message does is in the table of messages. */
export interface ChannelRules {
  readonly acceptsOffset: (offset: number, access: 'read' | 'write') => boolean;
  /** What a write of a part of a header returns. */
  readonly partOfHeader: (count: number) => number;
  /** Whether a message whose header says `size` may be `count` bytes long in all. */
  readonly acceptsLength: (size: number, count: number, largest: number) => boolean;
  /** Whether a message that is refused for its place or length is still carried out. */
  readonly actsOnRefused: (offset: number) => boolean;
  /** Whether a payload must have one of the sizes of its message; else what is missing is zero. */
  readonly checksPayloadSize: boolean;
  /** Whether a message of a wrong size is carried out, as though the rest were zero, and refused. */
  readonly actsOnWrongSize: boolean;
  /** The request that a header means. */
  readonly requestOf: (word: bigint) => bigint;
  /** What comes of a request that is in no table. */
  readonly unknownRequest: MdevOutcome;
  /** Whether flags of the header allow a message to be carried out. */
  readonly acceptsFlags: (flags: number) => boolean;
  /** Whether a request that has an answer leaves it, by the flags of its header. */
  readonly answersAt: (flags: number) => boolean;
  /** What a message that has no answer, and ended with an error number or 0, does to the answer that waits: nothing. */
  readonly behindUnanswered: (waiting: WaitingAnswer, request: bigint, flags: number, error: number) => void;
  /** What a write returns for a message that ended with this error number, 0 for none. */
  readonly written: (count: number, error: number, request: bigint) => number;
  /** Which answer waits after another request that has one. */
  readonly nextAnswer: (waiting: MdevAnswer | undefined, next: MdevAnswer) => MdevAnswer;
  /** What of an answer that waited is read in the end. */
  readonly answerPayload: (answer: MdevAnswer, device: MdevState) => Uint8Array;
  readonly answerRequest: (request: bigint, payload: Uint8Array) => bigint;
  readonly answerFlags: number;
  readonly answerSize: (payload: Uint8Array) => number;
  /** What a read answers where nothing waits. */
  readonly readWithoutAnswer: number;
  readonly acceptsReadLength: (count: number, answer: number) => boolean;
  /** Whether the answer is lost to a read at another offset. */
  readonly losesAnswerElsewhere: boolean;
  /** Whether the answer is lost to a read that fails, and to one that succeeds. */
  readonly losesAnswerAtFailure: boolean;
  readonly losesAnswerAtSuccess: boolean;
}

/** Safe: what fails says so and changes nothing. */
export const strictChannelRules: ChannelRules = {
  acceptsOffset: (offset) => offset === 0,
  partOfHeader: () => -errno.EINVAL,
  acceptsLength: (size, count, largest) => size <= largest && MDEV_HEADER_SIZE + size === count,
  actsOnRefused: () => false,
  checksPayloadSize: true,
  actsOnWrongSize: false,
  requestOf: (word) => word,
  unknownRequest: errno.EINVAL,
  acceptsFlags: () => true,
  answersAt: () => true,
  behindUnanswered: () => {},
  written: (count, error) => (error === 0 ? count : -error),
  nextAnswer: (_, next) => next,
  answerPayload: ({ payload }) => payload,
  answerRequest: (request) => request,
  answerFlags: 0,
  answerSize: (payload) => payload.length,
  readWithoutAnswer: 0,
  acceptsReadLength: (count, answer) => count === answer,
  losesAnswerElsewhere: false,
  losesAnswerAtFailure: false,
  losesAnswerAtSuccess: true,
};

/** The region that vhost messages are written to and answers read from. One message a call, one answer at a time. */
export class MessageChannel {
  readonly #device: MdevState;
  readonly #rules: ChannelRules;
  readonly #messages: readonly MdevMessageRule[];
  readonly #buffer: Uint8Array;
  readonly #payload: DataView;
  readonly #header = new DataView(new ArrayBuffer(MDEV_HEADER_SIZE));
  readonly #waiting: WaitingAnswer = { answer: undefined };

  constructor(device: MdevState, rules: ChannelRules, messages: readonly MdevMessageRule[], largestPayload: number) {
    this.#device = device;
    this.#rules = rules;
    this.#messages = messages;
    this.#buffer = new Uint8Array(largestPayload);
    this.#payload = new DataView(this.#buffer.buffer);
  }

  get isAnswerWaiting(): boolean {
    return this.#waiting.answer !== undefined;
  }

  clear(): void {
    this.#waiting.answer = undefined;
  }

  /** Takes one message: bytes taken, or an error. */
  write(offset: number, source: Uint8Array): number {
    const rules = this.#rules;
    const count = source.length;
    const isHere = rules.acceptsOffset(offset, 'write');
    const header = decodeStructure(mdevHeader, source);
    if (header === undefined) return rules.partOfHeader(count);
    const { flags, size } = header;
    const request = rules.requestOf(header.request);
    this.#buffer.fill(0);
    this.#buffer.set(source.subarray(MDEV_HEADER_SIZE, MDEV_HEADER_SIZE + this.#buffer.length));
    if (isHere && rules.acceptsLength(size, count, this.#buffer.length) && rules.acceptsFlags(flags)) {
      return rules.written(count, this.#carryOut(request, flags, size), request);
    }
    if (rules.actsOnRefused(offset)) this.#carryOut(request, flags, Math.min(size, this.#buffer.length));
    return -errno.EINVAL;
  }

  /** Hands out the answer that waits. */
  read(offset: number, target: Uint8Array): number {
    const rules = this.#rules;
    if (!rules.acceptsOffset(offset, 'read')) {
      if (rules.losesAnswerElsewhere) this.#waiting.answer = undefined;
      return -errno.EINVAL;
    }
    const answer = this.#waiting.answer;
    if (answer === undefined) return rules.readWithoutAnswer;
    const length = MDEV_HEADER_SIZE + answer.payload.length;
    const isRight = rules.acceptsReadLength(target.length, length);
    if (isRight ? rules.losesAnswerAtSuccess : rules.losesAnswerAtFailure) this.#waiting.answer = undefined;
    if (!isRight) return -errno.EINVAL;
    mdevHeader.encode(
      {
        request: rules.answerRequest(answer.request, answer.payload),
        flags: rules.answerFlags,
        size: rules.answerSize(answer.payload),
      },
      this.#header,
      0,
    );
    target.set(new Uint8Array(this.#header.buffer), 0);
    target.set(rules.answerPayload(answer, this.#device), MDEV_HEADER_SIZE);
    return length;
  }

  #carryOut(request: bigint, flags: number, size: number): number {
    const rules = this.#rules;
    const outcome = this.#outcomeOf(request, size);
    if (typeof outcome === 'number') {
      rules.behindUnanswered(this.#waiting, request, flags, outcome);
      return outcome;
    }
    if (rules.answersAt(flags))
      this.#waiting.answer = rules.nextAnswer(this.#waiting.answer, { request, payload: outcome });
    return 0;
  }

  #outcomeOf(request: bigint, size: number): MdevOutcome {
    const entry = this.#messages.find(({ number }) => BigInt(number) === request);
    if (entry === undefined) return this.#rules.unknownRequest;
    if (this.#rules.checksPayloadSize && !entry.acceptsSize(size)) {
      if (this.#rules.actsOnWrongSize) entry.handle(this.#device, this.#payload, size);
      return errno.EINVAL;
    }
    return entry.handle(this.#device, this.#payload, size);
  }
}
