import t from 'tap';
import * as native from '../native/native.ts';
import { scriptSystemCall } from '../native/system-call-script.ts';
import { throwsErrno, throwsUsage } from './thrown-errors.ts';

const EINTR = -4;

t.test('an eventfd counts, and reading takes all', async (t) => {
  const fd = native.eventfdCreate({ initial: 2 });
  t.ok(native.isCloseOnExec(fd));
  native.eventfdWrite(fd);
  native.eventfdWrite(fd, 5);
  t.equal(native.eventfdRead(fd), 8);
  t.equal(native.eventfdRead(fd), 0);
  scriptSystemCall('write', [EINTR, EINTR]);
  native.eventfdWrite(fd, 1n);
  t.equal(scriptSystemCall('write', []), 0);
  scriptSystemCall('read', [EINTR]);
  t.equal(native.eventfdRead(fd), 1);
  t.equal(scriptSystemCall('read', []), 0);
  native.closeFd(fd);
});

t.test('a semaphore gives one at a time', async (t) => {
  const fd = native.eventfdCreate({ initial: 2, semaphore: true });
  t.same([native.eventfdRead(fd), native.eventfdRead(fd), native.eventfdRead(fd)], [1, 1, 0]);
  native.closeFd(fd);
});

t.test('the edges of the count', async (t) => {
  const fd = native.eventfdCreate({ initial: 0xffffffff });
  t.equal(native.eventfdRead(fd), 0xffffffff);
  native.eventfdWrite(fd, 0xffff_ffff_ffff_fffen);
  t.notOk(native.eventfdWrite(fd, 1), 'it would overflow');
  t.equal(native.eventfdRead(fd), 2 ** 64);
  throwsErrno(t, () => native.eventfdWrite(fd, 0xffff_ffff_ffff_ffffn), 'EINVAL');
  throwsUsage(t, () => native.eventfdWrite(fd, -1));
  throwsUsage(t, () => native.eventfdWrite(fd, 1.5));
  throwsUsage(t, () => native.eventfdCreate({ initial: 2 ** 32 }));
  native.closeFd(fd);
  throwsErrno(t, () => native.eventfdRead(fd), 'EBADF');
  throwsErrno(t, () => native.eventfdWrite(fd), 'EBADF');
});

t.test('poll tells which descriptors are ready', async (t) => {
  const quiet = native.eventfdCreate();
  const signalled = native.eventfdCreate({ initial: 1 });
  const fds = Int32Array.of(quiet, signalled, -1, 1 << 20);
  const events = Int16Array.of(native.POLLIN, native.POLLIN, native.POLLIN, native.POLLIN);
  const revents = Int16Array.of(-1, -1, -1, -1);
  t.equal(native.poll(fds, events, revents, 4, native.noDeadline), 2);
  t.same([...revents], [0, native.POLLIN, 0, native.POLLNVAL]);
  t.equal(native.poll(fds, events, revents, 1, 0), 0, 'the count limits');
  throwsUsage(t, () => native.poll(fds, events, new Int16Array(3), 4, 0));
  throwsUsage(t, () => native.poll(fds, events, revents, -1, 0));
  throwsUsage(t, () => native.poll(fds, events, revents, 4, Number.NaN));
  native.closeFd(quiet);
  native.closeFd(signalled);
});

t.test('poll takes more descriptors than fit its stack', async (t) => {
  const fd = native.eventfdCreate({ initial: 1 });
  const fds = new Int32Array(300).fill(-1);
  fds[299] = fd;
  const revents = new Int16Array(300);
  t.equal(native.poll(fds, new Int16Array(300).fill(native.POLLIN), revents, 300, 0), 1);
  t.equal(revents[299], native.POLLIN);
  native.closeFd(fd);
});

t.test('poll waits as long as it should, interrupted or not', async (t) => {
  const fd = native.eventfdCreate();
  const fds = Int32Array.of(fd);
  const events = Int16Array.of(native.POLLIN);
  const revents = new Int16Array(1);
  for (const steps of [[], [EINTR, EINTR, EINTR]]) {
    scriptSystemCall('ppoll', steps);
    const start = native.monotonicUs();
    t.equal(native.poll(fds, events, revents, 1, 30_000), 0);
    const elapsed = native.monotonicUs() - start;
    t.ok(elapsed >= 30_000, `not before its time (${elapsed} us)`);
    t.ok(elapsed < 2_000_000, `not far after (${elapsed} us)`);
    t.equal(scriptSystemCall('ppoll', []), 0);
  }
  scriptSystemCall('ppoll', [-12]);
  throwsErrno(t, () => native.poll(fds, events, revents, 1, 0), 'ENOMEM', 'ppoll');
  native.closeFd(fd);
});

t.test('a real signal interrupts a poll without shortening it', async (t) => {
  // A handled signal interrupts ppoll whatever SA_RESTART says.
  const nowhere = native.openFile('/dev/null', 1);
  const child = native.spawnProcess({
    file: 'sh',
    args: ['-c', `for i in 1 2 3; do sleep 0.02; kill -WINCH ${process.pid}; done`],
    stdin: 'null',
    stdout: nowhere,
    stderr: nowhere,
  });
  const ignore = (): void => {};
  process.on('SIGWINCH', ignore);
  const start = native.monotonicUs();
  t.equal(native.poll(new Int32Array(0), new Int16Array(0), new Int16Array(0), 0, 150_000), 0);
  t.ok(native.monotonicUs() - start >= 150_000);
  process.off('SIGWINCH', ignore);
  t.match(native.waitPidfd(child.pidfd, { noHang: false }), { exited: true, code: 0 });
  native.closeFd(child.pidfd);
  native.closeFd(nowhere);
});

t.test('the clock goes forward', async (t) => {
  const first = native.monotonicUs();
  t.ok(native.monotonicUs() >= first);
  t.ok(Math.abs(Number(process.hrtime.bigint()) / 1000 - native.monotonicUs()) < 1_000_000);
});

t.test('a read of an eventfd does not block where another process made it a blocking one', async (t) => {
  const fd = native.eventfdCreate();
  native.setNonblocking(fd, false);
  t.equal(native.eventfdRead(fd), 0);
  native.eventfdWrite(fd, 3);
  t.equal(native.eventfdRead(fd), 3);
  t.equal(native.eventfdRead(fd), 0);
  native.closeFd(fd);
});

t.test('a write to an eventfd does not block where another process filled it and made it a blocking one', async (t) => {
  const fd = native.eventfdCreate();
  t.ok(native.eventfdWrite(fd, 0xffff_ffff_ffff_fffen));
  native.setNonblocking(fd, false);
  const began = native.monotonicUs();
  t.notOk(native.eventfdWrite(fd, 1));
  t.ok(native.monotonicUs() - began < 5_000_000);
  t.equal(native.eventfdRead(fd), 2 ** 64, 'nothing was added');
  t.ok(native.eventfdWrite(fd, 1), 'what does not block is not interrupted');
  native.closeFd(fd);
});

t.test('a read of a FIFO ends where nothing comes', async (t) => {
  const { readFd, writeFd } = native.pipe2({ nonblocking: false });
  t.equal(native.readOnce(readFd, new Uint8Array(8), 0, 8), -1);
  native.closeFd(readFd);
  native.closeFd(writeFd);
});
