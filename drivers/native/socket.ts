import { addon, checked, fail } from './addon.ts';
import { setNonblocking } from './file.ts';
import type { Pinned } from './pin.ts';
import { monotonicUs, poll } from './poll.ts';

/** The most descriptors that Linux carries with one message. */
export const maxMessageFds = 253;

/** For a deadline: none. */
export const noDeadline = -1;

const EAGAIN = 11;
const ECONNRESET = 104;
const ETIMEDOUT = 110;
const pairOut = new Int32Array(2);
const credentialsOut = new Int32Array(3);
const noFds = new Int32Array(0);
const noEvents = new Int16Array(0);
const connectRetryUs = 1000;

/**
 * A stream connection to the socket at `path`, blocking. A path that starts
 * with a zero character is abstract. Throws SystemCallError, ETIMEDOUT where
 * the listener's backlog stayed full.
 */
export function unixConnect(path: string, options: { timeoutMs: number }): number {
  const fd = checked(addon.socket(), 'socket');
  try {
    const deadline = monotonicUs() + options.timeoutMs * 1000;
    for (;;) {
      const result = addon.connect(fd, path);
      if (result >= 0) break;
      if (result !== -EAGAIN) fail(result, 'connect', path);
      // A full backlog wakes no poll on our side.
      if (monotonicUs() >= deadline) fail(-ETIMEDOUT, 'connect', path);
      poll(noFds, noEvents, noEvents, 0, connectRetryUs);
    }
    setNonblocking(fd, false);
  } catch (error) {
    addon.closeFd(fd);
    throw error;
  }
  return fd;
}

/** A listening stream socket, nonblocking, at a path that must not exist yet. */
export function unixListen(path: string, backlog = 16): number {
  const fd = checked(addon.socket(), 'socket');
  try {
    checked(addon.bind(fd, path), 'bind', path);
    checked(addon.listen(fd, backlog), 'listen', path);
  } catch (error) {
    addon.closeFd(fd);
    throw error;
  }
  return fd;
}

/** The next connection, blocking; -1 where none waits. */
export function acceptConnection(fd: number): number {
  const connection = addon.accept(fd);
  return connection === -EAGAIN ? -1 : checked(connection, 'accept4');
}

/** Two connected stream sockets. */
export function socketPair(): [number, number] {
  checked(addon.socketPair(pairOut), 'socketpair');
  const [first = -1, second = -1] = pairOut;
  return [first, second];
}

const shutdownHow = { read: 0, write: 1, both: 2 } as const;

/** Ends one direction of a connection or both, while the descriptor stays open. */
export function shutdownSocket(fd: number, how: keyof typeof shutdownHow): void {
  checked(addon.shutdown(fd, shutdownHow[how]), 'shutdown');
}

/** Who made the other end of a connection (SO_PEERCRED). */
export function peerCredentials(fd: number): { pid: number; uid: number; gid: number } {
  checked(addon.peerCredentials(fd, credentialsOut), 'getsockopt(SO_PEERCRED)');
  const [pid = 0, uid = 0, gid = 0] = credentialsOut;
  return { pid, uid, gid };
}

/**
 * Bytes sent: fewer than `length` only where the deadline (of `monotonicUs`;
 * negative: none) passed first. The first `fdCount` of `fds` go with the first
 * byte. SystemCallError EPIPE or ECONNRESET where the peer is gone.
 */
export function sendMessage(
  fd: number,
  buffer: Uint8Array,
  offset: number,
  length: number,
  fds: Int32Array | null,
  fdCount: number,
  deadlineUs: number,
): number {
  const sent = addon.sendMessage(fd, buffer, offset, length, fds, fdCount, deadlineUs);
  if (sent < 0) fail(sent, 'sendmsg');
  return sent;
}

/** Places in the result of `sendMessages`; it needs 2. */
export const sentOfNext = 0;
/** Why the next one was not sent whole: EPIPE, ECONNRESET, ..., or 0 for the deadline. */
export const sendErrno = 1;

/**
 * Sends `count` messages that lie one after the other in `buffer`, each by a sendmsg of its own. `lengths` are bytes
 * (1 or more), `fdCounts` how many of `fds` go with each, in order. Returns how many were sent whole; where that is
 * not all of them, `result` says what became of the next one.
 */
export function sendMessages(
  fd: number,
  buffer: Uint8Array,
  lengths: Int32Array,
  fds: Int32Array,
  fdCounts: Int32Array,
  count: number,
  deadlineUs: number,
  result: Int32Array,
): number {
  const whole = addon.sendMessages(fd, buffer, lengths, fds, fdCounts, count, deadlineUs, result);
  if (whole < 0) fail(whole, 'sendmsg');
  return whole;
}

/** Places in the result of `receiveMessage`; it needs 3. */
export const receivedFdCount = 0;
export const receivedControlTruncated = 1;
export const receivedDataTruncated = 2;

/**
 * One recvmsg that never blocks: bytes received, 0 where the peer closed, -1
 * where nothing waits. The descriptors in `fdsOut` belong to the caller, also
 * where the control data was truncated. `flags` are MSG_*.
 */
export function receiveMessage(
  fd: number,
  buffer: Uint8Array,
  offset: number,
  length: number,
  fdsOut: Int32Array | null,
  flags: number,
  result: Int32Array,
): number {
  const received = addon.receiveMessage(fd, buffer, offset, length, fdsOut, flags, result);
  if (received >= 0) return received;
  return received === -EAGAIN ? -1 : fail(received, 'recvmsg');
}

/** How an exchange ended. */
export const exchangeReply = 0;
/** The peer closed or reset the connection; what came before is in the result. */
export const exchangeClosed = 1;
export const exchangeDeadline = 2;
/** One of the other descriptors became ready before the reply was whole. */
export const exchangeOtherReady = 3;

/** Places in the result of `exchange`; it needs 5. */
export const exchangedBytes = 0;
export const exchangedFdCount = 1;
export const exchangedControlTruncated = 2;
export const exchangedBytesSent = 3;
/** 0 for an orderly close, else ECONNRESET or EPIPE. */
export const exchangedCloseErrno = 4;

/**
 * Further descriptors that end the wait of an exchange, as for `poll`; at most
 * 63. They are first looked at when the reply is 5 ms late.
 */
export interface OtherDescriptors {
  readonly fds: Int32Array | Pinned;
  readonly events: Int16Array | Pinned;
  /** Filled where the exchange answers `exchangeOtherReady`. */
  readonly revents: Int16Array | Pinned;
  count: number;
}

/**
 * Sends one vhost-user message and receives until `receiveBuffer` is full or
 * holds a whole message: 12 bytes of header and the payload it announces. More
 * than that may have arrived. Returns one of the four outcomes above, with the
 * figures in `result`; nothing is allocated. Where the reply has as many bytes
 * as expected, header included, it costs one receive; a shorter one comes 5 ms
 * late.
 */
export function exchange(
  fd: number,
  sendBuffer: Uint8Array | Pinned,
  sendLength: number,
  sendFds: Int32Array | Pinned | null,
  sendFdCount: number,
  receiveBuffer: Uint8Array | Pinned,
  fdsOut: Int32Array | Pinned | null,
  result: Int32Array | Pinned,
  deadlineUs: number,
  others: OtherDescriptors | null,
  expectedLength = 0,
): number {
  const outcome =
    others === null
      ? addon.exchange(
          fd,
          sendBuffer,
          sendLength,
          sendFds,
          sendFdCount,
          receiveBuffer,
          fdsOut,
          result,
          deadlineUs,
          null,
          null,
          null,
          0,
          expectedLength,
        )
      : addon.exchange(
          fd,
          sendBuffer,
          sendLength,
          sendFds,
          sendFdCount,
          receiveBuffer,
          fdsOut,
          result,
          deadlineUs,
          others.fds,
          others.events,
          others.revents,
          others.count,
          expectedLength,
        );
  if (outcome < 0) fail(outcome, 'exchange');
  return outcome;
}

/** Whether the error of a send or receive says that the peer is gone. */
export function isPeerGone(errno: number): boolean {
  return errno === ECONNRESET || errno === 32;
}
