import { readFileSync } from 'node:fs';
import t from 'tap';
import * as native from '../native/native.ts';
import { scriptSystemCall } from '../native/system-call-script.ts';
import { throwsErrno, throwsUsage } from './thrown-errors.ts';

const FIONREAD = 0x541b;
const EINTR = -4;
const EIO = -5;
const EBADF = -9;
const EFAULT = -14;
const EINVAL = -22;
const pageSize = 4096;
const largestArgument = 64 * 1024;

t.test('an ioctl gets the bytes that it is given, and nothing behind them', async (t) => {
  const [first, second] = native.socketPair();
  native.sendMessage(first, new Uint8Array(77), 0, 77, null, 0, native.noDeadline);
  const answer = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff);
  t.equal(native.deviceIoctl(second, FIONREAD, answer), 0);
  t.same([...answer], [77, 0, 0, 0, 0xff, 0xff], 'written back, the rest as it was');
  for (const length of [0, 1, 3]) {
    const short = new Uint8Array(length);
    t.equal(native.deviceIoctl(second, FIONREAD, short), EFAULT, `four bytes into ${length}`);
  }
  t.equal(native.deviceIoctl(second, FIONREAD, new Uint8Array(largestArgument)), 0);
  throwsUsage(t, () => native.deviceIoctl(second, FIONREAD, new Uint8Array(largestArgument + 1)));
  throwsUsage(t, () => native.deviceIoctl(second, -1, answer));
  t.equal(native.deviceIoctl(second, 0x3b6b, answer), -25, 'ENOTTY');
  native.closeFd(first);
  native.closeFd(second);
  t.equal(native.deviceIoctl(-1, FIONREAD, answer), EBADF);
});

t.test('an ioctl is made again after an interruption, and failed as it failed', async (t) => {
  const [first, second] = native.socketPair();
  const answer = new Uint8Array(4);
  scriptSystemCall('ioctl', [EINTR, EINTR]);
  t.equal(native.deviceIoctl(second, FIONREAD, answer), 0);
  t.equal(scriptSystemCall('ioctl', [EIO]), 0, 'both were taken');
  t.equal(native.deviceIoctl(second, FIONREAD, answer), EIO);
  t.equal(scriptSystemCall('ioctl', []), 0);
  native.closeFd(first);
  native.closeFd(second);
});

t.test('a transfer is one call: short stays short, an interruption is no transfer', async (t) => {
  const fd = native.memfdCreate('device', 64, { seal: true });
  const source = Uint8Array.from({ length: 24 }, (_, index) => index + 1);
  scriptSystemCall('pwrite', [EINTR, 10]);
  t.equal(native.devicePwrite(fd, source, 4), 10);
  t.equal(scriptSystemCall('pwrite', []), 0);
  const target = new Uint8Array(24);
  scriptSystemCall('pread', [EINTR, EINTR, 7]);
  t.equal(native.devicePread(fd, target, 4), 7);
  t.equal(scriptSystemCall('pread', []), 0);
  t.same([...target.subarray(0, 9)], [1, 2, 3, 4, 5, 6, 7, 0, 0]);
  scriptSystemCall('pread', [EIO]);
  t.equal(native.devicePread(fd, target, 0), EIO);
  native.closeFd(fd);
  t.equal(native.devicePread(fd, target, 0), EBADF);
  t.equal(native.devicePwrite(fd, target, 0), EBADF);
});

t.test('a transfer of more bytes than there are meets the end of memory', async (t) => {
  const fd = native.openFile('/dev/zero');
  for (const length of [0, 1, 3]) {
    t.ok([EFAULT, length].includes(native.devicePread(fd, new Uint8Array(length), 0, length + 4)), `${length} bytes`);
  }
  t.equal(native.devicePread(fd, new Uint8Array(), 0, 4), EFAULT, 'with no memory at all');
  native.closeFd(fd);
  const file = native.memfdCreate('short', 64, { seal: true });
  t.equal(native.devicePwrite(file, new Uint8Array(), 0, 4), EFAULT);
  native.devicePwrite(file, Uint8Array.of(1, 2, 3, 4), 0);
  const target = new Uint8Array(3);
  t.equal(native.devicePread(file, target, 0, 4), 3, 'a file gives what there is room for');
  t.same([...target], [1, 2, 3]);
  throwsUsage(t, () => native.devicePread(file, new Uint8Array(largestArgument + 1), 0, largestArgument + 2));
  native.closeFd(file);
});

t.test('positions of 64 bits', async (t) => {
  const fd = native.memfdCreate('positions', 0, { seal: false });
  const position = 2 ** 40 + 3;
  t.equal(native.devicePwrite(fd, Uint8Array.of(5, 6, 7), position), 3);
  const target = new Uint8Array(8);
  t.equal(native.devicePread(fd, target, BigInt(position) + 1n), 2, 'up to the end');
  t.same([...target.subarray(0, 3)], [6, 7, 0]);
  t.equal(native.devicePread(fd, target, 1n << 62n), 0);
  t.equal(native.devicePread(fd, target, 1n << 63n), EINVAL);
  throwsUsage(t, () => native.devicePread(fd, target, -1));
  throwsUsage(t, () => native.devicePwrite(fd, target, 1n << 64n));
  native.closeFd(fd);
});

t.test('memory at an address of our choice', async (t) => {
  const fd = native.memfdCreate('placed', 2 * pageSize, { seal: true });
  const address = 0x7d12_3450_0000n;
  const placed = native.mapMemory(fd, pageSize, pageSize, { address });
  t.equal(placed.address, address);
  native.pwrite(fd, Uint8Array.of(42), 0, 1, pageSize);
  t.equal(new Uint8Array(placed.buffer)[0], 42);
  throwsErrno(t, () => native.mapMemory(fd, pageSize, 0, { address }), 'EEXIST', 'mmap');
  throwsErrno(t, () => native.mapMemory(fd, pageSize, 0, { address: address + 1n }), 'EINVAL', 'mmap');
  t.equal(new Uint8Array(placed.buffer)[0], 42, 'what lies there is left alone');
  placed.unmap();
  t.notMatch(readFileSync('/proc/self/maps', 'utf8'), /7d1234500000-/);
  const again = native.mapMemory(fd, pageSize, 0, { address });
  t.equal(again.address, address, 'free after unmap');
  again.unmap();
  native.closeFd(fd);
});
