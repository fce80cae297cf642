import { lstatSync, type Stats, statSync } from 'node:fs';
import { encodeHeaderInto } from '../../reference-impl/wire/vhost-user-codec.ts';
import {
  VHOST_USER_HEADER_SIZE,
  VHOST_USER_REPLY_FLAGS,
  VHOST_USER_REQUEST_FLAGS,
} from '../../reference-impl/wire/vhost-user-constants.ts';
import { requestId } from '../../reference-impl/wire/vhost-user-messages.ts';
import { DriverUsageError, SystemCallError } from '../errors.ts';
import { checkSocketPath } from '../iut-process/iut-directory.ts';
import { closeFd, monotonicUs, unixConnect } from '../native/native.ts';
import { deadlineIn } from '../session/deadline.ts';
import { PollSet } from '../session/wait-set.ts';
import type { Channel } from './channel.ts';
import { whyForeign } from './feature-answer.ts';
import { SocketChannel } from './socket-channel.ts';

const answerWithinMs = 2000;
const connectWithinMs = 400;
const replyLength = VHOST_USER_HEADER_SIZE + 8;

/** What a back-end says first. */
export interface Peer {
  /** The feature word of its first reply. */
  readonly offered: bigint;
  /** Its process, where that can be seen from here. */
  readonly pid: number | undefined;
}

const connectProblems: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such socket',
  ECONNREFUSED: 'no process listens on this socket',
  EACCES: 'no permission to connect',
  EPERM: 'no permission to connect',
  ENOTDIR: 'a part of the path is not a directory',
  ELOOP: 'its symbolic links lead in a circle',
  ETIMEDOUT: 'the process that listens on this socket accepts no connection',
  EPROTOTYPE: 'it is not a stream socket',
};

/** Throws DriverUsageError with one line where the path cannot be the socket of a back-end; it does not name it. */
function checkSocket(path: string): void {
  checkSocketPath(path);
  let status: Stats;
  try {
    status = statSync(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    const isDangling = code === 'ENOENT' && hasName(path);
    const problem = isDangling ? 'it is a symbolic link to nothing' : (connectProblems[code] ?? code);
    throw new DriverUsageError(problem);
  }
  if (status.isDirectory()) throw new DriverUsageError('it is a directory and not a socket');
  if (!status.isSocket()) throw new DriverUsageError('it is not a socket');
}

/** Whether something has that name, if only a link that leads nowhere. */
function hasName(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function connectTo(path: string): Channel {
  try {
    return new SocketChannel(unixConnect(path, { timeoutMs: connectWithinMs }));
  } catch (error) {
    if (!(error instanceof SystemCallError)) throw error;
    throw new DriverUsageError(connectProblems[error.errnoName] ?? error.message);
  }
}

/** Why these bytes are no reply to GET_FEATURES; undefined when they are one, or its beginning. */
function problemOf(bytes: Uint8Array): string | undefined {
  const expected = new Uint8Array(VHOST_USER_HEADER_SIZE);
  const view = new DataView(expected.buffer);
  encodeHeaderInto(view, 0, requestId.VHOST_USER_GET_FEATURES, VHOST_USER_REPLY_FLAGS, 8);
  const isReply = bytes.subarray(0, VHOST_USER_HEADER_SIZE).every((byte, at) => byte === expected[at]);
  if (isReply && bytes.length <= replyLength) return undefined;
  return whyForeign(bytes, 'GET_FEATURES', false);
}

/** Receives the first reply into `bytes`; returns how many of them came and whether the peer closed. */
function receiveReply(channel: Channel, bytes: Uint8Array): { readonly length: number; readonly isClosed: boolean } {
  const descriptors = new Int32Array(8);
  const set = new PollSet();
  let length = 0;
  let isClosed = false;
  set.add({
    pollFd: channel.pollFd,
    onReady: () => {
      const received = channel.receive(bytes, length, bytes.length - length, descriptors);
      for (let at = 0; at < channel.receivedDescriptors; at++) closeFd(descriptors[at] ?? -1);
      if (received < 0) isClosed = true;
      else length += received;
    },
  });
  const deadline = deadlineIn(answerWithinMs);
  while (!isClosed && length < replyLength && (length === 0 || problemOf(bytes.subarray(0, length)) === undefined)) {
    const left = deadline - monotonicUs();
    if (left <= 0) break;
    set.wait(left);
  }
  return { length, isClosed };
}

/**
 * Finds out within 3 seconds, by one GET_FEATURES on a connection of its own, whether the peer at a socket speaks
 * vhost-user.
 * @throws DriverUsageError with one line about the socket, which it does not name, for all that is not so.
 */
export function identifyPeer(path: string): Peer {
  checkSocket(path);
  const channel = connectTo(path);
  try {
    const { peerPid: pid } = channel;
    const request = new Uint8Array(VHOST_USER_HEADER_SIZE);
    const view = new DataView(request.buffer);
    encodeHeaderInto(view, 0, requestId.VHOST_USER_GET_FEATURES, VHOST_USER_REQUEST_FLAGS, 0);
    const sent = channel.send(request, 0, request.length, null, 0, deadlineIn(connectWithinMs));
    const bytes = new Uint8Array(256);
    const { length, isClosed } = receiveReply(channel, bytes);
    const problem = problemOf(bytes.subarray(0, length));
    if (length > 0 && problem !== undefined) throw new DriverUsageError(problem);
    if (isClosed || sent < 0) {
      throw new DriverUsageError('the back-end closed the connection instead of answering GET_FEATURES');
    }
    if (length < replyLength) {
      const what = length === 0 ? 'does not answer' : `answers with ${length} of ${replyLength} bytes to`;
      throw new DriverUsageError(
        `the back-end ${what} GET_FEATURES within ${answerWithinMs / 1000} s: no vhost-user back-end, or one that serves another front-end now`,
      );
    }
    return { offered: new DataView(bytes.buffer).getBigUint64(VHOST_USER_HEADER_SIZE, true), pid };
  } finally {
    channel.close();
  }
}
