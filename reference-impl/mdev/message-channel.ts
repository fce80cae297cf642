import { MDEV_HEADER_SIZE, mdevHeader } from '../wire/mdev-messages.ts';
import { errno } from './error-numbers.ts';
import type { MdevDevice } from './mdev-device.ts';

/** An answer that waits to be read. */
export interface MdevAnswer {
  readonly request: bigint;
  readonly payload: Uint8Array;
}

/** How the region of messages is written and read; what a message does is in the table of messages. */
export interface ChannelRules {
  readonly acceptsOffset: (offset: number) => boolean;
  /** Whether a message whose header says `size` may be `count` bytes long in all. */
  readonly acceptsLength: (size: number, count: number, largest: number) => boolean;
  /** Whether a payload must have one of the sizes of its message; else what is missing is zero. */
  readonly checksPayloadSize: boolean;
  /** What a write answers where the message came to this error number, 0 for none. */
  readonly written: (count: number, error: number) => number;
  /** Which answer waits after another request that has one. */
  readonly nextAnswer: (waiting: MdevAnswer | undefined, next: MdevAnswer) => MdevAnswer;
  readonly answerRequest: (request: bigint) => bigint;
  readonly answerFlags: number;
  readonly answerSize: (payload: Uint8Array) => number;
  /** What a read answers where nothing waits. */
  readonly readWithoutAnswer: number;
  readonly acceptsReadLength: (count: number, answer: number) => boolean;
  /** Whether the answer is lost to a read that fails, and to one that succeeds. */
  readonly losesAnswerAtFailure: boolean;
  readonly losesAnswerAtSuccess: boolean;
}

/** Safe: what fails says so and changes nothing. */
export const strictChannelRules: ChannelRules = {
  acceptsOffset: (offset) => offset === 0,
  acceptsLength: (size, count, largest) => size <= largest && MDEV_HEADER_SIZE + size === count,
  checksPayloadSize: true,
  written: (count, error) => (error === 0 ? count : -error),
  nextAnswer: (_, next) => next,
  answerRequest: (request) => request,
  answerFlags: 0,
  answerSize: (payload) => payload.length,
  readWithoutAnswer: 0,
  acceptsReadLength: (count, answer) => count === answer,
  losesAnswerAtFailure: false,
  losesAnswerAtSuccess: true,
};

/** As the second RFC was coded: results of messages are dropped, and a read that fails takes the answer along. */
export const faithfulChannelRules: ChannelRules = {
  ...strictChannelRules,
  checksPayloadSize: false,
  written: (count) => count,
  losesAnswerAtFailure: true,
};

/** The region that vhost messages are written to and answers read from. One message a call, one answer at a time. */
export class MessageChannel {
  readonly #device: MdevDevice;
  readonly #rules: ChannelRules;
  readonly #buffer: Uint8Array;
  readonly #payload: DataView;
  readonly #header = new DataView(new ArrayBuffer(MDEV_HEADER_SIZE));
  #answer: MdevAnswer | undefined;

  constructor(device: MdevDevice, rules: ChannelRules, largestPayload: number) {
    this.#device = device;
    this.#rules = rules;
    this.#buffer = new Uint8Array(largestPayload);
    this.#payload = new DataView(this.#buffer.buffer);
  }

  get hasAnswer(): boolean {
    return this.#answer !== undefined;
  }

  clear(): void {
    this.#answer = undefined;
  }

  /** Takes one message of `count` bytes, of which the user's memory holds `source`: bytes taken, or an error. */
  write(offset: number, count: number, source: Uint8Array): number {
    const rules = this.#rules;
    if (!rules.acceptsOffset(offset) || count < MDEV_HEADER_SIZE || source.length < MDEV_HEADER_SIZE) {
      return -errno.EINVAL;
    }
    const view = new DataView(source.buffer, source.byteOffset, source.byteLength);
    const request = view.getBigUint64(0, true);
    const size = view.getUint32(12, true);
    if (!rules.acceptsLength(size, count, this.#buffer.length)) return -errno.EINVAL;
    if (source.length < count) return -errno.EFAULT;
    this.#buffer.fill(0);
    this.#buffer.set(source.subarray(MDEV_HEADER_SIZE, Math.min(count, MDEV_HEADER_SIZE + this.#buffer.length)));
    return rules.written(count, this.#carryOut(request, size));
  }

  /** Hands out the answer that waits, to a user whose memory takes `target.length` of the `count` bytes asked for. */
  read(offset: number, count: number, target: Uint8Array): number {
    const rules = this.#rules;
    if (!rules.acceptsOffset(offset)) return -errno.EINVAL;
    const answer = this.#answer;
    if (answer === undefined) return rules.readWithoutAnswer;
    const length = MDEV_HEADER_SIZE + answer.payload.length;
    const error = !rules.acceptsReadLength(count, length) ? errno.EINVAL : target.length < length ? errno.EFAULT : 0;
    if (error === 0 ? rules.losesAnswerAtSuccess : rules.losesAnswerAtFailure) this.#answer = undefined;
    if (error !== 0) return -error;
    mdevHeader.encode(
      {
        request: rules.answerRequest(answer.request),
        flags: rules.answerFlags,
        size: rules.answerSize(answer.payload),
      },
      this.#header,
      0,
    );
    target.set(new Uint8Array(this.#header.buffer), 0);
    target.set(answer.payload, MDEV_HEADER_SIZE);
    return length;
  }

  #carryOut(request: bigint, size: number): number {
    const { messages } = this.#device.rules;
    const entry = messages.find(({ number }) => BigInt(number) === request);
    if (entry === undefined) return errno.EINVAL;
    if (this.#rules.checksPayloadSize && !entry.acceptsSize(size)) return errno.EINVAL;
    const outcome = entry.handle(this.#device, this.#payload, size);
    if (typeof outcome === 'number') return outcome;
    this.#answer = this.#rules.nextAnswer(this.#answer, { request, payload: outcome });
    return 0;
  }
}
