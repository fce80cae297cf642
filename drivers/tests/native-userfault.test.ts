import t from 'tap';
import * as native from '../native/native.ts';
import { isUserfault } from '../session/is-userfault.ts';
import { throwsErrno, throwsUsage } from './thrown-errors.ts';

const pageSize = 4096;
const why = native.hasUserfault() ? false : 'this machine has no userfaultfd for this process';

/** What waits within a second. */
function faultOf(userfault: number): bigint | undefined {
  const deadline = native.monotonicUs() + 10_000_000;
  for (;;) {
    const address = native.userfaultRead(userfault);
    if (address !== undefined || native.monotonicUs() > deadline) return address;
    native.pollOne(userfault, native.POLLIN, 10_000);
  }
}

t.test('an access to a missing page shows, and goes on once the page is there', { skip: why }, async (t) => {
  const fd = native.memfdCreate('missing', 4 * pageSize, { seal: true });
  const mapping = native.mapMemory(fd, 4 * pageSize);
  const userfault = native.userfaultOpen();
  const eventfd = native.eventfdCreate();
  t.ok(isUserfault(userfault));
  t.notOk(isUserfault(eventfd));
  native.userfaultRegister(userfault, mapping.address, mapping.length);
  t.equal(native.userfaultRead(userfault), undefined, 'nothing waits yet');

  const touch = native.startTouch(mapping, 2 * pageSize + 100, 10, pageSize, eventfd);
  t.equal(faultOf(userfault), mapping.address + BigInt(2 * pageSize), 'the page of the access');
  t.notOk(touch.isOver());
  throwsErrno(t, () => mapping.unmap(), 'EBUSY');
  native.pwrite(fd, Uint8Array.of(7), 0, 1, 2 * pageSize + 100);
  native.userfaultWake(userfault, mapping.address + BigInt(2 * pageSize), pageSize);
  native.pollOne(eventfd, native.POLLIN, 10_000_000);
  t.ok(touch.isOver());
  touch.end();
  throwsErrno(t, () => touch.end(), 'EINVAL');
  t.equal(new Uint8Array(mapping.buffer)[2 * pageSize + 100], 7, 'what arrived');

  const across = native.startTouch(mapping, pageSize - 1, 2, pageSize, eventfd);
  t.equal(faultOf(userfault), mapping.address, 'the first page of two');
  native.fillHoles(fd, 0, pageSize);
  native.userfaultWake(userfault, mapping.address, pageSize);
  t.equal(faultOf(userfault), mapping.address + BigInt(pageSize), 'the second, once the first is there');
  native.userfaultUnregister(userfault, mapping.address, mapping.length);
  across.end();
  t.equal(new Uint8Array(mapping.buffer)[pageSize], 0, 'what never arrived is zero once none is waited for');

  mapping.unmap();
  for (const open of [fd, userfault, eventfd]) native.closeFd(open);
});

t.test('holes of a memory file', async (t) => {
  const fd = native.memfdCreate('holes', 4 * pageSize, { seal: true });
  t.equal(native.nextData(fd, 0), undefined);
  native.pwrite(fd, Uint8Array.of(1), 0, 1, pageSize);
  t.equal(native.nextData(fd, 0), pageSize);
  native.fillHoles(fd, 0, 2 * pageSize);
  const byte = new Uint8Array(1);
  native.pread(fd, byte, 0, 1, pageSize);
  t.equal(byte[0], 1, 'what was there stays');
  native.punchHole(fd, 0, 4 * pageSize);
  t.equal(native.nextData(fd, 0), undefined);
  t.equal(native.fstat(fd).size, 4 * pageSize);
  native.closeFd(fd);
});

t.test('what cannot be', async (t) => {
  const fd = native.memfdCreate('refused', pageSize, { seal: true });
  const mapping = native.mapMemory(fd, pageSize);
  throwsErrno(t, () => native.userfaultRegister(fd, mapping.address, pageSize), 'ENOTTY');
  throwsErrno(t, () => native.userfaultWake(fd, mapping.address, pageSize), 'ENOTTY');
  throwsUsage(t, () => native.startTouch(mapping, 0, pageSize + 1, pageSize, fd));
  throwsUsage(t, () => native.startTouch(mapping, 0, 1, 0, fd));
  mapping.unmap();
  native.closeFd(fd);
});
