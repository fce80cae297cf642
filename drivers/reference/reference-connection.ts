import type { OutgoingMessage } from '../../reference-impl/vhost-user/reply-rules.ts';
import type { BackEndSession } from '../../reference-impl/vhost-user/session.ts';
import type { StateTransfer } from '../../reference-impl/vhost-user/state-transfer.ts';
import { type Frame, MessageAssembler } from '../../reference-impl/wire/framing.ts';
import { encodeMessage } from '../../reference-impl/wire/vhost-user-codec.ts';
import { VHOST_USER_HEADER_SIZE } from '../../reference-impl/wire/vhost-user-constants.ts';
import { SystemCallError } from '../errors.ts';
import {
  maxMessageFds,
  monotonicUs,
  readOnce,
  receivedFdCount,
  receiveMessage,
  sendMessage,
} from '../native/native.ts';
import type { BackEndFiles } from './back-end-files.ts';

interface Unsent {
  readonly bytes: Uint8Array;
  readonly descriptors: Int32Array | null;
  sent: number;
}

const descriptorsIn = new Int32Array(maxMessageFds);
const received = new Int32Array(3);
const kickValue = new Uint8Array(8);
const kickView = new DataView(kickValue.buffer);
/** Bytes that are kept of a connection at first; nearly all messages are shorter. */
const capacity = 1024;
/** Unsent bytes from which on no more requests are read: a front-end that does not read is not to fill our memory. */
const unsentLimit = 64;

/** One connection with its real socket: bytes to messages, messages to bytes. Never waits. */
export class ReferenceConnection {
  readonly session: BackEndSession;
  readonly fd: number;
  readonly #files: BackEndFiles;
  readonly #assembler: MessageAssembler;
  readonly #unsent: Unsent[] = [];
  /** Kick descriptors that are no use: at their end, or broken. */
  readonly #deaf = new Set<number>();

  constructor(fd: number, session: BackEndSession, files: BackEndFiles) {
    this.fd = fd;
    this.#files = files;
    files.hold([fd]);
    this.session = session;
    this.#assembler = new MessageAssembler({ maximumPayload: session.rules.reply.largestPayload, capacity });
  }

  get wantsToSend(): boolean {
    return this.#unsent.length > 0;
  }

  get wantsToReceive(): boolean {
    return this.#unsent.length < unsentLimit;
  }

  /** The transfer of state that is under way. */
  get transfer(): StateTransfer | undefined {
    const { stateTransfer } = this.session;
    return stateTransfer?.token === undefined ? undefined : stateTransfer;
  }

  isDeaf(token: number): boolean {
    return this.#deaf.has(token);
  }

  /** Whether `receive` has taken in anything since this was last set to false. */
  hasReceived = false;

  /** Receives what waits, one message at most. False at the end of the connection. */
  receive(): boolean {
    const { stream } = this.session.rules;
    for (let outcome = this.#receiveOnce(); ; outcome = this.#receiveOnce()) {
      if (outcome === 'end') {
        const how = this.#assembler.pendingBytes > 0 ? stream.atTruncatedEnd : undefined;
        if (how !== undefined) this.#files.breakDown(how);
        return false;
      }
      if (outcome === 'nothing') return stream.waitsForRest || this.#assembler.pendingBytes === 0;
      const frame = this.#assembler.next();
      if (frame === undefined) continue;
      const how = stream.breakdownAt(frame);
      if (how !== undefined) this.#files.breakDown(how);
      if (frame.kind === 'problem') {
        for (const token of frame.descriptors) this.session.edge.close(token);
        return false;
      }
      this.#hand(frame);
      return this.flush() && this.session.isOpen;
    }
  }

  /** Sends what waits to be sent, as far as it goes. False where the peer is gone. */
  flush(): boolean {
    for (let next = this.session.takeOutgoing(); next !== undefined; next = this.session.takeOutgoing()) {
      this.#unsent.push(pack(next));
    }
    for (let first = this.#unsent[0]; first !== undefined; first = this.#unsent[0]) {
      if (!this.#send(first)) return false;
      if (first.sent < first.bytes.length) return true;
      this.#unsent.shift();
      this.#closeSent(first);
    }
    return true;
  }

  /** A kick descriptor is readable. */
  readKick(token: number, index: number): void {
    let count = 0;
    try {
      count = readOnce(token, kickValue, 0, kickValue.length);
    } catch (error) {
      if (!(error instanceof SystemCallError)) throw error;
    }
    if (count === 0) this.#deaf.add(token);
    else if (count > 0) this.session.rings.kicked(index, Number(kickView.getBigUint64(0, true)));
  }

  close(): void {
    for (const unsent of this.#unsent) this.#closeSent(unsent);
    for (const token of this.#assembler.takePendingDescriptors()) this.session.edge.close(token);
    this.session.release();
    this.#files.close(this.fd);
  }

  #receiveOnce(): 'bytes' | 'nothing' | 'end' {
    const assembler = this.#assembler;
    // No more than the message in progress lacks: so descriptors are never in doubt.
    const length = assembler.missingBytes;
    const at = assembler.reserve(length);
    let count: number;
    try {
      count = receiveMessage(this.fd, assembler.buffer, at, length, descriptorsIn, 0, received);
    } catch (error) {
      if (error instanceof SystemCallError) return 'end';
      throw error;
    }
    if (count < 0) return 'nothing';
    this.hasReceived = true;
    const descriptors = Array.from(descriptorsIn.subarray(0, received[receivedFdCount]));
    this.#files.hold(descriptors);
    if (count > 0) {
      assembler.commit(count, descriptors);
      return 'bytes';
    }
    for (const token of descriptors) this.session.edge.close(token);
    return 'end';
  }

  #hand(frame: Frame): void {
    const { request, flags, descriptors, descriptorsLate } = frame;
    const start = frame.buffer.byteOffset + frame.offset + VHOST_USER_HEADER_SIZE;
    this.session.receive({
      request,
      flags,
      payload: new DataView(frame.buffer.buffer, start, frame.size),
      descriptors: [...descriptors],
      descriptorsLate,
    });
  }

  #send(message: Unsent): boolean {
    const { bytes, descriptors, sent } = message;
    const fds = sent === 0 ? descriptors : null;
    try {
      this.#files.hasSignalled = true;
      message.sent += sendMessage(this.fd, bytes, sent, bytes.length - sent, fds, fds?.length ?? 0, monotonicUs());
      return true;
    } catch (error) {
      if (error instanceof SystemCallError) return false;
      throw error;
    }
  }

  #closeSent(message: Unsent): void {
    for (const token of message.descriptors ?? []) this.session.edge.close(token);
  }
}

function pack(message: OutgoingMessage): Unsent {
  const { request, flags, size, payload, descriptors } = message;
  const bytes = new Uint8Array(VHOST_USER_HEADER_SIZE + payload.length);
  encodeMessage(bytes, { request, flags, payload, declaredSize: size });
  return { bytes, descriptors: descriptors.length === 0 ? null : Int32Array.from(descriptors), sent: 0 };
}
