import t from 'tap';
import * as native from '../native/native.ts';
import { scriptSystemCall } from '../native/system-call-script.ts';
import { throwsErrno, throwsUsage } from './thrown-errors.ts';

const EINTR = -4;
const EAGAIN = -11;
const headerSize = 12;

/** A vhost-user message: request, flags, payload size, payload. */
function message(request: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(headerSize + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, request, true);
  view.setUint32(4, 5, true);
  view.setUint32(8, payload.length, true);
  bytes.set(payload, headerSize);
  return bytes;
}

function send(fd: number, bytes: Uint8Array, fds: Int32Array | null = null): void {
  native.sendMessage(fd, bytes, 0, bytes.length, fds, fds?.length ?? 0, native.noDeadline);
}

interface Exchanged {
  readonly outcome: number;
  readonly result: readonly number[];
  readonly received: Uint8Array;
  readonly fds: Int32Array;
}

function exchangeRequest(
  fd: number,
  options: { timeoutUs?: number; capacity?: number; fdRoom?: number; others?: native.OtherDescriptors } = {},
): Exchanged {
  const request = message(1, new Uint8Array(0));
  const received = new Uint8Array(options.capacity ?? 256);
  const fds = new Int32Array(options.fdRoom ?? 8);
  const result = new Int32Array(5).fill(-1);
  const deadlineUs = native.monotonicUs() + (options.timeoutUs ?? 2_000_000);
  const outcome = native.exchange(
    fd,
    request,
    request.length,
    null,
    0,
    received,
    fds,
    result,
    deadlineUs,
    options.others ?? null,
  );
  return { outcome, result: [...result], received, fds };
}

t.test('the request goes out and the whole reply comes back', async (t) => {
  const [ours, theirs] = native.socketPair();
  const reply = message(1, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
  const carried = native.eventfdCreate({ initial: 7 });
  send(theirs, reply, Int32Array.of(carried));
  const { outcome, result, received, fds } = exchangeRequest(ours);
  t.equal(outcome, native.exchangeReply);
  t.same(result, [20, 1, 0, 12, 0]);
  t.same([...received.subarray(0, 20)], [...reply]);
  t.equal(native.eventfdRead(fds[0] ?? -1), 7);
  const seen = new Uint8Array(64);
  t.equal(native.receiveMessage(theirs, seen, 0, 64, null, 0, new Int32Array(3)), 12);
  t.same([...seen.subarray(0, 12)], [...message(1, new Uint8Array(0))]);
  for (const fd of [ours, theirs, carried, fds[0] ?? -1]) native.closeFd(fd);
});

t.test('a reply in pieces, with interruptions', async (t) => {
  const [ours, theirs] = native.socketPair();
  const reply = message(1, new Uint8Array(30).fill(9));
  send(theirs, reply);
  scriptSystemCall('sendmsg', [EINTR, 5]);
  // The second of them times out, so that the rest is polled for.
  scriptSystemCall('recvmsg', [EINTR, 1, EAGAIN, 10, 1, EINTR, 29]);
  scriptSystemCall('ppoll', [EINTR]);
  const { outcome, result, received } = exchangeRequest(ours);
  t.same(
    (['sendmsg', 'recvmsg', 'ppoll'] as const).map((call) => scriptSystemCall(call, [])),
    [0, 0, 0],
  );
  t.equal(outcome, native.exchangeReply);
  t.same(result, [42, 0, 0, 12, 0]);
  t.same([...received.subarray(0, 42)], [...reply]);
  native.closeFd(ours);
  native.closeFd(theirs);
});

t.test('a reply of the length that was expected, a shorter and a longer one', async (t) => {
  for (const [length, expected] of [
    [8, 20],
    [0, 20],
    [30, 20],
  ] as const) {
    const [ours, theirs] = native.socketPair();
    const reply = message(1, new Uint8Array(length).fill(9));
    send(theirs, reply);
    const result = new Int32Array(5);
    const received = new Uint8Array(64);
    const request = message(1, new Uint8Array(0));
    const deadline = native.monotonicUs() + 1e6;
    const outcome = native.exchange(ours, request, 12, null, 0, received, null, result, deadline, null, expected);
    t.equal(outcome, native.exchangeReply);
    t.same([...received.subarray(0, result[native.exchangedBytes])], [...reply]);
    throwsUsage(t, () => native.exchange(ours, request, 12, null, 0, received, null, result, deadline, null, 65));
    native.closeFd(ours);
    native.closeFd(theirs);
  }
});

t.test('a reply without payload, one larger than the buffer, and one with something behind', async (t) => {
  const [ours, theirs] = native.socketPair();
  send(theirs, message(1, new Uint8Array(0)));
  t.same(exchangeRequest(ours).result[native.exchangedBytes], 12);
  send(theirs, message(1, new Uint8Array(100)));
  const cut = exchangeRequest(ours, { capacity: 40 });
  t.equal(cut.outcome, native.exchangeReply);
  t.equal(cut.result[native.exchangedBytes], 40);
  t.equal(native.receiveMessage(ours, new Uint8Array(256), 0, 256, null, 0, new Int32Array(3)), 72);
  send(theirs, message(1, new Uint8Array(8)));
  send(theirs, message(2, new Uint8Array(8)));
  t.equal(exchangeRequest(ours).result[native.exchangedBytes], 40);
  native.closeFd(ours);
  native.closeFd(theirs);
});

t.test('control data truncated on the way', async (t) => {
  const [ours, theirs] = native.socketPair();
  const fd = native.eventfdCreate();
  send(theirs, message(1, new Uint8Array(0)), Int32Array.of(fd, fd, fd));
  const { outcome, result, fds } = exchangeRequest(ours, { fdRoom: 1 });
  t.equal(outcome, native.exchangeReply);
  t.same(result, [12, 1, 1, 12, 0]);
  for (const open of [ours, theirs, fd, fds[0] ?? -1]) native.closeFd(open);
});

t.test('closed: before, in the middle, by reset', async (t) => {
  const [before, peerBefore] = native.socketPair();
  native.closeFd(peerBefore);
  const gone = exchangeRequest(before);
  t.equal(gone.outcome, native.exchangeClosed);
  t.same(gone.result, [0, 0, 0, 0, 32], 'EPIPE');
  native.closeFd(before);

  const [middle, peerMiddle] = native.socketPair();
  send(peerMiddle, message(1, new Uint8Array(8)).subarray(0, 15));
  native.shutdownSocket(peerMiddle, 'write');
  const partial = exchangeRequest(middle);
  t.equal(partial.outcome, native.exchangeClosed);
  t.same(partial.result, [15, 0, 0, 12, 0], 'an orderly end after 15 bytes');
  native.closeFd(middle);
  native.closeFd(peerMiddle);

  const [reset, peerReset] = native.socketPair();
  scriptSystemCall('recvmsg', [-104]);
  const lost = exchangeRequest(reset);
  t.equal(lost.outcome, native.exchangeClosed);
  t.same(lost.result, [0, 0, 0, 12, 104], 'ECONNRESET');
  native.closeFd(reset);
  native.closeFd(peerReset);
});

t.test('silence ends at the deadline, short or long, blocking socket or not', async (t) => {
  const [ours, theirs] = native.socketPair();
  for (const isNonblocking of [false, true]) {
    native.setNonblocking(ours, isNonblocking);
    for (const timeoutUs of [0, 5_000, 60_000]) {
      const start = native.monotonicUs();
      const { outcome, result } = exchangeRequest(ours, { timeoutUs });
      const elapsed = native.monotonicUs() - start;
      t.equal(outcome, native.exchangeDeadline);
      t.same(result, [0, 0, 0, 12, 0]);
      t.ok(elapsed >= timeoutUs && elapsed < timeoutUs + 1_000_000, `${elapsed} us of ${timeoutUs}`);
    }
  }
  native.closeFd(ours);
  native.closeFd(theirs);
});

t.test('a peer that neither reads nor replies', async (t) => {
  const [ours, theirs] = native.socketPair();
  const large = new Uint8Array(4 << 20);
  const result = new Int32Array(5);
  const deadline = native.monotonicUs() + 20_000;
  const outcome = native.exchange(ours, large, large.length, null, 0, new Uint8Array(64), null, result, deadline, null);
  t.equal(outcome, native.exchangeDeadline);
  t.ok((result[native.exchangedBytesSent] ?? 0) < large.length);
  native.closeFd(ours);
  native.closeFd(theirs);
});

t.test('a reply that comes later, from another process', async (t) => {
  const [ours, theirs] = native.socketPair();
  const nowhere = native.openFile('/dev/null', 1);
  const child = native.spawnProcess({
    file: 'sh',
    // In two pieces, the second after the receive that waits has timed out.
    args: ['-c', "printf '\\1\\0\\0\\0\\5\\0\\0\\0\\10\\0\\0'; sleep 0.05; printf '\\0abcdefgh'"],
    stdin: 'null',
    stdout: theirs,
    stderr: nowhere,
  });
  const { outcome, result, received } = exchangeRequest(ours);
  t.equal(outcome, native.exchangeReply);
  t.equal(result[native.exchangedBytes], 20);
  t.equal(Buffer.from(received.subarray(12, 20)).toString(), 'abcdefgh');
  native.waitPidfd(child.pidfd, { noHang: false });
  for (const fd of [ours, theirs, nowhere, child.pidfd]) native.closeFd(fd);
});

t.test('another descriptor ends the wait, and a reply comes first', async (t) => {
  const [ours, theirs] = native.socketPair();
  const quiet = native.eventfdCreate();
  const signalled = native.eventfdCreate({ initial: 1 });
  const others = {
    fds: Int32Array.of(quiet, signalled),
    events: Int16Array.of(native.POLLIN, native.POLLIN),
    revents: new Int16Array(2),
    count: 2,
  };
  t.equal(exchangeRequest(ours, { others }).outcome, native.exchangeOtherReady);
  t.same([...others.revents], [0, native.POLLIN]);
  send(theirs, message(1, new Uint8Array(8)));
  t.equal(exchangeRequest(ours, { others }).outcome, native.exchangeReply);
  others.count = 1;
  t.equal(exchangeRequest(ours, { others, timeoutUs: 1000 }).outcome, native.exchangeDeadline);
  others.count = 3;
  throwsUsage(t, () => exchangeRequest(ours, { others }));
  for (const fd of [ours, theirs, quiet, signalled]) native.closeFd(fd);
});

t.test('unusable arguments and errors', async (t) => {
  const [ours, theirs] = native.socketPair();
  const buffer = new Uint8Array(16);
  const result = new Int32Array(5);
  throwsUsage(t, () => native.exchange(ours, buffer, 17, null, 0, buffer, null, result, -1, null));
  throwsUsage(t, () => native.exchange(ours, buffer, 16, null, 1, buffer, null, result, -1, null));
  throwsUsage(t, () => native.exchange(ours, buffer, 16, null, 0, new Uint8Array(0), null, result, -1, null));
  throwsUsage(t, () => native.exchange(ours, buffer, 16, null, 0, buffer, null, new Int32Array(4), -1, null));
  throwsErrno(t, () => native.exchange(-1, buffer, 16, null, 0, buffer, null, result, -1, null), 'EBADF', 'exchange');
  native.closeFd(ours);
  native.closeFd(theirs);
});
