import type { RequirementSlug } from '../../catalogue/catalogue.ts';
import { VSOCK_HEADER_SIZE, type VsockHeader, vsockOps, vsockSeq, vsockShutdown } from '../../devices/vsock-layout.ts';
import { inParts, type ModelFinding, type Tell, type TellParts } from './observation.ts';

type AnswerName = 'response' | 'rst' | 'credit-update';

interface Owed {
  readonly answer: AnswerName;
  readonly requirement: RequirementSlug;
  /** RST will do as well. */
  readonly mayBeRefused?: boolean;
}

/** One message of a socket of type seqpacket as it was sent, or the bytes of a stream. */
interface Message {
  readonly bytes: number[];
  flags: number;
  isEnded: boolean;
}

/** Longer data than this are not followed. */
const mostData = 0x4_0000;

/**
 * One direction of sockets, from the driver's port to one of the host: what was sent, and what may come. The socket of the
 * host gives back what it receives.
 */
export class VsockFlow {
  readonly #isMessages: boolean;
  #state: 'none' | 'asked' | 'open' | 'over' = 'none';
  /** Nothing is claimed of it any more. */
  #isLost: boolean;
  /** Its REQUEST went to the port that listens. */
  #isListening = false;
  /** The driver said that it will not send, or not receive: the host may end it. */
  #hints = 0;
  #owed: Owed[] = [];
  /** The driver ended it by RST. */
  #isReset = false;
  /** Payload bytes, free-running. */
  #sent = 0;
  #received = 0;
  /** The most payload bytes that the buffer of the driver's socket was ever told to take. */
  #limit = 0;
  /** As the device was told last. */
  #latestLimit = 0;
  /** As the host told them. */
  #peerBuffer = 0;
  #peerForwarded = 0;
  #waiting: Message[] = [];

  constructor(isMessages: boolean, isLost: boolean) {
    this.#isMessages = isMessages;
    this.#isLost = isLost;
  }

  lose(): void {
    this.#isLost = true;
    this.#owed = [];
  }

  owe(answer: AnswerName, requirement: RequirementSlug): void {
    this.#owed.push({ answer, requirement });
  }

  /** What was owed may come, or not. */
  forgive(): void {
    // It is not known any more which answers are to come.
    if (this.#owed.length > 0 || this.#waiting.length > 0) this.lose();
  }

  /** RST of the driver. */
  reset(): void {
    // What is under way may come still.
    if (this.#owed.length > 0 || this.#waiting.length > 0 || this.#state === 'asked') this.lose();
    this.#state = 'over';
    this.#isReset = true;
  }

  /** REQUEST of the driver. `mayBeFull`: the device may have no room for another connection. */
  asked({ bufAlloc, fwdCnt }: VsockHeader, isListening: boolean, mayBeFull: boolean): void {
    // A second one for a connection that there is has no meaning.
    if (this.#state === 'asked' || this.#state === 'open' || this.#owed.length > 0) this.lose();
    this.#state = 'asked';
    this.#isListening = isListening;
    this.#hints = this.#sent = this.#received = this.#peerBuffer = this.#peerForwarded = 0;
    this.#isReset = false;
    this.#limit = this.#latestLimit = bufAlloc + fwdCnt;
    this.#waiting = [];
    if (isListening && mayBeFull) {
      const requirement = 'vsock/connection-refused-without-resources';
      this.#owed.push({ answer: 'response', requirement, mayBeRefused: true });
    } else if (isListening) this.owe('response', 'vsock/connection-established');
    else this.owe('rst', 'vsock/connection-refused-without-listener');
  }

  /** Any other packet of the driver, but RST. */
  sent(header: VsockHeader, payload: Uint8Array): void {
    if (this.#state === 'none' || this.#state === 'over') {
      this.owe('rst', this.#isReset ? 'vsock/rst-disconnects' : 'vsock/stranger-answered-by-rst');
      return;
    }
    const isOdd = this.#state === 'asked' || header.fwdCnt > this.#received;
    if (isOdd || this.#owed.some(({ answer }) => answer === 'rst')) this.lose();
    this.#latestLimit = header.fwdCnt + header.bufAlloc;
    this.#limit = Math.max(this.#limit, this.#latestLimit);
    switch (header.op) {
      case vsockOps.rw:
        this.#sentData(header, payload);
        break;
      case vsockOps.shutdown:
        this.#shutDown(header.flags);
        break;
      case vsockOps.creditRequest:
        this.owe('credit-update', 'vsock/credit-request-answered');
        break;
      case vsockOps.creditUpdate:
        break;
      default:
        this.lose();
    }
  }

  #sentData({ flags }: VsockHeader, payload: Uint8Array): void {
    const free = this.#peerBuffer - (this.#sent - this.#peerForwarded);
    const isEmpty = payload.length === 0;
    if (isEmpty || payload.length > free || this.#hints !== 0 || this.#sent > mostData) this.lose();
    this.#sent += payload.length;
    const last = this.#waiting.at(-1);
    const isNext = last === undefined || last.isEnded;
    const message: Message = isNext ? { bytes: [], flags: 0, isEnded: false } : last;
    if (isNext) this.#waiting.push(message);
    for (const byte of payload) message.bytes.push(byte);
    if (!this.#isMessages) return;
    message.flags |= flags;
    message.isEnded = (flags & vsockSeq.endOfMessage) !== 0;
    // A record that ends without its message has no meaning.
    if (!message.isEnded && flags !== 0) this.lose();
  }

  #shutDown(flags: number): void {
    if (flags === 0 || flags > vsockShutdown.both) this.lose();
    const before = this.#hints;
    this.#hints |= flags;
    if (this.#hints !== vsockShutdown.both) return;
    const isOfBoth = flags === vsockShutdown.both;
    // A connection that was ended by one half may be over already.
    if (before === vsockShutdown.both) this.lose();
    this.owe('rst', isOfBoth ? 'vsock/shutdown-answered-by-rst' : 'vsock/shutdown-hints-permanent');
  }

  /** A packet of the device. */
  received(header: VsockHeader, payload: Uint8Array, tell: Tell): void {
    if (this.#isLost) return;
    const told: TellParts = (...parts) => {
      this.lose();
      inParts(tell)(...parts);
    };
    switch (header.op) {
      case vsockOps.response: {
        const [first] = this.#owed;
        if (this.#take('response')) this.#state = 'open';
        else told(first?.requirement ?? 'vsock/connection-established', 'the answer', this.#expected(), 'RESPONSE');
        break;
      }
      case vsockOps.rst:
        if (this.#take('rst') || this.#takeRefusal()) {
          this.#state = 'over';
          this.#isReset = false;
          this.#waiting = [];
        } else if (this.#state === 'asked' && this.#isListening) {
          told('vsock/connection-established', 'the answer to REQUEST', 'RESPONSE', 'RST');
        } else this.lose();
        return;
      case vsockOps.rw:
        if (this.#state === 'asked') told('vsock/connection-established', 'the answer to REQUEST', 'RESPONSE', 'RW');
        else if (this.#state === 'open') this.#receivedData(header, payload, told);
        break;
      case vsockOps.creditUpdate:
        this.#take('credit-update');
        break;
      case vsockOps.shutdown:
        // Its socket may end whenever it likes.
        this.lose();
        break;
    }
    if (!this.#isLost && this.#state === 'open') this.#checkCredit(header, told);
  }

  #expected(): string {
    const [first] = this.#owed;
    return first === undefined ? 'none' : first.answer.toUpperCase();
  }

  /** Whether this answer was owed. It is owed no more. */
  #take(answer: AnswerName): boolean {
    const at = this.#owed.findIndex((one) => one.answer === answer);
    if (at >= 0) this.#owed.splice(at, 1);
    return at >= 0;
  }

  #takeRefusal(): boolean {
    return this.#owed.some(({ mayBeRefused }) => mayBeRefused === true) && this.#take('response');
  }

  #receivedData({ flags }: VsockHeader, payload: Uint8Array, told: TellParts): void {
    if (this.#received + payload.length > this.#limit) {
      const actual = String(this.#received + payload.length);
      told('vsock/data-within-free-space', 'payload bytes in all', `${this.#limit} at most`, actual);
      return;
    }
    const [message] = this.#waiting;
    const { bytes } = message ?? { bytes: [] };
    const at = payload.findIndex((byte, n) => byte !== bytes[n]);
    if (at >= 0) {
      const expected = at < bytes.length ? String(bytes[at]) : 'none';
      const what = `byte ${this.#received + at} of what comes back`;
      told('vsock/stream-data-in-order', what, expected, String(payload[at]));
      return;
    }
    this.#received += payload.length;
    bytes.splice(0, payload.length);
    const isWhole = bytes.length === 0;
    if (isWhole && (message?.isEnded === true || !this.#isMessages)) this.#waiting.shift();
    if (!this.#isMessages) return;
    const isEnd = isWhole && message?.isEnded === true;
    const marks = isEnd ? (message?.flags ?? 0) : 0;
    const differs = (mark: number): boolean => ((flags ^ marks) & mark) !== 0;
    const [expected, actual] = [String(marks), String(flags)];
    if (differs(vsockSeq.endOfMessage)) told('vsock/message-ends-with-eom', 'flags of RW', expected, actual);
    else if (differs(vsockSeq.endOfRecord)) told('vsock/record-ends-with-eor', 'flags of RW', expected, actual);
  }

  #checkCredit({ bufAlloc, fwdCnt, op }: VsockHeader, told: TellParts): void {
    const tells = op === vsockOps.response || op === vsockOps.rw || op === vsockOps.creditUpdate;
    if (!tells) return;
    const requirement = 'vsock/credit-fields-valid';
    // What has come back was taken out of the buffer; of this packet's own payload that is not known.
    const least = op === vsockOps.rw ? this.#peerForwarded : Math.max(this.#peerForwarded, this.#received);
    if (bufAlloc === 0) told(requirement, 'buf_alloc', 'more than 0', '0');
    else if (fwdCnt > this.#sent) told(requirement, 'fwd_cnt', `${this.#sent} at most`, String(fwdCnt));
    else if (fwdCnt < least) told(requirement, 'fwd_cnt', `${least} at least`, String(fwdCnt));
    this.#peerBuffer = bufAlloc;
    this.#peerForwarded = fwdCnt;
  }

  /** What has not come although it was owed, where buffers of these sizes were there; undefined for nothing. */
  missing(rooms: readonly number[]): ModelFinding | undefined {
    if (this.#isLost) return undefined;
    const [first] = this.#owed;
    if (first !== undefined) {
      const expected = this.#expected();
      return { requirement: first.requirement, what: 'the answer to a packet', expected, actual: 'none' };
    }
    const hasRoom = rooms.some((room) => room > VSOCK_HEADER_SIZE);
    const isOpen = this.#state === 'open' && this.#hints === 0 && this.#received < this.#latestLimit;
    const [message] = this.#waiting;
    if (!hasRoom || !isOpen || message === undefined || message.bytes.length === 0) return undefined;
    if (this.#isMessages && !message.isEnded) return undefined;
    const expected = `${message.bytes.length} more bytes`;
    return { requirement: 'vsock/stream-data-in-order', what: 'what comes back', expected, actual: 'nothing' };
  }
}
