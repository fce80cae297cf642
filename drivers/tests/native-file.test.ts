import { constants, readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { errnoName } from '../errors.ts';
import * as native from '../native/native.ts';
import { type ScriptedCall, scriptSystemCall } from '../native/system-call-script.ts';
import { throwsErrno, throwsUsage } from './thrown-errors.ts';

const EINTR = -4;
const EIO = -5;

/** Runs with a script and checks that each of its steps was taken. */
function scripted<Result>(t: Test, call: ScriptedCall, steps: readonly number[], run: () => Result): Result {
  scriptSystemCall(call, steps);
  const result = run();
  t.equal(scriptSystemCall(call, []), 0, `all steps of ${call} were taken`);
  return result;
}

t.test('pread and pwrite continue after interruptions and short transfers', async (t) => {
  const fd = native.memfdCreate('transfer', 64, { seal: true });
  const source = Uint8Array.from({ length: 64 }, (_, index) => index + 1);
  t.equal(
    scripted(t, 'pwrite', [EINTR, 10, EINTR, 1, 20], () => native.pwrite(fd, source, 0, 64, 0)),
    64,
  );
  const target = new Uint8Array(70);
  t.equal(
    scripted(t, 'pread', [1, EINTR, 2, EINTR, EINTR, 3], () => native.pread(fd, target, 3, 64, 0)),
    64,
  );
  t.same([...target.subarray(3, 67)], [...source]);
  t.same([...target.subarray(0, 3), ...target.subarray(67)], [0, 0, 0, 0, 0, 0]);
  native.closeFd(fd);
});

t.test('pread at the end, past the end, and at a 64-bit position', async (t) => {
  const fd = native.memfdCreate('end', 10, { seal: true });
  const buffer = new Uint8Array(16);
  t.equal(native.pread(fd, buffer, 0, 16, 4), 6);
  t.equal(native.pread(fd, buffer, 0, 16, 10), 0);
  t.equal(native.pread(fd, buffer, 0, 16, 1n << 40n), 0);
  throwsErrno(t, () => native.pread(fd, buffer, 0, 16, (1n << 63n) + 1n), 'EINVAL', 'pread');
  throwsErrno(t, () => native.pwrite(fd, buffer, 0, 16, 10), 'EPERM', 'pwrite');
  native.closeFd(fd);
});

t.test('an error after some bytes gives the bytes, an error at once throws', async (t) => {
  const fd = native.memfdCreate('partial', 64, { seal: true });
  const buffer = new Uint8Array(64);
  t.equal(
    scripted(t, 'pread', [5, EIO], () => native.pread(fd, buffer, 0, 64, 0)),
    5,
  );
  scriptSystemCall('pread', [EIO]);
  throwsErrno(t, () => native.pread(fd, buffer, 0, 64, 0), 'EIO', 'pread');
  native.closeFd(fd);
});

t.test('no access outside the buffer', async (t) => {
  const fd = native.memfdCreate('bounds', 64, { seal: true });
  const buffer = new Uint8Array(8);
  for (const [offset, length] of [
    [0, 9],
    [8, 1],
    [9, 0],
    [-1, 1],
    [0.5, 1],
    [0, 2 ** 53],
    [2 ** 53 - 1, 2 ** 53 - 1],
  ] as const) {
    throwsUsage(t, () => native.pread(fd, buffer, offset, length, 0), `${offset} + ${length}`);
    throwsUsage(t, () => native.pwrite(fd, buffer, offset, length, 0));
    throwsUsage(t, () => native.readOnce(fd, buffer, offset, length));
  }
  t.equal(native.pread(fd, buffer, 8, 0, 0), 0);
  throwsUsage(t, () => native.pread(fd, buffer, 0, 8, -1n));
  throwsUsage(t, () => native.pread(fd, buffer, 0, 8, 1n << 64n));
  native.closeFd(fd);
});

t.test('open, read once, write once, close', async (t) => {
  const path = `${t.testdir({})}/file`;
  const fd = native.openFile(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
  t.ok(native.isCloseOnExec(fd));
  t.equal(native.writeOnce(fd, Buffer.from('some text'), 5, 4), 4);
  t.equal(readFileSync(path, 'utf8'), 'text');
  t.equal(native.fstat(fd).mode & 0o777, 0o600);
  t.equal(native.readOnce(fd, new Uint8Array(4), 0, 4), 0);
  native.closeFd(fd);
  throwsErrno(t, () => native.closeFd(fd), 'EBADF', 'close');
  throwsErrno(t, () => native.openFile(`${path}/below`), 'ENOTDIR', 'open');
  throwsErrno(t, () => native.openFile('/nonexistent'), 'ENOENT');
});

t.test('a pipe, its flags and a duplicate', async (t) => {
  const { readFd, writeFd } = native.pipe2({ nonblocking: true });
  const buffer = new Uint8Array(8);
  t.equal(native.readOnce(readFd, buffer, 0, 8), -1, 'nothing yet');
  t.equal(
    scripted(t, 'write', [EINTR, 3], () => native.writeOnce(writeFd, buffer, 0, 8)),
    3,
  );
  t.equal(
    scripted(t, 'read', [EINTR], () => native.readOnce(readFd, buffer, 0, 8)),
    3,
  );
  native.setNonblocking(readFd, false);
  t.equal(native.getStatusFlags(readFd) & constants.O_NONBLOCK, 0);
  t.not(native.getStatusFlags(writeFd) & constants.O_NONBLOCK, 0);
  const duplicate = native.dupFd(writeFd);
  t.ok(native.isCloseOnExec(duplicate));
  native.setCloseOnExec(duplicate, false);
  t.notOk(native.isCloseOnExec(duplicate));
  native.closeFd(writeFd);
  t.equal(native.writeOnce(duplicate, buffer, 0, 1), 1);
  native.closeFd(duplicate);
  t.equal(native.readOnce(readFd, buffer, 0, 8), 1);
  t.equal(native.readOnce(readFd, buffer, 0, 8), 0, 'the end');
  native.closeFd(readFd);
});

t.test('ioctl with a byte array, with a word, without, and wrong', async (t) => {
  const FIONREAD = 0x541b;
  const FIONBIO = 0x5421;
  const TCGETS = 0x5401;
  const FIOCLEX = 0x5451;
  const [first, second] = native.socketPair();
  native.sendMessage(first, new Uint8Array(77), 0, 77, null, 0, native.noDeadline);
  const answer = new Uint8Array(4);
  t.equal(
    scripted(t, 'ioctl', [EINTR], () => native.ioctl(second, FIONREAD, answer)),
    0,
  );
  t.equal(new DataView(answer.buffer).getInt32(0, true), 77);
  native.ioctl(second, BigInt(FIONBIO), Uint8Array.of(1, 0, 0, 0));
  t.not(native.getStatusFlags(second) & constants.O_NONBLOCK, 0);
  native.setCloseOnExec(second, false);
  t.equal(native.ioctl(second, FIOCLEX), 0);
  t.ok(native.isCloseOnExec(second));
  throwsErrno(t, () => native.ioctl(second, FIONREAD, 0n), 'EFAULT', 'ioctl');
  throwsErrno(t, () => native.ioctl(second, TCGETS, new Uint8Array(64)), 'ENOTTY');
  throwsErrno(t, () => native.ioctl(-1, FIONREAD, answer), 'EBADF');
  throwsUsage(t, () => native.ioctl(second, -1, answer));
  native.closeFd(first);
  native.closeFd(second);
});

t.test('errno names', async (t) => {
  t.same([2, 11, 95, 108, 109, 4095].map(errnoName), [
    'ENOENT',
    'EAGAIN',
    'ENOTSUP',
    'ESHUTDOWN',
    'ETOOMANYREFS',
    'errno 4095',
  ]);
});
