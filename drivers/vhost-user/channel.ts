import type { OtherDescriptors } from '../native/native.ts';

/** What came of `Channel.exchange`. */
export interface ChannelExchange {
  /** Bytes sent of those that were given. */
  sent: number;
  /** Bytes received, at the start of the buffer: a whole message or more, or what had come when the wait ended. */
  received: number;
  /** Descriptors received, which belong to the caller now. */
  descriptors: number;
  isClosed: boolean;
}

/** What became of the message after those that `Channel.sendAll` sent whole. */
export interface CutMessage {
  /** Bytes of it that were sent. */
  sent: number;
  isClosed: boolean;
}

/** One vhost-user connection as a stream of bytes and descriptors. Nothing here blocks without a deadline. */
export interface Channel {
  /** Readable when `receive` has something to say. In process: the end of a real socket or eventfd, or -1 for none. */
  readonly pollFd: number;
  /** Who serves the other end, where that is known. */
  readonly peerPid: number | undefined;
  /**
   * Sends `length` bytes; the first `descriptorCount` of `descriptors` travel with the first of them and stay ours.
   * @param deadlineUs of the monotonic clock, in microseconds.
   * @returns bytes sent, fewer than `length` where the deadline passed; -1 where the peer is gone.
   */
  send(
    bytes: Uint8Array,
    offset: number,
    length: number,
    descriptors: Int32Array | null,
    descriptorCount: number,
    deadlineUs: number,
  ): number;
  /**
   * Sends `count` messages that lie one after the other in `bytes`: `lengths` of each, and how many of `descriptors` go
   * with it, in order.
   * @returns how many were sent whole; where that is not all, `cut` says what became of the next one.
   */
  sendAll(
    bytes: Uint8Array,
    lengths: Int32Array,
    descriptors: Int32Array,
    descriptorCounts: Int32Array,
    count: number,
    deadlineUs: number,
    cut: CutMessage,
  ): number;
  /**
   * Receives what waits, up to `length` bytes. Descriptors that came are written into `descriptors`, counted in
   * `receivedDescriptors`, and belong to the caller.
   * @returns bytes received, 0 where nothing waits, -1 where the peer closed.
   */
  receive(bytes: Uint8Array, offset: number, length: number, descriptors: Int32Array): number;
  readonly receivedDescriptors: number;
  /**
   * `send`, and then a wait for the first message into the empty `reply`, in one step; ends early when one of the
   * other descriptors is ready. A reply of `expectedLength` bytes, header included, is fastest; 0 where nothing is
   * known of it. Absent where there is nothing to be gained by it.
   */
  exchange?(
    bytes: Uint8Array,
    length: number,
    descriptors: Int32Array | null,
    descriptorCount: number,
    reply: Uint8Array,
    replyDescriptors: Int32Array,
    expectedLength: number,
    deadlineUs: number,
    others: OtherDescriptors,
    outcome: ChannelExchange,
  ): void;
  /** Whether the peer has taken in all that was sent, as far as the channel can tell. */
  isDrained(): boolean;
  /** Ends our sending direction or the whole connection; the channel stays open for `receive`. */
  shutdown(how: 'write' | 'both'): void;
  /** Idempotent. */
  close(): void;
}

/** What carries connections to one IUT. */
export interface Carrier {
  /** Connects without sending anything. `refused` says why there is no connection. */
  connect():
    | { readonly kind: 'connected'; readonly channel: Channel }
    | {
        readonly kind: 'refused';
        readonly why: string;
        /** No socket listens now, or the one that listened was closed: another may come. */
        readonly mayListenLater: boolean;
      };
  /** What tells one listening socket of the IUT from another; undefined where none listens. Absent without a socket. */
  listener?(): string | undefined;
  /**
   * Lets an IUT of this process do one step of its work, and returns whether there was any. Called whenever we
   * would wait: when it answers false and nothing is readable, nothing more can come. Absent where the IUT runs by
   * itself.
   */
  step?(): boolean;
  /**
   * Whether a step since the last call of this made a descriptor of ours ready, as far as it knows. Absent where that is
   * not known.
   */
  takeSignalled?(): boolean;
}
