import { readFileSync, readlinkSync } from 'node:fs';
import { constants } from 'node:os';
import t from 'tap';
import * as native from '../native/native.ts';
import { throwsErrno, throwsUsage } from './thrown-errors.ts';

const { SIGCHLD, SIGKILL, SIGTERM } = constants.signals;
const nowhere = native.openFile('/dev/null', 2);
t.teardown(() => native.closeFd(nowhere));

function start(options: Partial<native.SpawnOptions> & { args: readonly string[] }): native.SpawnedProcess {
  return native.spawnProcess({ file: 'sh', stdin: 'null', stdout: nowhere, stderr: nowhere, ...options });
}

/** Runs to the end and gives what was written to stdout. */
function outputOf(options: Partial<native.SpawnOptions> & { args: readonly string[] }): string {
  const stdout = native.memfdCreate('stdout', 0, { seal: false });
  const child = start({ stdout, ...options });
  native.waitPidfd(child.pidfd, { noHang: false });
  native.closeFd(child.pidfd);
  const output = Buffer.alloc(native.fstat(stdout).size);
  native.pread(stdout, output, 0, output.length, 0);
  native.closeFd(stdout);
  return output.toString();
}

function waitForEnd(pidfd: number, timeoutUs: number): number {
  return native.poll(Int32Array.of(pidfd), Int16Array.of(native.POLLIN), new Int16Array(1), 1, timeoutUs);
}

t.test('exit codes and signals', async (t) => {
  for (const code of [0, 3, 255]) {
    const child = start({ args: ['-c', `exit ${code}`] });
    t.ok(native.isCloseOnExec(child.pidfd));
    const end = native.waitPidfd(child.pidfd, { noHang: false });
    t.match(end, { exited: true, code, coreDumped: false });
    t.equal(end?.signal, undefined);
    throwsErrno(t, () => native.waitPidfd(child.pidfd, { noHang: false }), 'ECHILD', 'waitid');
    throwsErrno(t, () => native.signalPidfd(child.pidfd, SIGTERM), 'ESRCH', 'pidfd_send_signal');
    native.closeFd(child.pidfd);
  }
  for (const signal of [SIGTERM, SIGKILL]) {
    const child = start({ file: 'sleep', args: ['60'] });
    t.equal(native.waitPidfd(child.pidfd, { noHang: true }), undefined);
    t.equal(waitForEnd(child.pidfd, 0), 0);
    native.signalPidfd(child.pidfd, signal);
    t.equal(waitForEnd(child.pidfd, 5_000_000), 1);
    const end = native.waitPidfd(child.pidfd, { noHang: true });
    t.match(end, { exited: false, signal });
    t.equal(end?.code, undefined);
    native.closeFd(child.pidfd);
  }
});

t.test('the resources used are told', async (t) => {
  const child = start({ args: ['-c', 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done'] });
  t.equal(waitForEnd(child.pidfd, 20_000_000), 1);
  const whileZombie = native.processCpuTimeUs(child.pid);
  const end = native.waitPidfd(child.pidfd, { noHang: false });
  const used = (end?.userTimeUs ?? 0) + (end?.systemTimeUs ?? 0);
  t.ok(used > 1000, `${used} us`);
  t.ok(Math.abs(used - whileZombie) < 5000, `${whileZombie} us of the CPU clock`);
  t.ok((end?.peakResidentKib ?? 0) > 100);
  native.closeFd(child.pidfd);
  throwsErrno(t, () => native.processCpuTimeUs(child.pid), 'ESRCH', 'clock_gettime');
});

t.test('a program that cannot be started', async (t) => {
  const before = native.eventfdCreate();
  native.closeFd(before);
  throwsErrno(t, () => start({ file: '/nonexistent/program', args: [] }), 'ENOENT', 'execve');
  throwsErrno(t, () => start({ file: 'no-such-program-anywhere', args: [], stdin: 'pipe' }), 'ENOENT', 'execve');
  throwsErrno(t, () => start({ file: '/etc/passwd', args: [] }), 'EACCES', 'execve');
  throwsErrno(t, () => start({ file: '/', args: [] }), 'EACCES', 'execve');
  throwsErrno(t, () => start({ args: ['-c', ':'], cwd: '/nonexistent' }), 'ENOENT', 'chdir');
  throwsErrno(t, () => start({ args: ['-c', ':'], inheritFds: [[12345, 3]] }), 'EBADF', 'dup2');
  throwsErrno(t, () => start({ args: ['-c', ':'], stdout: -1 }), 'EBADF', 'dup2');
  throwsUsage(t, () => start({ args: ['-c', ':'], inheritFds: [[nowhere, 2]] }));
  const after = native.eventfdCreate();
  native.closeFd(after);
  t.equal(after, before, 'no descriptor is left');
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8');
  t.equal(children, '', 'no child is left');
});

t.test('arguments, environment and directory arrive', async (t) => {
  const args = ['-c', 'printf "%s|" "$@"; pwd; env', 'name', 'a b', '', '\'"$x'];
  const output = outputOf({ args, cwd: '/proc', env: { ONE: 'two three', PATH: process.env['PATH'] ?? '' } });
  t.match(output, /^a b\|\|'"\$x\|\/proc\n/);
  t.match(output, /^ONE=two three$/m);
  t.notMatch(output, /^HOME=/m);
  process.env['VHOST_CONFORMANCE_TEST'] = 'inherited';
  t.match(outputOf({ args: ['-c', 'env'] }), /^VHOST_CONFORMANCE_TEST=inherited$/m);
});

t.test('only the named descriptors are open in the child', async (t) => {
  const leaky = native.eventfdCreate();
  native.setCloseOnExec(leaky, false);
  const first = native.memfdCreate('first', 0, { seal: false });
  const second = native.memfdCreate('second', 0, { seal: false });
  const list = { file: 'ls', args: ['-l', '/proc/self/fd'] };
  const named = (output: string): string[] =>
    output.split('\n').flatMap((line) => line.match(/\d+ -> .*(memfd|eventfd|null).*/)?.[0] ?? []);
  t.same(named(outputOf(list)), ['0 -> /dev/null', '1 -> /memfd:stdout (deleted)', '2 -> /dev/null']);
  // Numbers of the child that are sources in ours, crossed over.
  const crossed: Array<[number, number]> = [
    [first, second],
    [second, first],
    [leaky, 250],
  ];
  const output = outputOf({ ...list, inheritFds: crossed });
  t.same(
    named(output).sort(),
    [
      '0 -> /dev/null',
      '1 -> /memfd:stdout (deleted)',
      '2 -> /dev/null',
      `${second} -> /memfd:first (deleted)`,
      `${first} -> /memfd:second (deleted)`,
      '250 -> anon_inode:[eventfd]',
    ].sort(),
  );
  t.ok(native.isCloseOnExec(first), 'ours stays as it was');
  for (const fd of [leaky, first, second]) native.closeFd(fd);
});

t.test('stdin as a pipe', async (t) => {
  const stdout = native.memfdCreate('stdout', 0, { seal: false });
  const child = start({ file: 'cat', args: [], stdin: 'pipe', stdout });
  const stdinFd = child.stdinFd ?? -1;
  native.writeOnce(stdinFd, Buffer.from('through'), 0, 7);
  t.equal(waitForEnd(child.pidfd, 20_000), 0, 'it waits for more');
  native.closeFd(stdinFd);
  t.match(native.waitPidfd(child.pidfd, { noHang: false }), { exited: true, code: 0 });
  t.equal(native.fstat(stdout).size, 7);
  native.closeFd(stdout);
  native.closeFd(child.pidfd);
});

t.test('signals are at their defaults and a group of its own', async (t) => {
  const status = outputOf({ file: 'cat', args: ['/proc/self/status'] });
  for (const mask of ['SigBlk', 'SigIgn']) t.match(status, new RegExp(`^${mask}:\\s+0{16}$`, 'm'));
  t.not(
    readFileSync('/proc/self/status', 'utf8').match(/^SigIgn:\s+(\w+)$/m)?.[1],
    '0'.repeat(16),
    'ours ignores some, so the line above shows something',
  );
  const child = start({ file: 'sleep', args: ['60'] });
  const group = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[2];
  t.equal(Number(group), child.pid);
  t.ok(native.killGroup(child.pid, SIGKILL));
  t.match(native.waitPidfd(child.pidfd, { noHang: false }), { exited: false, signal: SIGKILL });
  t.notOk(native.killGroup(child.pid, SIGKILL), 'no process is left');
  native.closeFd(child.pidfd);
  for (const group of [0, 1, -1]) throwsUsage(t, () => native.killGroup(group, SIGCHLD));
});

t.test('orphans of the group become ours and are reaped', async (t) => {
  native.setChildSubreaper();
  const child = start({ args: ['-c', 'sleep 60 & sleep 60 & exit 4'] });
  t.match(native.waitPidfd(child.pidfd, { noHang: false }), { exited: true, code: 4 });
  t.equal(native.reapGroup(child.pid), 0, 'they still run');
  t.ok(native.killGroup(child.pid, SIGKILL));
  let reaped = 0;
  const deadline = native.monotonicUs() + 5_000_000;
  while (reaped < 2 && native.monotonicUs() < deadline) {
    native.poll(new Int32Array(0), new Int16Array(0), new Int16Array(0), 0, 1000);
    reaped += native.reapGroup(child.pid);
  }
  t.equal(reaped, 2);
  t.notOk(native.killGroup(child.pid, SIGKILL));
  native.setChildSubreaper(false);
  native.closeFd(child.pidfd);
});

t.test('a pidfd of a process that is not our child', async (t) => {
  const pidfd = native.pidfdOpen(process.ppid);
  t.match(readlinkSync(`/proc/self/fd/${pidfd}`), /pidfd/);
  native.signalPidfd(pidfd, 0);
  throwsErrno(t, () => native.waitPidfd(pidfd, { noHang: true }), 'ECHILD');
  native.closeFd(pidfd);
  throwsErrno(t, () => native.pidfdOpen(-1), 'EINVAL', 'pidfd_open');
});
