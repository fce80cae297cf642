import { constants } from 'node:os';
import t from 'tap';
import * as native from '../native/native.ts';

const nativeModule = new URL('../native/native.js', import.meta.url).href;

/** A parent that starts a child, tells its pid and then sleeps or exits. */
function parentProgram(afterwards: string): string {
  return `
    import * as native from ${JSON.stringify(nativeModule)};
    const child = native.spawnProcess({ file: 'sleep', args: ['60'], stdin: 'null', stdout: 1, stderr: 2 });
    native.writeOnce(1, Buffer.from(child.pid + '\\n'), 0, String(child.pid).length + 1);
    ${afterwards}
  `;
}

function isReadable(fd: number, timeoutUs: number): boolean {
  return native.poll(Int32Array.of(fd), Int16Array.of(native.POLLIN), new Int16Array(1), 1, timeoutUs) === 1;
}

for (const [title, afterwards, killed] of [
  ['killed', 'setTimeout(() => {}, 60_000);', true],
  [
    'blocked in a native call and killed',
    'native.poll(new Int32Array(0), new Int16Array(0), new Int16Array(0), 0, -1);',
    true,
  ],
  ['exiting by itself', 'process.exit(0);', false],
] as const) {
  t.test(`a child does not outlive its parent: ${title}`, async (t) => {
    const output = native.pipe2({ nonblocking: false });
    const errors = native.openFile('/dev/null', 1);
    const parent = native.spawnProcess({
      file: process.execPath,
      args: ['--input-type=module', '-e', parentProgram(afterwards)],
      stdin: 'null',
      stdout: output.writeFd,
      stderr: errors,
    });
    native.closeFd(output.writeFd);
    t.ok(isReadable(output.readFd, 30_000_000));
    const buffer = Buffer.alloc(64);
    const length = native.readOnce(output.readFd, buffer, 0, 64);
    const pid = Number(buffer.subarray(0, length).toString());
    t.ok(pid > 1, `the child is ${pid}`);
    if (killed) {
      const pidfd = native.pidfdOpen(pid);
      t.notOk(isReadable(pidfd, 20_000), 'it lives while its parent does');
      native.signalPidfd(parent.pidfd, constants.signals.SIGKILL);
      t.ok(isReadable(pidfd, 10_000_000), 'and ends with it');
      native.closeFd(pidfd);
    }
    native.waitPidfd(parent.pidfd, { noHang: false });
    // Its stdout is the pipe: the end of the file says that it is gone.
    t.ok(isReadable(output.readFd, 10_000_000));
    t.equal(native.readOnce(output.readFd, buffer, 0, 64), 0);
    for (const fd of [output.readFd, errors, parent.pidfd]) native.closeFd(fd);
  });
}
