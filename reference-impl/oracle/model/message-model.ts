import type { FeatureSet } from '../../catalogue/catalogue.ts';
import { hasOwnReply } from '../../wire/message-description.ts';
import { flagsAt, payloadSizeAt, requestAt } from '../../wire/vhost-user-codec.ts';
import {
  VHOST_USER_HEADER_SIZE,
  VHOST_USER_NEED_REPLY_MASK,
  vhostUserProtocolFeatures,
} from '../../wire/vhost-user-constants.ts';
import { messageById, requestId } from '../../wire/vhost-user-messages.ts';
import type { LibertyName } from './liberties.ts';
import type { Tell } from './observation.ts';

const versionMask = 0x3;
const version = 1;
const replyFlag = 0x4;
const acknowledgementBytes = 8;

/** What came in answer to a message that is owed one. */
interface Due {
  readonly request: number;
  readonly isAcknowledgement: boolean;
  readonly sent: DataView;
}

const replyAck = 1n << BigInt(vhostUserProtocolFeatures.VHOST_USER_PROTOCOL_F_REPLY_ACK);
const largestQueue = 0x8000;

/**
 * The messages of one vhost-user session, as far as all that was sent was lawful: which answers are owed, in which order,
 * and what they hold. Values that the back-end chooses are the same ever after.
 */
export class MessageModel {
  readonly #tell: Tell;
  readonly #take: (liberty: LibertyName) => void;
  readonly #offered: FeatureSet;
  readonly #due: Due[] = [];
  readonly #answers = new Map<number, bigint>();
  /** Accepted protocol features. */
  #protocol = 0n;
  /** No order of answers explains what came: nothing is claimed any more. */
  #isLost = false;

  constructor(tell: Tell, take: (liberty: LibertyName) => void, offered: FeatureSet) {
    this.#tell = tell;
    this.#take = take;
    this.#offered = offered;
  }

  lose(): void {
    this.#isLost = true;
  }

  sent(bytes: Uint8Array): void {
    if (this.#isLost || bytes.length < VHOST_USER_HEADER_SIZE) return;
    const view = viewOf(bytes);
    const request = requestAt(view, 0);
    const message = messageById('front-end', request);
    if (message === undefined) return;
    if (request === requestId.VHOST_USER_SET_PROTOCOL_FEATURES && bytes.length >= VHOST_USER_HEADER_SIZE + 8) {
      this.#protocol = view.getBigUint64(VHOST_USER_HEADER_SIZE, true);
    }
    const asks = (flagsAt(view, 0) & VHOST_USER_NEED_REPLY_MASK) !== 0;
    const isAcknowledgement =
      hasOwnReply(message, { protocolFeatures: this.#protocol, isPostcopyListening: false }) !== true;
    if (isAcknowledgement && !(asks && (this.#protocol & replyAck) !== 0n)) return;
    this.#due.push({ request, isAcknowledgement, sent: view });
  }

  received(bytes: Uint8Array): void {
    if (this.#isLost || bytes.length < VHOST_USER_HEADER_SIZE) return;
    const view = viewOf(bytes);
    const request = requestAt(view, 0);
    const name = messageById('front-end', request)?.name ?? `request ${request}`;
    this.#checkHeader(name, flagsAt(view, 0));
    const at = this.#due.findIndex((due) => due.request === request);
    if (at !== 0) {
      this.#tellOrder(name, at);
      this.#isLost = true;
      return;
    }
    const due = this.#due.shift() as Due;
    const size = payloadSizeAt(view, 0);
    if (bytes.length !== VHOST_USER_HEADER_SIZE + size) return;
    if (due.isAcknowledgement) this.#checkAcknowledgement(name, size);
    else this.#checkReply(name, due, view, size);
  }

  #checkHeader(name: string, flags: number): void {
    const what = `the flags of the answer to ${name}`;
    const actual = `0x${flags.toString(16)}`;
    const tell = this.#tell;
    if ((flags & versionMask) !== version) {
      tell({ requirement: 'vu-header/reply-carries-version-1', what, expected: 'version 1', actual });
    }
    if ((flags & replyFlag) === 0) {
      tell({ requirement: 'vu-header/reply-carries-reply-flag', what, expected: 'the reply flag', actual });
    }
    if ((flags & ~(versionMask | replyFlag)) !== 0) this.#take('other-reply-flags');
  }

  #tellOrder(name: string, at: number): void {
    const [first] = this.#due;
    if (first === undefined) {
      const what = `answers to ${name}`;
      this.#tell({
        requirement: 'vu-reply-ack/no-answer-unless-asked',
        what,
        expected: 'none: no answer is due',
        actual: 'one',
      });
      return;
    }
    const expected = messageById('front-end', first.request)?.name ?? String(first.request);
    const what = 'the request that an answer repeats';
    if (at < 0) this.#tell({ requirement: 'vu-header/reply-repeats-request-number', what, expected, actual: name });
    else if (first.isAcknowledgement) {
      this.#tell({ requirement: 'vu-reply-ack/need-reply-answered-with-u64', what, expected, actual: name });
    } else this.#tell({ requirement: 'vu-reply-ack/one-answer-per-request-in-order', what, expected, actual: name });
  }

  #checkAcknowledgement(name: string, size: number): void {
    if (size !== acknowledgementBytes) {
      const what = `bytes of the acknowledgement of ${name}`;
      const requirement = 'vu-reply-ack/need-reply-answered-with-u64';
      this.#tell({ requirement, what, expected: String(acknowledgementBytes), actual: String(size) });
    }
  }

  #checkReply(name: string, due: Due, view: DataView, size: number): void {
    switch (due.request) {
      case requestId.VHOST_USER_GET_FEATURES:
        this.#checkWord(name, view, size, this.#offered.device);
        return;
      case requestId.VHOST_USER_GET_PROTOCOL_FEATURES:
        this.#checkWord(name, view, size, this.#offered.protocol);
        return;
      case requestId.VHOST_USER_GET_QUEUE_NUM: {
        const number = this.#checkWord(name, view, size, this.#answers.get(due.request));
        if (number === undefined) return;
        this.#answers.set(due.request, number);
        if (number >= 1n && number <= BigInt(largestQueue)) return;
        const what = 'the number of queues';
        const expected = `1 to ${largestQueue}`;
        this.#tell({ requirement: 'vu-mq/get-queue-num-returns-maximum', what, expected, actual: String(number) });
        return;
      }
      case requestId.VHOST_USER_GET_MAX_MEM_SLOTS: {
        const slots = this.#checkWord(name, view, size, this.#answers.get(due.request));
        if (slots === undefined) return;
        this.#answers.set(due.request, slots);
        if (slots >= 1n) return;
        const what = 'the number of memory slots';
        this.#tell({ requirement: 'vu-memory/max-mem-slots-answered', what, expected: '1 at least', actual: '0' });
        return;
      }
      case requestId.VHOST_USER_GET_VRING_BASE:
        this.#checkSize(name, size, acknowledgementBytes);
        return;
      case requestId.VHOST_USER_GET_CONFIG: {
        const asked = payloadSizeAt(due.sent, 0);
        // A read that fails has no payload, or says size 0 in its description.
        const described = size >= configHeader ? view.getUint32(VHOST_USER_HEADER_SIZE + 4, true) : 0;
        if (size === asked || size === 0 || described === 0) return;
        const what = 'bytes of payload in answer to GET_CONFIG';
        const expected = `${asked}, as the request has`;
        this.#tell({
          requirement: 'vu-config/get-config-reply-has-request-size',
          what,
          expected,
          actual: String(size),
        });
      }
    }
  }

  #checkSize(name: string, size: number, expected: number): boolean {
    if (size === expected) return true;
    const what = `bytes of payload in answer to ${name}`;
    const requirement = 'vu-header/reply-size-equals-payload';
    this.#tell({ requirement, what, expected: String(expected), actual: String(size) });
    return false;
  }

  /** The word that came; undefined where it is none. */
  #checkWord(name: string, view: DataView, size: number, expected: bigint | undefined): bigint | undefined {
    if (!this.#checkSize(name, size, acknowledgementBytes)) return undefined;
    const word = view.getBigUint64(VHOST_USER_HEADER_SIZE, true);
    if (expected === undefined || word === expected) return word;
    this.#tell({
      requirement: 'vu-features/get-features-repeatable',
      what: `the answer to ${name}`,
      expected: `0x${expected.toString(16)}, as before`,
      actual: `0x${word.toString(16)}`,
    });
    return undefined;
  }
}

const configHeader = 12;

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
