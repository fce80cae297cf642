import type { FeatureSet, RequirementSlug } from '../../catalogue/catalogue.ts';
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
  readonly succeeds: boolean;
  /** The device status as it was written last. */
  readonly status: number;
  readonly sent: DataView;
}

const replyAck = 1n << BigInt(vhostUserProtocolFeatures.VHOST_USER_PROTOCOL_F_REPLY_ACK);
/** ACKNOWLEDGE, DRIVER and DRIVER_OK: a device takes FEATURES_OK back, and has bits of its own. */
const keptStatus = 7;
const featuresOk = 8;
/** Requests behind which other features are told, or none. */
const beginsAnew: ReadonlySet<number> = new Set([
  requestId.VHOST_USER_SET_FEATURES,
  requestId.VHOST_USER_RESET_DEVICE,
  requestId.VHOST_USER_RESET_OWNER,
]);
const largestQueue = 0x8000;
/** Without and with the padding of the structure. */
const inflightSizes = [20, 24] as const;

/**
 * The messages of one vhost-user session, as far as all that was sent was lawful: which answers are owed, in which order,
 * and what they hold. Values that the back-end chooses are the same ever after.
 */
export class MessageModel {
  readonly #tell: Tell;
  readonly #take: (liberty: LibertyName) => void;
  readonly #offered: FeatureSet;
  readonly #leastConfiguration: number;
  readonly #judgesChoices: boolean;
  readonly #due: Due[] = [];
  readonly #answers = new Map<number, bigint>();
  /** What the first answer to GET_SHMEM_CONFIG said. */
  #sharedMemory: Uint8Array | undefined;
  /** A message that is refused. */
  #refusable: DataView | undefined;
  /** Features were refused, and what the device makes of FEATURES_OK shows whether they were. */
  #showsFeaturesOk = false;
  /** The device status that was written behind them. */
  #askedBehind = 0;
  /** SET_FEATURES was sent. */
  #hasFeatures = false;
  #status = 0;
  /** Accepted protocol features. */
  #protocol = 0n;
  /** No order of answers explains what came: nothing is claimed any more. */
  #isLost = false;

  /** @param leastConfiguration bytes of configuration that every device of the type has. */
  constructor(
    tell: Tell,
    take: (liberty: LibertyName) => void,
    offered: FeatureSet,
    leastConfiguration: number,
    judgesChoices: boolean,
  ) {
    this.#judgesChoices = judgesChoices;
    this.#leastConfiguration = leastConfiguration;
    this.#tell = tell;
    this.#take = take;
    this.#offered = offered;
  }

  lose(): void {
    this.#isLost = true;
  }

  sent(bytes: Uint8Array, succeeds: boolean): void {
    if (this.#isLost || bytes.length < VHOST_USER_HEADER_SIZE) return;
    const view = viewOf(bytes);
    const request = requestAt(view, 0);
    const message = messageById('front-end', request);
    if (message === undefined) return;
    if (request === requestId.VHOST_USER_SET_PROTOCOL_FEATURES && bytes.length >= VHOST_USER_HEADER_SIZE + 8) {
      this.#protocol = view.getBigUint64(VHOST_USER_HEADER_SIZE, true);
    }
    if (request === requestId.VHOST_USER_SET_STATUS && bytes.length >= VHOST_USER_HEADER_SIZE + 8) {
      this.#status = view.getUint8(VHOST_USER_HEADER_SIZE);
    }
    if (request === requestId.VHOST_USER_RESET_DEVICE) this.#status = 0;
    if (request === requestId.VHOST_USER_SET_FEATURES) this.#hasFeatures = true;
    const isAcknowledgement =
      hasOwnReply(message, { protocolFeatures: this.#protocol, isPostcopyListening: false }) !== true;
    if (isAcknowledgement && !this.#asksAcknowledgement(view)) return;
    this.#due.push({ request, isAcknowledgement, succeeds, status: this.#status, sent: view });
  }

  /** @param descriptors how many came with it. */
  received(bytes: Uint8Array, descriptors: number): void {
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
    if (due.isAcknowledgement) this.#checkAcknowledgement(name, due, view, size);
    else this.#checkReply(name, due, view, size);
    if (request === requestId.VHOST_USER_GET_INFLIGHT_FD) this.#checkInflight(due, view, size, descriptors);
  }

  /** Nothing is claimed behind a message that breaks the text, but of the answer to it. */
  sentRefusable(bytes: Uint8Array): void {
    if (bytes.length < VHOST_USER_HEADER_SIZE) return;
    const view = viewOf(bytes);
    if (this.#refusable === undefined) {
      this.#refusable = view;
      this.#showsFeaturesOk = requestAt(view, 0) === requestId.VHOST_USER_SET_FEATURES;
    } else this.#sentBehindRefusable(requestAt(view, 0), bytes[VHOST_USER_HEADER_SIZE] ?? 0);
  }

  #sentBehindRefusable(request: number, word: number): void {
    const isStatus = request === requestId.VHOST_USER_SET_STATUS;
    if (isStatus && word !== 0) this.#askedBehind = word;
    // What is told then may be kept.
    if ((isStatus && word === 0) || beginsAnew.has(request)) {
      this.#isLost = true;
      this.#showsFeaturesOk = false;
    }
  }

  receivedBehindRefusable(bytes: Uint8Array, requirement: RequirementSlug): void {
    const sent = this.#refusable;
    if (sent === undefined || bytes.length < VHOST_USER_HEADER_SIZE) return;
    const request = requestAt(sent, 0);
    const view = viewOf(bytes);
    if (this.#showsFeaturesOk) this.#checkFeaturesOk(view);
    if (this.#isLost) return;
    const message = messageById('front-end', request);
    if (message === undefined || requestAt(view, 0) !== request) return;
    this.#checkHeader(message.name, flagsAt(view, 0));
    if (requirement === 'vu-header/reply-has-no-other-flags') {
      this.#isLost = true;
      return;
    }
    const size = payloadSizeAt(view, 0);
    const isOwn = hasOwnReply(message, { protocolFeatures: this.#protocol, isPostcopyListening: false }) === true;
    const isWord = size === acknowledgementBytes && bytes.length >= VHOST_USER_HEADER_SIZE + size;
    const word = isWord ? view.getBigUint64(VHOST_USER_HEADER_SIZE, true) : 0n;
    // Where an acknowledgement was asked for, a word that is not 0 is one that refuses.
    const isTransfer = request === requestId.VHOST_USER_SET_DEVICE_STATE_FD;
    // The answer to a transfer has its error in the low byte, and a bit for a descriptor that does not come.
    const refuses = isTransfer ? (word & 0xffn) !== 0n : this.#asksAcknowledgement(sent) && word !== 0n;
    const isEmpty = request === requestId.VHOST_USER_GET_SHARED_OBJECT;
    const isTaken = isOwn ? (isEmpty ? size === 0 : size > 0 && !refuses) : isWord && word === 0n;
    if (isTaken) {
      const what = `the answer to ${message.name}, which the driver may not send`;
      this.#tell({ requirement, what, expected: 'a refusal', actual: isOwn ? `${size} bytes` : '0' });
    }
    this.#isLost = true;
  }

  /** Virtio 2.2.2: who was told features that it refuses does not keep FEATURES_OK. Another device may keep the set before. */
  #checkFeaturesOk(view: DataView): void {
    const isStatus = requestAt(view, 0) === requestId.VHOST_USER_GET_STATUS;
    if (!isStatus || !this.#judgesChoices || view.byteLength < VHOST_USER_HEADER_SIZE + acknowledgementBytes) return;
    const status = Number(view.getBigUint64(VHOST_USER_HEADER_SIZE, true));
    if ((this.#askedBehind & status & featuresOk) === 0) return;
    this.#tell({
      requirement: 'features/unacceptable-subset-refused',
      what: 'the device status behind features that were not offered',
      expected: 'no FEATURES_OK',
      actual: String(status),
    });
  }

  #asksAcknowledgement(sent: DataView): boolean {
    return (flagsAt(sent, 0) & VHOST_USER_NEED_REPLY_MASK) !== 0 && (this.#protocol & replyAck) !== 0n;
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
    if ((flags & ~(versionMask | replyFlag)) === 0) return;
    this.#take('other-reply-flags');
    tell({ requirement: 'vu-header/reply-has-no-other-flags', what, expected: 'no other flag', actual });
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

  #checkAcknowledgement(name: string, { succeeds }: Due, view: DataView, size: number): void {
    if (size !== acknowledgementBytes) {
      const what = `bytes of the acknowledgement of ${name}`;
      const requirement = 'vu-reply-ack/need-reply-answered-with-u64';
      this.#tell({ requirement, what, expected: String(acknowledgementBytes), actual: String(size) });
      return;
    }
    const word = view.getBigUint64(VHOST_USER_HEADER_SIZE, true);
    if (!succeeds || word === 0n) return;
    const what = `the acknowledgement of ${name}`;
    this.#tell({ requirement: 'vu-reply-ack/success-is-zero', what, expected: '0', actual: String(word) });
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
      case requestId.VHOST_USER_GET_SHMEM_CONFIG:
        this.#checkSharedMemory(viewBytes(view).subarray(VHOST_USER_HEADER_SIZE));
        return;
      case requestId.VHOST_USER_GET_VRING_BASE: {
        if (!this.#checkSize(name, size, acknowledgementBytes)) return;
        const [asked, told] = [due.sent, view].map((each) => each.getUint32(VHOST_USER_HEADER_SIZE, true));
        if (asked === told) return;
        const what = 'the ring in the answer to GET_VRING_BASE';
        const requirement = 'vu-vring/base-is-next-available-index';
        this.#tell({ requirement, what, expected: String(asked), actual: String(told) });
        return;
      }
      case requestId.VHOST_USER_GET_STATUS: {
        const status = this.#checkWord(name, view, size, undefined);
        const written = due.status & keptStatus;
        if (status === undefined || !due.succeeds || (Number(status) & keptStatus) === written) return;
        const expected = `the bits of ${written} among ${keptStatus}`;
        const requirement = 'vu-status/get-status-returns-written-status';
        this.#tell({ requirement, what: 'the device status', expected, actual: String(status) });
        return;
      }
      case requestId.VHOST_USER_GET_INFLIGHT_FD: {
        const [queues, entries] = [16, 18].map((at) => due.sent.getUint16(VHOST_USER_HEADER_SIZE + at, true));
        if (queues === 0 || entries === 0) return;
        if (!inflightSizes.some((expected) => expected === size)) this.#checkSize(name, size, inflightSizes[1]);
        return;
      }
      case requestId.VHOST_USER_GET_CONFIG: {
        const asked = payloadSizeAt(due.sent, 0);
        // A read that fails has no payload, or says size 0 in its description.
        const described = size >= configHeader ? view.getUint32(VHOST_USER_HEADER_SIZE + 4, true) : 0;
        const offset = asked >= configHeader ? due.sent.getUint32(VHOST_USER_HEADER_SIZE, true) : 0;
        if (offset >= mostConfig && described > 0) {
          const what = `the answer to GET_CONFIG at offset ${offset}`;
          const requirement = 'vu-config/get-config-past-end-fails';
          this.#tell({ requirement, what, expected: 'a failure', actual: `${described} bytes` });
          return;
        }
        const isFailure = size === 0 || described === 0;
        if (isFailure && due.succeeds && offset === 0 && asked > configHeader)
          this.#checkReadable(asked - configHeader);
        if (size === asked || isFailure) return;
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

  #checkSharedMemory(told: Uint8Array): void {
    const before = this.#sharedMemory;
    this.#sharedMemory = told;
    if (before === undefined || told.every((byte, at) => byte === before[at])) return;
    this.#tell({
      requirement: 'vu-shmem/layout-constant-per-connection',
      what: 'the answer to GET_SHMEM_CONFIG',
      expected: 'as before',
      actual: 'another one',
    });
  }

  /** Virtio 2.5: fields that each device of the type has are there from the start. */
  #checkReadable(bytes: number): void {
    if (bytes > this.#leastConfiguration) return;
    this.#tell({
      requirement: this.#hasFeatures
        ? 'vu-config/get-config-reply-has-request-size'
        : 'config/fields-readable-before-features-ok',
      what: `a read of ${bytes} bytes of configuration`,
      expected: 'bytes: every device of this type has them',
      actual: 'a failure',
    });
  }

  /** A buffer, with room for the record of each queue that was asked for. */
  #checkInflight({ sent }: Due, view: DataView, size: number, descriptors: number): void {
    const [queues = 0, entries = 0] = [16, 18].map((at) => sent.getUint16(VHOST_USER_HEADER_SIZE + at, true));
    if (queues === 0 || entries === 0 || !inflightSizes.some((expected) => expected === size)) return;
    const bytes = view.getBigUint64(VHOST_USER_HEADER_SIZE, true);
    if (bytes === 0n || descriptors === 0) {
      const requirement = 'vu-inflight/get-inflight-fd-returns-buffer';
      const actual = bytes === 0n ? '0 bytes' : 'no descriptor';
      this.#tell({ requirement, what: 'the buffer of requests in flight', expected: 'a file', actual });
      return;
    }
    const least = BigInt(queues * leastRecord(entries));
    if (bytes >= least) return;
    const what = `bytes of the buffer of requests in flight for ${queues} queues of ${entries}`;
    const requirement = 'vu-inflight/one-region-per-queue';
    this.#tell({ requirement, what, expected: `${least} at least`, actual: String(bytes) });
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

/** The record of a split ring; that of a packed one is larger. */
const leastRecord = (entries: number): number => 16 + 16 * entries;

const configHeader = 12;
/** No configuration has so many bytes. */
const mostConfig = 0x1000;

const viewBytes = (view: DataView): Uint8Array => new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice();

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
