import { VHOST_USER_HEADER_SIZE } from './vhost-user-constants.ts';
import { type WireProblem, wireProblem } from './wire-problem.ts';

/**
 * One whole message in the assembler's own buffer. The object and its `descriptors` are used again: both, and the
 * bytes, are good until the next call of `next`, `push`, `reserve` or `commit`.
 */
export interface Frame {
  readonly kind: 'frame';
  readonly request: number;
  readonly flags: number;
  /** Bytes of payload. */
  readonly size: number;
  /** The buffer that the message lies in, and a view of the whole of it. */
  readonly buffer: Uint8Array;
  readonly view: DataView;
  /** Where the header begins in `buffer`, and bytes of header and payload. */
  readonly offset: number;
  readonly length: number;
  readonly descriptors: readonly number[];
  /** Some descriptor came with bytes behind the first of the message, which the text does not allow. */
  readonly descriptorsLate: boolean;
}

/** The stream cannot be read further: a header declares more than the limit. `descriptors` still want closing. */
export interface FramingProblem {
  readonly kind: 'problem';
  readonly problem: WireProblem;
  readonly request: number;
  readonly flags: number;
  readonly size: number;
  readonly descriptors: readonly number[];
}

export interface AssemblerOptions {
  /** Payload sizes above it are a problem. */
  readonly maximumPayload?: number;
  /** Bytes of the buffer at first; it grows when more is pushed than fits. */
  readonly capacity?: number;
  /**
   * Whether a message may have descriptors. Only asked when a chunk with descriptors holds further bytes behind the
   * message: one receive can join a message without descriptors and the next one with them.
   */
  readonly acceptsDescriptors?: (request: number, flags: number) => boolean;
}

interface Chunk {
  /** Places in the stream. */
  start: number;
  end: number;
  descriptors: number[];
}

interface MutableFrame {
  readonly kind: 'frame';
  request: number;
  flags: number;
  size: number;
  buffer: Uint8Array;
  view: DataView;
  offset: number;
  length: number;
  descriptors: number[];
  descriptorsLate: boolean;
}

const defaultMaximumPayload = 4096;

/**
 * Cuts a stream of vhost-user messages into frames; does no I/O itself. Bytes may come in pieces of any size.
 * Descriptors belong to the message that their chunk of bytes begins in or, when that message is already whole and
 * takes none, to the one behind it. Allocates nothing per message once warm, as long as no descriptors travel.
 */
export class MessageAssembler {
  readonly maximumPayload: number;
  #buffer: Uint8Array;
  #view: DataView;
  /** The unread bytes are `#buffer[#begin .. #end)`. */
  #begin = 0;
  #end = 0;
  /** Place in the stream of `#buffer[#begin]`. */
  #position = 0;
  readonly #chunks: Chunk[] = [];
  #problem: FramingProblem | undefined;
  readonly #frame: MutableFrame;
  readonly #acceptsDescriptors: (request: number, flags: number) => boolean;

  constructor(options: AssemblerOptions = {}) {
    this.maximumPayload = options.maximumPayload ?? defaultMaximumPayload;
    const capacity = options.capacity ?? 4 * (VHOST_USER_HEADER_SIZE + this.maximumPayload);
    this.#buffer = new Uint8Array(Math.max(capacity, VHOST_USER_HEADER_SIZE));
    this.#view = new DataView(this.#buffer.buffer);
    this.#acceptsDescriptors = options.acceptsDescriptors ?? (() => true);
    this.#frame = {
      kind: 'frame',
      request: 0,
      flags: 0,
      size: 0,
      buffer: this.#buffer,
      view: this.#view,
      offset: 0,
      length: 0,
      descriptors: [],
      descriptorsLate: false,
    };
  }

  /** The buffer to receive into after `reserve`. */
  get buffer(): Uint8Array {
    return this.#buffer;
  }

  /** Bytes that came and belong to no frame yet. */
  get pendingBytes(): number {
    return this.#end - this.#begin;
  }

  /**
   * How many bytes the message in progress still lacks: of its header, then of its payload. A receiver that asks for
   * no more than this never joins two messages, and descriptors are never in doubt.
   */
  get missingBytes(): number {
    const pending = this.pendingBytes;
    if (pending < VHOST_USER_HEADER_SIZE) {
      return VHOST_USER_HEADER_SIZE - pending;
    }
    const whole = VHOST_USER_HEADER_SIZE + this.#view.getUint32(this.#begin + 8, true);
    return Math.max(0, whole - pending);
  }

  /** Makes room for `length` bytes and returns where in `buffer` to receive them; `commit` then says what came. */
  reserve(length: number): number {
    if (this.#end + length > this.#buffer.length) {
      this.#makeRoom(length);
    }
    return this.#end;
  }

  /** Takes `length` bytes that were received at `reserve`'s offset, and the descriptors that came with them. */
  commit(length: number, descriptors?: readonly number[]): void {
    if (length > this.#buffer.length - this.#end) {
      throw new RangeError(`${length} bytes were not reserved`);
    }
    if (descriptors !== undefined && descriptors.length > 0) {
      const start = this.#position + this.pendingBytes;
      this.#chunks.push({ start, end: start + length, descriptors: [...descriptors] });
    }
    this.#end += length;
  }

  /** Copies received bytes in. */
  push(bytes: Uint8Array, offset: number, length: number, descriptors?: readonly number[]): void {
    const at = this.reserve(length);
    this.#buffer.set(offset === 0 && length === bytes.length ? bytes : bytes.subarray(offset, offset + length), at);
    this.commit(length, descriptors);
  }

  /** The next whole message; undefined when more bytes are needed; the same problem ever after once there is one. */
  next(): Frame | FramingProblem | undefined {
    if (this.#problem !== undefined) {
      return this.#problem;
    }
    const pending = this.pendingBytes;
    if (pending < VHOST_USER_HEADER_SIZE) {
      return undefined;
    }
    const frame = this.#frame;
    const begin = this.#begin;
    frame.request = this.#view.getUint32(begin, true);
    frame.flags = this.#view.getUint32(begin + 4, true);
    frame.size = this.#view.getUint32(begin + 8, true);
    if (frame.size > this.maximumPayload) {
      return this.#refuse();
    }
    const length = VHOST_USER_HEADER_SIZE + frame.size;
    if (pending < length) {
      return undefined;
    }
    frame.buffer = this.#buffer;
    frame.view = this.#view;
    frame.offset = begin;
    frame.length = length;
    this.#attachDescriptors(frame, this.#position, this.#position + length);
    this.#begin = begin + length;
    this.#position += length;
    if (this.#begin === this.#end) {
      this.#begin = 0;
      this.#end = 0;
    }
    return frame;
  }

  /** What the end of the stream means here: undefined between two messages, else the message that was cut. */
  endOfStream(): WireProblem | undefined {
    const pending = this.pendingBytes;
    if (pending === 0) {
      return undefined;
    }
    if (pending < VHOST_USER_HEADER_SIZE) {
      return wireProblem('stream-ended-inside-header', pending, 'header', `${pending} of 12 bytes came`);
    }
    const size = this.#view.getUint32(this.#begin + 8, true);
    const came = pending - VHOST_USER_HEADER_SIZE;
    return wireProblem('stream-ended-inside-payload', pending, 'payload', `${came} of ${size} bytes came`);
  }

  /** Descriptors that belong to no frame yet; the caller owns them now. */
  takePendingDescriptors(): number[] {
    const taken = this.#chunks.flatMap((chunk) => chunk.descriptors);
    this.#chunks.length = 0;
    return taken;
  }

  /** Forgets all bytes and any problem, for a new connection. Take the pending descriptors before. */
  reset(): void {
    this.#begin = 0;
    this.#end = 0;
    this.#position = 0;
    this.#chunks.length = 0;
    this.#problem = undefined;
  }

  #refuse(): FramingProblem {
    const { request, flags, size } = this.#frame;
    const detail = `${size} bytes of payload declared, the limit is ${this.maximumPayload}`;
    this.#problem = {
      kind: 'problem',
      problem: wireProblem('size-beyond-limit', 8, 'size', detail),
      request,
      flags,
      size,
      descriptors: this.takePendingDescriptors(),
    };
    return this.#problem;
  }

  #attachDescriptors(frame: MutableFrame, start: number, end: number): void {
    frame.descriptors.length = 0;
    frame.descriptorsLate = false;
    while (this.#chunks.length > 0) {
      const chunk = this.#chunks[0];
      if (chunk === undefined || chunk.start >= end) {
        return;
      }
      if (chunk.end > end && !this.#acceptsDescriptors(frame.request, frame.flags)) {
        return;
      }
      frame.descriptors.push(...chunk.descriptors);
      frame.descriptorsLate ||= chunk.start > start;
      this.#chunks.shift();
    }
  }

  #makeRoom(length: number): void {
    const pending = this.pendingBytes;
    if (pending + length > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(this.#buffer.length * 2, pending + length));
      larger.set(this.#buffer.subarray(this.#begin, this.#end));
      this.#buffer = larger;
      this.#view = new DataView(larger.buffer);
    } else {
      this.#buffer.copyWithin(0, this.#begin, this.#end);
    }
    this.#begin = 0;
    this.#end = pending;
  }
}
