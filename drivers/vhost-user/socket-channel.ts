import { SystemCallError } from '../errors.ts';
import { listenerAt } from '../iut-process/listening-sockets.ts';
import {
  closeFd,
  exchange,
  exchangeClosed,
  exchangedBytes,
  exchangedBytesSent,
  exchangedFdCount,
  ioctl,
  isPeerGone,
  LastPinned,
  type OtherDescriptors,
  peerCredentials,
  pin,
  receivedFdCount,
  receiveMessage,
  sendErrno,
  sendMessage,
  sendMessages,
  sentOfNext,
  shutdownSocket,
  unixConnect,
} from '../native/native.ts';
import type { Carrier, Channel, ChannelExchange, CutMessage } from './channel.ts';

const noFlags = 0;
/** unix(7): what the peer of a stream socket has not read yet. */
const SIOCOUTQ = 0x5411;

const gone = (error: unknown): -1 => {
  if (error instanceof SystemCallError && isPeerGone(error.errno)) return -1;
  throw error;
};

/** Shared by all channels: each is read before another call can fill it again. */
const result = new Int32Array(3);
const figures = new Int32Array(5);
const pinnedFigures = pin(figures);
const sendBytes = new LastPinned();
const sendDescriptors = new LastPinned();
const replyBytes = new LastPinned();
const replyFds = new LastPinned();
const unreadCount = new Int32Array(1);
const unread = new Uint8Array(unreadCount.buffer);

/** A connected Unix stream socket, or one end of a pair. Owns the descriptor. */
export class SocketChannel implements Channel {
  #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  get pollFd(): number {
    return this.#fd;
  }

  get peerPid(): number | undefined {
    const { pid } = peerCredentials(this.#fd);
    return pid > 0 ? pid : undefined;
  }

  get receivedDescriptors(): number {
    return result[receivedFdCount] ?? 0;
  }

  send(
    bytes: Uint8Array,
    offset: number,
    length: number,
    descriptors: Int32Array | null,
    descriptorCount: number,
    deadlineUs: number,
  ): number {
    try {
      return sendMessage(this.#fd, bytes, offset, length, descriptors, descriptorCount, deadlineUs);
    } catch (error) {
      return gone(error);
    }
  }

  sendAll(
    bytes: Uint8Array,
    lengths: Int32Array,
    descriptors: Int32Array,
    descriptorCounts: Int32Array,
    count: number,
    deadlineUs: number,
    cut: CutMessage,
  ): number {
    const whole = sendMessages(this.#fd, bytes, lengths, descriptors, descriptorCounts, count, deadlineUs, result);
    if (whole === count) return whole;
    const errno = result[sendErrno] ?? 0;
    if (errno !== 0 && !isPeerGone(errno)) throw new SystemCallError(errno, 'sendmsg');
    cut.sent = result[sentOfNext] ?? 0;
    cut.isClosed = errno !== 0;
    return whole;
  }

  receive(bytes: Uint8Array, offset: number, length: number, descriptors: Int32Array): number {
    try {
      const received = receiveMessage(this.#fd, bytes, offset, length, descriptors, noFlags, result);
      return received < 0 ? 0 : received === 0 ? -1 : received;
    } catch (error) {
      return gone(error);
    }
  }

  isDrained(): boolean {
    if (this.#fd < 0) return true;
    ioctl(this.#fd, SIOCOUTQ, unread);
    return unreadCount[0] === 0;
  }

  exchange(
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
  ): void {
    const end = exchange(
      this.#fd,
      sendBytes.of(bytes),
      length,
      descriptors === null ? null : sendDescriptors.of(descriptors),
      descriptorCount,
      replyBytes.of(reply),
      replyFds.of(replyDescriptors),
      pinnedFigures,
      deadlineUs,
      others,
      expectedLength,
    );
    outcome.sent = figures[exchangedBytesSent] ?? 0;
    outcome.received = figures[exchangedBytes] ?? 0;
    outcome.descriptors = figures[exchangedFdCount] ?? 0;
    outcome.isClosed = end === exchangeClosed;
  }

  shutdown(how: 'write' | 'both'): void {
    try {
      shutdownSocket(this.#fd, how);
    } catch (error) {
      // ENOTCONN: the peer was faster.
      if (!(error instanceof SystemCallError)) throw error;
    }
  }

  close(): void {
    if (this.#fd < 0) return;
    closeFd(this.#fd);
    this.#fd = -1;
  }
}

const connectWithinMs = 2000;
/** Without a listening socket, and where it was closed before it accepted. */
const listensLater = ['ECONNREFUSED', 'ENOENT', 'ECONNRESET'];

/** Connections to the back-end that listens at a path. */
export class SocketCarrier implements Carrier {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  connect(): ReturnType<Carrier['connect']> {
    try {
      return { kind: 'connected', channel: new SocketChannel(unixConnect(this.path, { timeoutMs: connectWithinMs })) };
    } catch (error) {
      if (!(error instanceof SystemCallError)) throw error;
      return { kind: 'refused', why: error.message, mayListenLater: listensLater.includes(error.errnoName) };
    }
  }

  listener(): string | undefined {
    return listenerAt(this.path);
  }
}
