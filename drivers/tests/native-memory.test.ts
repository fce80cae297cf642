import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import * as native from '../native/native.ts';
import { throwsErrno, throwsUsage } from './thrown-errors.ts';

const pageSize = 4096;

function mappingsOf(name: string): number {
  return readFileSync('/proc/self/maps', 'utf8')
    .split('\n')
    .filter((line) => line.includes(`/memfd:${name}`)).length;
}

t.test('a sealed memfd keeps its size', async (t) => {
  const fd = native.memfdCreate('sealed', pageSize, { seal: true });
  t.equal(native.getSeals(fd), native.F_SEAL_SEAL | native.F_SEAL_SHRINK | native.F_SEAL_GROW);
  t.equal(native.fstat(fd).size, pageSize);
  t.ok(native.isCloseOnExec(fd));
  for (const size of [0, 2 * pageSize]) {
    throwsErrno(t, () => native.ftruncate(fd, size), 'EPERM', 'ftruncate');
  }
  throwsErrno(t, () => native.addSeals(fd, native.F_SEAL_GROW), 'EPERM');
  t.equal(native.fstat(fd).size, pageSize);
  native.closeFd(fd);
});

t.test('an unsealed memfd can be resized, and tells apart from another by inode', async (t) => {
  const first = native.memfdCreate('first', pageSize, { seal: false });
  const second = native.memfdCreate('second', 0, { seal: false });
  native.ftruncate(first, 3 * pageSize);
  t.equal(native.fstat(first).size, 3 * pageSize);
  t.not(native.fstat(first).inode, native.fstat(second).inode);
  native.closeFd(first);
  native.closeFd(second);
});

t.test('a memfd that cannot be made leaves no descriptor', async (t) => {
  throwsErrno(t, () => native.memfdCreate('n'.repeat(300), pageSize, { seal: true }), 'EINVAL', 'memfd_create');
  const before = native.memfdCreate('probe', 0, { seal: true });
  native.closeFd(before);
  throwsUsage(t, () => native.memfdCreate('negative', -1, { seal: true }));
  const after = native.memfdCreate('probe', 0, { seal: true });
  native.closeFd(after);
  t.equal(after, before);
});

t.test('two mappings of one memfd and its file offsets are the same memory', async (t) => {
  const fd = native.memfdCreate('shared', 2 * pageSize, { seal: true });
  const whole = native.mapMemory(fd, 2 * pageSize);
  const second = native.mapMemory(fd, pageSize, pageSize);
  t.not(whole.address, second.address);
  t.equal(second.length, pageSize);
  new Uint8Array(whole.buffer).set([1, 2, 3], pageSize);
  t.same([...new Uint8Array(second.buffer, 0, 3)], [1, 2, 3]);
  native.pwrite(fd, Uint8Array.of(9), 0, 1, BigInt(pageSize + 1));
  t.equal(new Uint8Array(second.buffer)[1], 9);
  t.equal(Atomics.add(new Uint16Array(whole.buffer), pageSize / 2, 1), 0x0901);
  t.equal(Atomics.load(new Uint16Array(second.buffer), 0), 0x0902);
  second.unmap();
  t.equal(new Uint8Array(whole.buffer)[pageSize], 2, 'the other mapping stays');
  whole.unmap();
  native.closeFd(fd);
});

t.test('unmap detaches the buffer and its views, and again has no effect', async (t) => {
  const fd = native.memfdCreate('unmapped', pageSize, { seal: true });
  const mapping = native.mapMemory(fd, pageSize);
  const bytes = new Uint8Array(mapping.buffer);
  bytes[0] = 1;
  t.equal(mappingsOf('unmapped'), 1);
  t.ok(mapping.isMapped);
  mapping.unmap();
  t.equal(mappingsOf('unmapped'), 0);
  t.notOk(mapping.isMapped);
  t.equal(mapping.buffer.byteLength, 0);
  t.equal(bytes.length, 0);
  t.equal(bytes[0], undefined);
  // A second mapping is likely to get the same address: it must survive.
  const next = native.mapMemory(fd, pageSize);
  mapping.unmap();
  await sleep(1);
  t.equal(mappingsOf('unmapped'), 1);
  t.equal(new Uint8Array(next.buffer)[0], 1);
  next.unmap();
  native.closeFd(fd);
});

t.test('a mapping that was only dropped is unmapped by the collector', async (t) => {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect !== 'function') throw new Error('no gc');
  const fd = native.memfdCreate('dropped', pageSize, { seal: true });
  for (let index = 0; index < 8; index++) native.mapMemory(fd, pageSize);
  t.equal(mappingsOf('dropped'), 8);
  for (let turn = 0; turn < 20 && mappingsOf('dropped') > 0; turn++) {
    collect();
    await sleep(5);
  }
  t.equal(mappingsOf('dropped'), 0);
  native.closeFd(fd);
});

t.test('the address hint is taken where it is free', async (t) => {
  const fd = native.memfdCreate('hinted', pageSize, { seal: true });
  const addressHint = 0x5a0000000000n;
  const mapping = native.mapMemory(fd, pageSize, 0, { addressHint });
  t.equal(mapping.address, addressHint);
  const beside = native.mapMemory(fd, pageSize, 0, { addressHint });
  t.not(beside.address, addressHint);
  mapping.unmap();
  beside.unmap();
  native.closeFd(fd);
});

t.test('a read-only mapping of a file that may not be written', async (t) => {
  const path = t.testdir({ file: 'content' });
  const fd = native.openFile(`${path}/file`);
  throwsErrno(t, () => native.mapMemory(fd, 7), 'EACCES', 'mmap');
  const mapping = native.mapMemory(fd, 7, 0, { readOnly: true });
  t.equal(Buffer.from(mapping.buffer).toString(), 'content');
  mapping.unmap();
  native.closeFd(fd);
});

t.test('what cannot be mapped', async (t) => {
  const fd = native.memfdCreate('refused', pageSize, { seal: true });
  throwsErrno(t, () => native.mapMemory(fd, 0), 'EINVAL');
  throwsErrno(t, () => native.mapMemory(fd, pageSize, 1), 'EINVAL');
  throwsErrno(t, () => native.mapMemory(-1, pageSize), 'EBADF');
  throwsUsage(t, () => native.mapMemory(fd, -1));
  throwsUsage(t, () => native.mapMemory(fd, Number.NaN));
  throwsErrno(t, () => native.mapMemory(fd, 2 ** 48), 'ENOMEM', 'mmap');
  native.closeFd(fd);
});
