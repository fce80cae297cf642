import { readFileSync, writeFileSync } from 'node:fs';
import t from 'tap';
import * as native from '../native/native.ts';
import { scriptSystemCall } from '../native/system-call-script.ts';
import { socketDirectory } from './socket-directory.ts';
import { throwsErrno, throwsUsage } from './thrown-errors.ts';

const EINTR = -4;
const MSG_PEEK = 2;

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function soon(): number {
  return native.monotonicUs() + 20_000;
}

t.test('connect, accept, talk, close', async (t) => {
  const path = `${socketDirectory(t)}/socket`;
  const listener = native.unixListen(path);
  t.equal(native.acceptConnection(listener), -1, 'no connection yet');
  const client = native.unixConnect(path, { timeoutMs: 100 });
  const server = native.acceptConnection(listener);
  for (const fd of [listener, client, server]) t.ok(native.isCloseOnExec(fd));
  t.same(native.peerCredentials(client), { pid: process.pid, uid: process.getuid?.(), gid: process.getgid?.() });

  t.equal(native.sendMessage(client, bytesOf('..hello'), 2, 5, null, 0, native.noDeadline), 5);
  const buffer = new Uint8Array(16);
  const result = new Int32Array(3).fill(-1);
  t.equal(native.receiveMessage(server, buffer, 1, 15, null, MSG_PEEK, result), 5);
  t.equal(native.receiveMessage(server, buffer, 4, 3, null, 0, result), 3);
  t.equal(native.receiveMessage(server, buffer, 7, 9, null, 0, result), 2);
  t.equal(Buffer.from(buffer.subarray(4, 9)).toString(), 'hello');
  t.same([...result], [0, 0, 0]);
  t.equal(native.receiveMessage(server, buffer, 0, 16, null, 0, result), -1, 'nothing more');

  native.shutdownSocket(client, 'write');
  t.equal(native.receiveMessage(server, buffer, 0, 16, null, 0, result), 0, 'the end');
  native.sendMessage(server, bytesOf('x'), 0, 1, null, 0, native.noDeadline);
  t.equal(native.receiveMessage(client, buffer, 0, 16, null, 0, result), 1, 'the other direction still works');
  native.closeFd(client);
  throwsErrno(t, () => native.sendMessage(server, bytesOf('x'), 0, 1, null, 0, native.noDeadline), 'EPIPE', 'sendmsg');
  native.closeFd(server);
  native.closeFd(listener);
});

t.test('a connection closed with data unread is reset', async (t) => {
  const [first, second] = native.socketPair();
  native.sendMessage(first, bytesOf('unread'), 0, 6, null, 0, native.noDeadline);
  native.closeFd(second);
  const result = new Int32Array(3);
  throwsErrno(t, () => native.receiveMessage(first, new Uint8Array(8), 0, 8, null, 0, result), 'ECONNRESET', 'recvmsg');
  native.closeFd(first);
});

t.test('what cannot be connected to', async (t) => {
  const directory = socketDirectory(t);
  const connect = (path: string): number => native.unixConnect(path, { timeoutMs: 20 });
  throwsErrno(t, () => connect(`${directory}/nothing`), 'ENOENT', 'connect');
  writeFileSync(`${directory}/file`, '');
  throwsErrno(t, () => connect(`${directory}/file`), 'ECONNREFUSED', 'connect');
  throwsErrno(t, () => connect(directory), 'ECONNREFUSED');
  throwsErrno(t, () => connect(`/tmp/${'p'.repeat(103)}`), 'ENAMETOOLONG');
  throwsErrno(t, () => connect(`/tmp/${'p'.repeat(102)}`), 'ENOENT');
  throwsErrno(t, () => native.unixListen(`${directory}/file`), 'EADDRINUSE', 'bind');
  throwsErrno(t, () => native.unixListen(`/tmp/${'p'.repeat(103)}`), 'ENAMETOOLONG', 'bind');
  const stale = native.unixListen(`${directory}/stale`);
  native.closeFd(stale);
  throwsErrno(t, () => connect(`${directory}/stale`), 'ECONNREFUSED');
});

t.test('a listener that never accepts: connecting ends in time', async (t) => {
  const path = `${socketDirectory(t)}/full`;
  const listener = native.unixListen(path, 0);
  const queued: number[] = [];
  const start = native.monotonicUs();
  throwsErrno(
    t,
    () => {
      for (;;) queued.push(native.unixConnect(path, { timeoutMs: 30 }));
    },
    'ETIMEDOUT',
    'connect',
  );
  t.ok(native.monotonicUs() - start >= 30_000);
  t.ok(queued.length >= 1);
  for (const fd of queued) native.closeFd(fd);
  native.closeFd(listener);
});

t.test('an abstract name', async (t) => {
  const name = `\0vhost-conformance-test-${process.pid}`;
  const listener = native.unixListen(name);
  t.ok(readFileSync('/proc/net/unix', 'utf8').includes(`@${name.slice(1)}\n`));
  const client = native.unixConnect(name, { timeoutMs: 100 });
  const server = native.acceptConnection(listener);
  t.ok(server >= 0);
  for (const fd of [client, server, listener]) native.closeFd(fd);
});

t.test('253 descriptors travel, in order, close-on-exec; 254 do not', async (t) => {
  const [first, second] = native.socketPair();
  const sent = Int32Array.from({ length: 254 }, (_, index) => native.memfdCreate(`${index}`, index, { seal: true }));
  const received = new Int32Array(native.maxMessageFds);
  const buffer = new Uint8Array(4);
  const result = new Int32Array(3);
  for (const count of [0, 1, 2, 8, 253]) {
    t.equal(native.sendMessage(first, buffer, 0, 4, sent, count, native.noDeadline), 4);
    t.equal(native.receiveMessage(second, buffer, 0, 4, received, 0, result), 4);
    t.same([...result], [count, 0, 0]);
    const got = [...received.subarray(0, count)];
    t.same(
      got.map((fd) => native.fstat(fd).size),
      got.map((_, index) => index),
    );
    t.ok(got.every((fd) => native.isCloseOnExec(fd)));
    for (const fd of got) native.closeFd(fd);
  }
  throwsUsage(t, () => native.sendMessage(first, buffer, 0, 4, sent, 254, native.noDeadline));
  throwsUsage(t, () => native.sendMessage(first, buffer, 0, 4, new Int32Array(1), 2, native.noDeadline));
  throwsUsage(t, () => native.sendMessage(first, buffer, 0, 4, null, 1, native.noDeadline));
  throwsErrno(t, () => native.sendMessage(first, buffer, 0, 4, Int32Array.of(-1), 1, native.noDeadline), 'EBADF');
  for (const fd of sent) native.closeFd(fd);
  native.closeFd(first);
  native.closeFd(second);
});

t.test('truncated control data is told, and what fits is delivered', async (t) => {
  const [first, second] = native.socketPair();
  const probe = native.eventfdCreate();
  native.closeFd(probe);
  const sent = Int32Array.from({ length: 5 }, () => native.eventfdCreate());
  const buffer = new Uint8Array(1);
  const result = new Int32Array(3);
  for (const room of [0, 1, 2, 3, 4]) {
    native.sendMessage(first, buffer, 0, 1, sent, 5, native.noDeadline);
    const received = new Int32Array(room).fill(-1);
    t.equal(native.receiveMessage(second, buffer, 0, 1, room === 0 ? null : received, 0, result), 1);
    t.same([...result], [room, 1, 0], `room for ${room} of 5`);
    for (const fd of received) native.closeFd(fd);
  }
  for (const fd of sent) native.closeFd(fd);
  const last = native.eventfdCreate();
  t.equal(last, probe, 'none was left open');
  for (const fd of [last, first, second]) native.closeFd(fd);
});

t.test('sending continues after interruptions and short writes; descriptors go once', async (t) => {
  const [first, second] = native.socketPair();
  const fd = native.eventfdCreate();
  const message = bytesOf('a message in pieces');
  scriptSystemCall('sendmsg', [EINTR, 1, EINTR, 4, 5]);
  t.equal(
    native.sendMessage(first, message, 0, message.length, Int32Array.of(fd), 1, native.noDeadline),
    message.length,
  );
  t.equal(scriptSystemCall('sendmsg', []), 0);
  const buffer = new Uint8Array(64);
  const received = new Int32Array(8);
  const result = new Int32Array(3);
  let length = 0;
  let fdCount = 0;
  while (length < message.length) {
    scriptSystemCall('recvmsg', [EINTR, 7]);
    length += native.receiveMessage(second, buffer, length, 64 - length, received, 0, result);
    fdCount += result[native.receivedFdCount] ?? 0;
    if (result[native.receivedFdCount] === 1) native.closeFd(received[0] ?? -1);
  }
  scriptSystemCall('recvmsg', []);
  t.equal(Buffer.from(buffer.subarray(0, length)).toString(), 'a message in pieces');
  t.equal(fdCount, 1);
  for (const open of [fd, first, second]) native.closeFd(open);
});

t.test('a peer that does not read: the send ends at its deadline with what went', async (t) => {
  const [first, second] = native.socketPair();
  const large = new Uint8Array(4 << 20);
  const sent = native.sendMessage(first, large, 0, large.length, null, 0, soon());
  t.ok(sent > 0 && sent < large.length, `${sent} bytes`);
  t.equal(native.sendMessage(first, large, 0, 100, null, 0, soon()), 0);
  native.closeFd(second);
  native.closeFd(first);
});

t.test('no access outside the buffers', async (t) => {
  const [first, second] = native.socketPair();
  const buffer = new Uint8Array(4);
  const result = new Int32Array(3);
  throwsUsage(t, () => native.sendMessage(first, buffer, 1, 4, null, 0, native.noDeadline));
  throwsUsage(t, () => native.sendMessage(first, buffer, -1, 4, null, 0, native.noDeadline));
  throwsUsage(t, () => native.receiveMessage(second, buffer, 0, 5, null, 0, result));
  throwsUsage(t, () => native.receiveMessage(second, buffer, 0, 4, null, 0, new Int32Array(2)));
  throwsUsage(t, () => native.sendMessage(first, buffer, 0, 4, null, 0, Number.NaN));
  t.equal(native.receiveMessage(second, buffer, 0, 4, null, 0, result), -1, 'none of them sent anything');
  const detached = new Uint8Array(16);
  structuredClone(detached, { transfer: [detached.buffer] });
  throwsUsage(t, () => native.sendMessage(first, detached, 0, 4, null, 0, native.noDeadline));
  native.closeFd(first);
  native.closeFd(second);
});

t.test('several messages in one step, each with its descriptors', async (t) => {
  const [first, second] = native.socketPair();
  const descriptors = Int32Array.of(native.eventfdCreate(), native.eventfdCreate(), native.eventfdCreate());
  const lengths = Int32Array.of(2, 3, 1, 4);
  const counts = Int32Array.of(0, 2, 0, 1);
  const cut = Int32Array.of(-1, -1);
  const sendAll = (count: number, deadline = native.noDeadline, bytes = bytesOf('aabbbcdddd')): number =>
    native.sendMessages(first, bytes, lengths, descriptors, counts, count, deadline, cut);
  t.equal(sendAll(4), 4);
  t.same([...cut], [0, 0]);

  const buffer = new Uint8Array(16);
  const result = new Int32Array(3);
  const taken = new Int32Array(4);
  const seen: [string, number][] = [];
  for (const room of [2, 16, 16]) {
    const length = native.receiveMessage(second, buffer, 0, room, taken, 0, result);
    const count = result[native.receivedFdCount] ?? 0;
    for (const fd of taken.subarray(0, count)) native.closeFd(fd);
    seen.push([Buffer.from(buffer.subarray(0, length)).toString(), count]);
  }
  t.same(seen[0], ['aa', 0]);
  t.equal(seen.map(([text]) => text).join(''), 'aabbbcdddd');
  t.same(
    seen.map(([, count]) => count),
    [0, 2, 1],
    'descriptors end a receive, so that they stay with their message',
  );

  throwsUsage(t, () => sendAll(5));
  throwsUsage(t, () => sendAll(4, native.noDeadline, bytesOf('aabbbcddd')));

  const large = new Uint8Array(1 << 22);
  lengths[0] = large.length - 3;
  counts.fill(0);
  t.equal(sendAll(2, soon(), large), 0, 'the deadline came within the first');
  t.ok((cut[native.sentOfNext] ?? 0) > 0);
  t.equal(cut[native.sendErrno], 0);
  native.closeFd(second);
  lengths[0] = 1;
  t.equal(sendAll(2), 0);
  t.match(cut[native.sendErrno], /^(32|104)$/, 'EPIPE or ECONNRESET');
  for (const fd of [first, ...descriptors]) native.closeFd(fd);
});
